// The language in which a collection is declared: its fields, its unique keys, and the collection
// whose rows own its rows. Written by hand, each of these would be repeated in the types, the
// indexes, the cascading deletes, the checks of the data file, and in export and import. Here they
// are declared once, and stores derive the rest.
//
// A declaration is data, so a program can walk it: the engine in memory turns it into Maps, and
// another engine could turn it into SQL tables. The only functions in it compute unique keys.
//
// Left out: nested fields, references to a second owner, and indexes that are not unique.

import type { Failure } from '../lib/errors.ts';

/** Identifies a row in its collection: 1 to 2^53 - 1, never assigned twice. */
export type Id = number;

/**
 * The highest id, version or other counter of a row. A row at 2^53 - 1 could never change again: in
 * JavaScript, the next integer is the same number.
 */
export const COUNTER_MAX = 2 ** 52;
/** The maximum after an import or a repair, which leaves each counter 2^51 steps. */
export const COUNTER_GIVEN_MAX = COUNTER_MAX / 2;

/** The fields of every row. `version` counts the changes to the row, for optimistic locking. */
export interface Entity {
  readonly id: Id;
  readonly version: number;
}

/** The kinds of fields, and the types of their values. */
export interface Kinds {
  readonly text: string;
  readonly integer: number;
  /** An integer from 0 that only ever increases. */
  readonly counter: number;
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly boolean: boolean;
}

export type Field = { readonly [Kind in keyof Kinds]: FieldOf<Kind> }[keyof Kinds];

interface FieldOf<Kind extends keyof Kinds> {
  readonly kind: Kind;
  /** The value in rows that lack the field: rows older than the declaration, and new rows. */
  readonly default?: Kinds[Kind];
  /** Whether rows may lack the field; default false. */
  readonly optional?: boolean;
  /** Whether an export leaves the field out unless asked for it; default false. */
  readonly secret?: boolean;
}

export type Fields = Readonly<Record<string, Field>>;

/** The type of a row with these fields. */
export type RowOf<F extends Fields> = Entity & {
  readonly [Name in Exclude<keyof F, OptionalIn<F>>]: Kinds[F[Name]['kind']];
} & {
  readonly [Name in OptionalIn<F>]?: Kinds[F[Name]['kind']] | undefined;
};

/** The type of the values that a new row is created from; the store adds id, version and defaults. */
export type NewRowOf<F extends Fields> = {
  readonly [Name in Exclude<keyof F, OptionalIn<F> | DefaultedIn<F>>]: Kinds[F[Name]['kind']];
} & {
  readonly [Name in OptionalIn<F> | DefaultedIn<F>]?: Kinds[F[Name]['kind']] | undefined;
};

type OptionalIn<F extends Fields> = {
  [Name in keyof F]: F[Name] extends { readonly optional: true } ? Name : never;
}[keyof F];

type DefaultedIn<F extends Fields> = {
  [Name in keyof F]: F[Name] extends { readonly default: unknown } ? Name : never;
}[keyof F];

export interface Collection<
  F extends Fields = Fields,
  Owner extends string = string,
  Row extends Entity = RowOf<F>,
> {
  readonly fields: F;
  /** The owner of a row: removing the owner removes the row. `field` holds the owner's id. */
  readonly owner?: { readonly collection: Owner; readonly field: keyof F & string };
  /**
   * Whether rows are created even if their user's quota is exceeded, or the store is full: they do
   * not count in the quota, and may use a reserve of the store. Their number needs a bound of its
   * own. Default false.
   */
  readonly isEssential?: boolean;
  readonly unique: Readonly<Record<string, UniqueIndex<Row>>>;
}

/** An index in which no new row may have the key of another row. */
export interface UniqueIndex<Row> {
  key(row: Row): string;
  /**
   * The key that an earlier version used. Rows of that version may share a key if their former keys
   * differ, until the key of one of them changes.
   */
  formerKey?(row: Row): string;
  /** The failure of a write that would put the second row with a key. */
  readonly taken: Failure;
}

/** Declares a collection; the row's type is inferred from the fields. */
export function collection<const F extends Fields, const Owner extends string = never>(
  declaration: Omit<Collection<F, Owner>, 'unique'> & Partial<Pick<Collection<F, Owner>, 'unique'>>,
): Collection<F, Owner> {
  return { unique: {}, ...declaration };
}

/**
 * Returns the names in an order in which every owner precedes the collections it owns.
 *
 * @throws TypeError if an owner is not declared, or if collections own each other in a circle.
 */
export function ownersFirst<Name extends string>(
  collections: Readonly<Record<Name, Pick<Collection<Fields, Name>, 'owner'>>>,
): readonly Name[] {
  const names = Object.keys(collections) as Name[];
  const ordered: Name[] = [];
  while (ordered.length < names.length) {
    const next = names.find((name) => {
      const owner = collections[name].owner?.collection;
      return !ordered.includes(name) && (owner === undefined || ordered.includes(owner));
    });
    if (next === undefined) throw new TypeError('Cannot order collections: an owner is missing');
    ordered.push(next);
  }
  return ordered;
}
