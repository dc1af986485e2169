// What a store is to the rest of Jot: repositories to read from and one way to write. Nobody above this line knows
// whether rows are in memory, in a file or in a database.
//
// A write is a list of operations that happen together or not at all. It is data, not a callback, so a store can run it
// in memory, put it on one line of a file, or send it as one transaction. The promise that resolves means: durable.

import type { Failure } from '../lib/errors.ts';
import type { Metric } from '../lib/metric.ts';
import type { Page } from '../lib/page.ts';
import type { CollectionName, Entity, Id, NewRows, Rows } from './collections.ts';

export type Order = 'asc' | 'desc';

export interface ListQuery {
  /** Whose rows; for collections that have owners. */
  readonly owner?: Id;
  /** Exclusive; 0 from the start in either order. */
  readonly after: Id;
  readonly limit: number;
  readonly order: Order;
}

/** The fields of a row other than id and version. */
export type Values<Row extends Entity> = Omit<Row, keyof Entity>;

/** What else has to hold, or happen, in the same write. */
export interface WriteOptions {
  readonly guards?: readonly Operation[];
}

export interface UpdateOptions extends WriteOptions {
  /** Only if the row still has this version. */
  readonly ifVersion?: number | undefined;
  /** Leave the version as it is: what changed is not the row's meaning. */
  readonly keepVersion?: boolean;
}

export interface Repository<Row extends Entity, NewRow = Values<Row>> {
  find(id: Id): Promise<Row | null>;
  /** @throws JotError `not_found`. */
  get(id: Id): Promise<Row>;
  /** The row with this key in a unique index. If rows share the key, the former key decides. */
  findBy(index: string, key: string, formerKey?: string): Promise<Row | null>;
  list(query: ListQuery): Promise<Page<Row>>;
  /** @throws JotError `conflict`. */
  create(values: NewRow, options?: WriteOptions): Promise<Row>;
  /** @throws JotError `not_found`, `precondition_failed`, `conflict`. */
  update(id: Id, change: Partial<Values<Row>>, options?: UpdateOptions): Promise<Row>;
  /** Removes the row and everything it owns. @throws JotError `not_found`, `precondition_failed`. */
  remove(id: Id, options?: UpdateOptions): Promise<void>;
  /**
   * A number that is another one after every change to the list (of this owner) and never comes back; 0 before there ever was
   * a row in it, and once its owner is gone.
   */
  revision(owner?: Id): Promise<number>;
  /** How many rows there are. */
  count(): Promise<number>;
}

/** One step of a write. */
export type Operation = { readonly [Name in CollectionName]: OperationOn<Name> }[CollectionName];

type OperationOn<Name extends CollectionName> =
  | { readonly create: Name; readonly values: NewRows[Name] }
  | ({
      readonly update: Name;
      readonly id: Id;
      readonly change: Partial<Values<Rows[Name]>>;
    } & Omit<UpdateOptions, 'guards'>)
  | { readonly remove: Name; readonly id: Id; readonly ifVersion?: number | undefined }
  /** Like `remove`, but a row that has gone already is no failure. */
  | { readonly discard: Name; readonly id: Id }
  /** For lists of a bounded length, since it takes time for each row, unlike `remove`. */
  | { readonly discardOwned: Name; readonly owner: Id }
  /** Changes nothing; the whole write fails, with this failure, unless the row is there, and with this version if one is given. */
  | {
      readonly expect: Name;
      readonly id: Id;
      readonly ifVersion?: number;
      /** Fields that the row must still have, whatever else has changed. */
      readonly values?: Partial<Values<Rows[Name]>>;
      readonly failure?: Failure;
    };

/** What a compaction achieved. */
export interface Compaction {
  readonly bytesBefore: number;
  readonly bytesAfter: number;
}

/** How much of each bound has been used. */
export type Usage = { readonly bytes: Used } & { readonly [name in CollectionName]?: Used };

export interface Used {
  readonly used: number;
  readonly max: number;
}

/** Whether writes would work, and if not, why. */
export type StoreStatus = { readonly ok: true } | { readonly ok: false; readonly reason: string };

/**
 * What other processes can ask of the one that has the store open, by name. A request may bring a value that came as JSON and
 * may be anything; what is answered is sent as JSON.
 */
export type ControlHandlers = Readonly<Record<string, (value: unknown) => Promise<unknown>>>;

export type Repositories = { readonly [Name in CollectionName]: Repository<Rows[Name], NewRows[Name]> };

export interface Store extends Repositories {
  /** Metrics of this kind of store, such as the size of its file. */
  readonly metrics: readonly Metric[];
  /**
   * All of the operations or none, in order, each seeing the ones before.
   *
   * @returns once it is durable.
   * @throws JotError what the operation that fails would throw, or `unavailable` when the write can't be made durable.
   */
  write(operations: readonly Operation[]): Promise<void>;
  /** Resolves to the bounds and the usage of the user, or of the whole store. */
  usage(user?: Id): Promise<Usage>;
  status(): Promise<StoreStatus>;
  /**
   * Gives back the room that rows take which have changed since or are gone, while reads and writes go on. A store does so
   * by itself when that is more than half.
   *
   * @throws JotError `unavailable` when it can't be done now; everything is as before.
   */
  compact(): Promise<Compaction>;
  /** Finishes the writes under way and lets go of what it holds. */
  close(): Promise<void>;
}
