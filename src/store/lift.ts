// Converts ("lifts") rows of an older schema into the current shape: it applies the later
// migrations in order, then adds the defaults of missing fields. `migrations.ts` explains why this
// happens for each line.
//
// A collection or field that is still unknown after the migrations must come from a newer Jot.
// Dropping it would lose data silently, so it is an error.

import { type CollectionName, collectionNames, collections, type Entity, type Id } from './collections.ts';
import { DamageError, NewerError } from './damage.ts';
import type { Effect } from './memory/tables.ts';
import { type Migration, migrations, type OldRow } from './migrations.ts';

/** The current schema: the number of the last migration; 0 without migrations. */
export const SCHEMA = migrations.at(-1)?.number ?? 0;

/** An effect as written, with the collection and field names of its schema. */
export type WrittenEffect =
  | { readonly put: string; readonly row: OldRow }
  | { readonly remove: string; readonly id: Id }
  | { readonly removeOwned: string; readonly owner: Id };

/**
 * Called with each row that had an older shape, and with the names of the fields that got their
 * default.
 */
export type OnLifted = (row: Entity, defaulted: readonly string[]) => void;

interface Shape {
  readonly name: CollectionName;
  readonly fields: ReadonlySet<string>;
  /** Field names of the last lifted row, in their order. */
  order: readonly string[];
  /** Fields with a default, and that default. */
  readonly defaults: readonly (readonly [field: string, value: unknown])[];
}

const shapes: ReadonlyMap<string, Shape> = new Map(collectionNames.map((name) => [name, shapeOf(name)]));

/** Returns the migrations that are newer than this schema. */
export function migrationsSince(schema: number): readonly Migration[] {
  return migrations.filter(({ number }) => number > schema);
}

/** @throws NewerError if the schema is newer than the current one. */
export function requireKnownSchema(schema: number): void {
  if (schema > SCHEMA) throw new NewerError(`its schema is number ${schema}, and this Jot's is ${SCHEMA}`);
}

/**
 * Returns the effect in the current shape; null if its collection was dropped.
 *
 * @param schema Number of the schema under which the effect was written.
 * @throws NewerError for an unknown collection or field; DamageError if a migration fails.
 */
export function liftEffect(effect: WrittenEffect, schema: number, onLifted?: OnLifted): Effect | null {
  if ('put' in effect) {
    const lifted = liftRow(effect.put, effect.row, schema, onLifted);
    return lifted && { put: lifted.name, row: lifted.row };
  }
  const name = liftName('remove' in effect ? effect.remove : effect.removeOwned, schema);
  if (name === null) return null;
  return 'remove' in effect ? { remove: name, id: effect.id } : { removeOwned: name, owner: effect.owner };
}

/**
 * Returns whether an effect written under the current schema puts a row in the current shape.
 *
 * A start calls this for every row. Nearly all rows of a collection have the same fields in the
 * same order, and comparing those with an earlier row's is faster than looking up each field.
 */
export function isInShape(effect: WrittenEffect): boolean {
  if (!('put' in effect)) return false;
  const shape = shapes.get(effect.put);
  if (shape === undefined) return false;
  const { order } = shape;
  let count = 0;
  for (const field in effect.row) if (field !== order[count++]) return false;
  return count === order.length;
}

/**
 * Returns the current name of a collection; null if it was dropped. Throws as `liftEffect` does.
 */
export function liftName(written: string, schema: number): CollectionName | null {
  let name: string | null = written;
  for (const migration of migrationsSince(schema)) {
    name = nameAfter(migration, name);
    if (name === null) return null;
  }
  return shapeNamed(name, schema).name;
}

/**
 * Returns a row in the current shape; null if its collection was dropped. Throws as `liftEffect`
 * does.
 */
export function liftRow(
  written: string,
  row: OldRow,
  schema: number,
  onLifted?: OnLifted,
): { name: CollectionName; row: Entity } | null {
  let name: string | null = written;
  let lifted = row;
  for (const migration of schema < SCHEMA ? migrationsSince(schema) : []) {
    lifted = rowAfter(migration, name, lifted);
    name = nameAfter(migration, name);
    if (name === null) return null;
  }
  const shape = shapeNamed(name, schema);
  requireKnownFields(shape, lifted, schema);
  const missing = missingDefaults(shape.name, lifted);
  // No spread: V8 would create a new hidden class for every row.
  const whole: OldRow =
    missing.length === 0 ? lifted : Object.assign({}, lifted, Object.fromEntries(missing));
  shape.order = Object.keys(whole);
  const lifting = { name: shape.name, row: whole as object as Entity };
  const isAsWritten = name === written && whole === row;
  if (!isAsWritten) {
    const fields = missing.map(([field]) => field);
    onLifted?.(lifting.row, fields);
  }
  return lifting;
}

/** Returns the fields of the collection that have a default and that the row lacks. */
export function missingDefaults(name: CollectionName, row: object): readonly (readonly [string, unknown])[] {
  const { defaults } = shapeNamed(name, SCHEMA);
  return defaults.filter(([field]) => Reflect.get(row, field) === undefined);
}

// A migration may throw on a row whose values have the wrong types.
function rowAfter({ number, rows = {} }: Migration, name: string, row: OldRow): OldRow {
  try {
    return (Object.hasOwn(rows, name) ? rows[name]?.(row) : undefined) ?? row;
  } catch (error) {
    throw new DamageError(
      `migration ${number} failed for row ${row.id} of ${name}: ${(error as Error).message}`,
    );
  }
}

function nameAfter({ collections = {} }: Migration, name: string): string | null {
  return Object.hasOwn(collections, name) ? (collections[name] ?? null) : name;
}

function shapeNamed(name: string, schema: number): Shape {
  const shape = shapes.get(name);
  if (shape === undefined) throw unknown(`"${name}", a collection`, schema);
  return shape;
}

function requireKnownFields({ name, fields }: Shape, row: OldRow, schema: number): void {
  for (const field in row) if (!fields.has(field)) throw unknown(`"${field}" of ${name}, a field`, schema);
}

function unknown(what: string, schema: number): NewerError {
  return new NewerError(
    `it has ${what} unknown to this Jot; its schema is number ${schema}, and this Jot's is ${SCHEMA}`,
  );
}

function shapeOf(name: CollectionName): Shape {
  const fields = Object.entries(collections[name].fields);
  return {
    name,
    fields: new Set(['id', 'version', ...fields.map(([field]) => field)]),
    order: [],
    defaults: fields.flatMap(([field, { default: value }]) => (value === undefined ? [] : [[field, value]])),
  };
}
