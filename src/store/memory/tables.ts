// The rows as they are durable: plain Maps and the indexes that the collections declare. Only changes that are on disk
// get here, so whoever reads here never sees a write that may still be lost.

import type { Failure } from '../../lib/errors.ts';
import { JotError } from '../../lib/errors.ts';
import type { Page } from '../../lib/page.ts';
import { DEFAULT_CAPACITY } from '../capacity.ts';
import {
  byCollection,
  type CollectionName,
  collectionNames,
  collections,
  type Entity,
  type Id,
  ownerOf,
} from '../collections.ts';
import type { UniqueIndex } from '../declaration.ts';
import type { ListQuery } from '../store.ts';
import { IdList } from './id-list.ts';
import { Usage } from './usage.ts';

// What a removal takes in the data file, on the scale of `rowBytes`.
const REMOVAL_BYTES = 100;

/** One effect of a write, as simple as it can be: this is what the data file holds. */
export type Effect =
  | { readonly put: CollectionName; readonly row: Entity }
  /** Removes the row and everything that it owns, at any depth. */
  | { readonly remove: CollectionName; readonly id: Id }
  /** Removes the owner's rows in this collection, and everything that they own. */
  | { readonly removeOwned: CollectionName; readonly owner: Id };

/** The effects of one write: all of them or none. */
export type Change = readonly Effect[];

/** The rows of one collection by id, in the order of insertion. */
export interface RowMap {
  readonly size: number;
  has(id: Id): boolean;
  get(id: Id): Entity | undefined;
  set(id: Id, row: Entity): unknown;
  delete(id: Id): boolean;
  /** Includes rows that are set during the iteration. */
  values(): Iterable<Entity>;
}

interface List {
  readonly ids: IdList;
  revision: number;
}

interface Table {
  readonly rows: RowMap;
  /** Index name to key to id. */
  readonly unique: Map<string, Map<string, Id>>;
  /** By owner; all of them under 0 where there are no owners. */
  readonly lists: Map<Id, List>;
  nextId: Id;
}

export interface TablesOptions {
  /** Maximum rows of a collection; default 2^23. */
  readonly rowsMax?: number;
  /** Returns where the rows of a collection are kept; default in memory. */
  readonly createRows?: (() => RowMap) | undefined;
}

const createMap = () => new Map<Id, Entity>();

export class Tables {
  readonly #tables: Readonly<Record<CollectionName, Table>>;
  readonly #rowsMax: number;
  readonly usage = new Usage((name, id) => this.find(name, id));
  #revision = 0;
  #appliedBytes = 0;

  constructor({ rowsMax = DEFAULT_CAPACITY.rows, createRows = createMap }: TablesOptions = {}) {
    this.#rowsMax = rowsMax;
    this.#tables = byCollection((name) => emptyTable(name, createRows()));
  }

  find(name: CollectionName, id: Id): Entity | undefined {
    return this.#tables[name].rows.get(id);
  }

  findId(name: CollectionName, index: string, key: string): Id | undefined {
    return this.#tables[name].unique.get(index)?.get(key);
  }

  /** Returns whether the row's owner is missing. */
  isOrphan(name: CollectionName, row: Entity): boolean {
    const { owner } = collections[name];
    return owner !== undefined && !this.#tables[owner.collection].rows.has(ownerOf(name, row));
  }

  ownedIds(name: CollectionName, owner: Id): Iterable<Id> {
    return this.#tables[name].lists.get(owner)?.ids ?? [];
  }

  nextId(name: CollectionName): Id {
    return this.#tables[name].nextId;
  }

  /** Bytes of everything that was ever applied, rows that have changed or are gone among it. */
  get appliedBytes(): number {
    return this.#appliedBytes;
  }

  /** The rows in the order in which they came; those that come meanwhile follow. */
  rows(name: CollectionName): Iterable<Entity> {
    return this.#tables[name].rows.values();
  }

  count(name: CollectionName): number {
    return this.#tables[name].rows.size;
  }

  revision(name: CollectionName, owner: Id = 0): number {
    return this.#tables[name].lists.get(owner)?.revision ?? 0;
  }

  list(name: CollectionName, query: ListQuery): Page<Entity> {
    const table = this.#tables[name];
    const ids = table.lists.get(query.owner ?? 0)?.ids.page({ ...query, limit: query.limit + 1 }) ?? [];
    const rows = ids.slice(0, query.limit).map((id) => table.rows.get(id) as Entity);
    const last = rows.at(-1);
    return { rows, next: ids.length > rows.length && last !== undefined ? last.id : null };
  }

  /** Ids below this one are taken, though their rows may be gone. */
  reserveIds(name: CollectionName, nextId: Id): void {
    const table = this.#tables[name];
    table.nextId = Math.max(table.nextId, nextId);
  }

  apply(changes: readonly Change[]): void {
    for (const change of changes) for (const effect of change) this.#apply(effect);
  }

  #apply(effect: Effect): void {
    if (!('put' in effect)) this.#appliedBytes += REMOVAL_BYTES;
    if ('put' in effect) this.#put(effect.put, effect.row);
    else if ('remove' in effect) this.#remove(effect.remove, effect.id);
    else this.#removeOwned(effect.removeOwned, effect.owner);
  }

  #put(name: CollectionName, row: Entity): void {
    const table = this.#tables[name];
    const before = table.rows.get(row.id);
    if (before !== undefined) this.#forget(table, name, before);
    else if (table.rows.size >= this.#rowsMax) throw tooMany(name, this.#rowsMax);
    this.#appliedBytes += this.usage.add(name, row);
    table.rows.set(row.id, row);
    table.nextId = Math.max(table.nextId, row.id + 1);
    for (const [index, key] of uniqueKeys(name, row)) table.unique.get(index)?.set(key, row.id);
    const owner = ownerOf(name, row);
    const list = table.lists.get(owner) ?? { ids: new IdList(), revision: 0 };
    list.ids.add(row.id);
    list.revision = ++this.#revision;
    table.lists.set(owner, list);
  }

  // The list stays when its last row goes, and with it the number of its last change.
  #remove(name: CollectionName, id: Id): void {
    const table = this.#tables[name];
    const row = table.rows.get(id);
    if (row === undefined) return;
    this.#drop(name, row);
    const list = table.lists.get(ownerOf(name, row));
    if (list === undefined) return;
    list.ids.remove(id);
    list.revision = ++this.#revision;
  }

  // The list goes as a whole: taking the rows off it one by one would cost the square of their number.
  #removeOwned(name: CollectionName, owner: Id): void {
    const { rows, lists } = this.#tables[name];
    for (const id of lists.get(owner)?.ids ?? []) {
      const row = rows.get(id);
      if (row !== undefined) this.#drop(name, row);
    }
    lists.delete(owner);
  }

  #drop(name: CollectionName, row: Entity): void {
    const table = this.#tables[name];
    this.#forget(table, name, row);
    this.usage.drop(name, row);
    table.rows.delete(row.id);
    for (const owned of ownedCollections[name]) this.#removeOwned(owned, row.id);
  }

  // A key may be another row's by now: a snapshot that was taken while changes went on shows rows of different times.
  #forget(table: Table, name: CollectionName, row: Entity): void {
    this.usage.subtract(name, row);
    for (const [index, key] of uniqueKeys(name, row)) {
      const ids = table.unique.get(index);
      if (ids?.get(key) === row.id) ids.delete(key);
    }
  }
}

/** Whether rows of this collection take keys at all. */
export function hasUniqueKeys(name: CollectionName): boolean {
  return uniqueIndexes[name].length > 0;
}

/** The keys that the row takes in its collection's unique indexes. */
export function uniqueKeys(
  name: CollectionName,
  row: Entity,
): [index: string, key: string, taken: Failure][] {
  return uniqueIndexes[name].map(([index, { key, taken }]) => [index, key(row), taken]);
}

/** The collections that this one owns. */
export const ownedCollections = byCollection((name) =>
  collectionNames.filter((other) => collections[other].owner?.collection === name),
);

// As lists, since a write asks for them more than once.
const uniqueIndexes = byCollection<[string, UniqueIndex<Entity>][]>((name) =>
  Object.entries(collections[name].unique),
);

function tooMany(name: CollectionName, rowsMax: number): JotError {
  return new JotError(
    'unavailable',
    `Cannot hold more than ${rowsMax.toLocaleString('en-US')} rows of ${name}`,
  );
}

function emptyTable(name: CollectionName, rows: RowMap): Table {
  const unique = new Map(
    Object.keys(collections[name].unique).map((index) => [index, new Map<string, Id>()]),
  );
  return { rows, unique, lists: new Map(), nextId: 1 };
}
