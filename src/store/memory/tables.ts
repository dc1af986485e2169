// The rows as they are durable: Maps and the indexes that the collections declare. Only changes
// that are on the disk are applied, so a read never shows a write that may still be lost.
//
// Removing a row also removes everything that it owns. Taking a million rows out of the Maps would
// stop all requests for a third of a second. So a removal only drops the row's lists, in constant
// time, and no read shows a row in a dropped list, or below such a row. `purge` takes those rows
// out of the Maps, a bounded number per call.

import { JotError } from '../../lib/errors.ts';
import type { Page } from '../../lib/page.ts';
import { DEFAULT_CAPACITY } from '../capacity.ts';
import {
  byCollection,
  type CollectionName,
  collections,
  type Entity,
  formerKeyOf,
  type Id,
  ownedCollections,
  ownerOf,
  uniqueKeys,
} from '../collections.ts';
import type { ListQuery } from '../store.ts';
import { DroppedLists } from './dropped-lists.ts';
import { IdList } from './id-list.ts';
import { IdMap, type RowMap } from './id-map.ts';
import { KeyIndex } from './key-index.ts';
import { Usage } from './usage.ts';

// Takes about a millisecond.
const ROWS_PER_PURGE = 1_000;
// Bytes of a removal in the data file, on the scale of `rowBytes`.
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

interface List {
  readonly ids: IdList;
  revision: number;
  bytes: number;
}

interface Table {
  readonly rows: RowMap;
  /** By the name of the index. */
  readonly unique: Map<string, KeyIndex>;
  /** By owner; all of them under 0 where there are no owners. */
  readonly lists: IdMap<List>;
  nextId: Id;
}

export interface TablesOptions {
  /** Maximum rows of a collection; default 2^23. */
  readonly rowsMax?: number;
  /** Returns where the rows of a collection are kept; default in memory. */
  readonly createRows?: () => RowMap;
  /** Maximum rows that one call of `purge` takes out; default 1,000. */
  readonly rowsPerPurge?: number;
}

export class Tables {
  readonly #tables: Readonly<Record<CollectionName, Table>>;
  readonly #rowsMax: number;
  readonly #rowsPerPurge: number;
  /** Counts dropped rows until they are purged, since they are still in memory. */
  readonly usage = new Usage((name, id) => this.find(name, id));
  readonly #dropped = new DroppedLists();
  #droppedBytes = 0;
  #revision = 0;
  #appliedBytes = 0;

  constructor({ createRows = () => new IdMap<Entity>(), ...options }: TablesOptions = {}) {
    const { rowsMax = DEFAULT_CAPACITY.rows, rowsPerPurge = ROWS_PER_PURGE } = options;
    this.#rowsMax = rowsMax;
    this.#rowsPerPurge = rowsPerPurge;
    this.#tables = byCollection((name) => emptyTable(name, createRows()));
  }

  find(name: CollectionName, id: Id): Entity | undefined {
    const row = this.#tables[name].rows.get(id);
    return row === undefined || this.#isDropped(name, row) ? undefined : row;
  }

  /** Returns the ids of the rows with this key, in the order in which they were put. */
  holders(name: CollectionName, index: string, key: string): readonly Id[] {
    const ids = this.#tables[name].unique.get(index)?.idsOf(key) ?? [];
    return ids.filter((id) => this.find(name, id) !== undefined);
  }

  findId(name: CollectionName, index: string, key: string, formerKey?: string): Id | undefined {
    const ids = this.holders(name, index, key);
    if (ids.length < 2 || formerKey === undefined) return ids[0];
    return ids.find((id) => formerKeyOf(name, index, this.find(name, id) as Entity) === formerKey);
  }

  /** Returns whether the row's owner is missing. */
  isOrphan(name: CollectionName, row: Entity): boolean {
    const { owner } = collections[name];
    return owner !== undefined && !this.#has(owner.collection, ownerOf(name, row));
  }

  ownedIds(name: CollectionName, owner: Id): Iterable<Id> {
    return this.#list(name, owner)?.ids ?? [];
  }

  /** Returns whether the row owns rows of any collection. */
  owns(name: CollectionName, id: Id): boolean {
    return ownedCollections[name].some((owned) => (this.#list(owned, id)?.ids.length ?? 0) > 0);
  }

  nextId(name: CollectionName): Id {
    return this.#tables[name].nextId;
  }

  /** Bytes of all rows ever applied, including those that were changed or removed since. */
  get appliedBytes(): number {
    return this.#appliedBytes;
  }

  /** Bytes of the rows; those below dropped rows count until the purge reaches them. */
  get liveBytes(): number {
    return this.usage.total.bytes - this.#droppedBytes;
  }

  /** Roughly in the order of insertion; includes rows that are put during the iteration. */
  *rows(name: CollectionName): Generator<Entity> {
    for (const row of this.#tables[name].rows.values()) if (!this.#isDropped(name, row)) yield row;
  }

  /** Rows below dropped rows are counted until the purge reaches them. */
  count(name: CollectionName): number {
    return this.#tables[name].rows.size - this.#dropped.count(name);
  }

  revision(name: CollectionName, owner: Id = 0): number {
    return this.#list(name, owner)?.revision ?? 0;
  }

  list(name: CollectionName, query: ListQuery): Page<Entity> {
    const { rows: all } = this.#tables[name];
    const ids = this.#list(name, query.owner ?? 0)?.ids.page({ ...query, limit: query.limit + 1 }) ?? [];
    const rows = ids.slice(0, query.limit).map((id) => all.get(id) as Entity);
    const last = rows.at(-1);
    return { rows, next: ids.length > rows.length && last !== undefined ? last.id : null };
  }

  /** Ids below this one are taken, though their rows may be gone. */
  reserveIds(name: CollectionName, nextId: Id): void {
    const table = this.#tables[name];
    table.nextId = Math.max(table.nextId, nextId);
  }

  /** Also purges some rows, so that few are left to purge after a file is loaded. */
  apply(changes: readonly Change[]): void {
    this.purge();
    for (const change of changes) for (const effect of change) this.#apply(effect);
  }

  /**
   * Takes at most so many rows of dropped lists out of the Maps.
   *
   * @returns their number; 0 if none are left.
   */
  purge(rowsMax = this.#rowsPerPurge): number {
    for (let purged = 0; purged < rowsMax; purged++) {
      const next = this.#dropped.pop();
      if (next === null) return purged;
      this.#purgeRow(next.name, next.id);
    }
    return rowsMax;
  }

  #has(name: CollectionName, id: Id): boolean {
    return this.#dropped.isEmpty ? this.#tables[name].rows.has(id) : this.find(name, id) !== undefined;
  }

  #isDropped(name: CollectionName, row: Entity): boolean {
    return this.#isListDropped(name, ownerOf(name, row));
  }

  #isListDropped(name: CollectionName, ownerId: Id): boolean {
    const { owner } = collections[name];
    if (owner === undefined || this.#dropped.isEmpty) return false;
    if (this.#dropped.has(name, ownerId)) return true;
    const row = this.#tables[owner.collection].rows.get(ownerId);
    return row !== undefined && this.#isDropped(owner.collection, row);
  }

  #list(name: CollectionName, owner: Id): List | undefined {
    return this.#isListDropped(name, owner) ? undefined : this.#tables[name].lists.get(owner);
  }

  #apply(effect: Effect): void {
    if (!('put' in effect)) this.#appliedBytes += REMOVAL_BYTES;
    if ('put' in effect) this.#put(effect.put, effect.row);
    else if ('remove' in effect) this.#remove(effect.remove, effect.id);
    else this.#drop(effect.removeOwned, effect.owner);
  }

  #put(name: CollectionName, row: Entity): void {
    const table = this.#tables[name];
    let before = table.rows.get(row.id);
    // Only a file that Jot did not write reuses the id of a removed row or of its owner.
    if (this.#isDropped(name, row) || (before !== undefined && this.#isDropped(name, before))) {
      this.purge(Number.POSITIVE_INFINITY);
      before = table.rows.get(row.id);
    }
    if (before !== undefined) this.#forget(name, before);
    else if (table.rows.size >= this.#rowsMax) throw tooMany(name, this.#rowsMax);
    const bytes = this.usage.add(name, row);
    this.#appliedBytes += bytes;
    table.rows.set(row.id, row);
    table.nextId = Math.max(table.nextId, row.id + 1);
    for (const [index, key] of uniqueKeys(name, row)) table.unique.get(index)?.add(key, row.id);
    const owner = ownerOf(name, row);
    const list = table.lists.get(owner) ?? { ids: new IdList(), revision: 0, bytes: 0 };
    list.ids.add(row.id);
    list.revision = ++this.#revision;
    list.bytes += bytes;
    table.lists.set(owner, list);
  }

  #remove(name: CollectionName, id: Id): void {
    const row = this.find(name, id);
    if (row === undefined) return;
    this.#forget(name, row);
    this.#dropOwned(name, row);
  }

  #drop(name: CollectionName, owner: Id): void {
    const { lists } = this.#tables[name];
    const list = lists.get(owner);
    lists.delete(owner);
    if (list === undefined || list.ids.length === 0) return;
    this.#dropped.push({ name, owner, ids: list.ids });
    this.#droppedBytes += list.bytes;
  }

  #dropOwned(name: CollectionName, row: Entity): void {
    this.#tables[name].rows.delete(row.id);
    this.usage.drop(name, row);
    for (const owned of ownedCollections[name]) this.#drop(owned, row.id);
  }

  #purgeRow(name: CollectionName, id: Id): void {
    const row = this.#tables[name].rows.get(id) as Entity;
    this.#droppedBytes -= this.usage.subtract(name, row);
    this.#freeKeys(name, row);
    this.#dropOwned(name, row);
  }

  // The list outlives its last row, since it holds the number of its last change.
  #forget(name: CollectionName, row: Entity): void {
    const bytes = this.usage.subtract(name, row);
    this.#freeKeys(name, row);
    const list = this.#tables[name].lists.get(ownerOf(name, row));
    if (list === undefined) return;
    list.ids.remove(row.id);
    list.revision = ++this.#revision;
    list.bytes -= bytes;
  }

  #freeKeys(name: CollectionName, row: Entity): void {
    const { unique } = this.#tables[name];
    for (const [index, key] of uniqueKeys(name, row)) unique.get(index)?.remove(key, row.id);
  }
}

function tooMany(name: CollectionName, rowsMax: number): JotError {
  return new JotError(
    'unavailable',
    `Cannot hold more than ${rowsMax.toLocaleString('en-US')} rows of ${name}`,
  );
}

function emptyTable(name: CollectionName, rows: RowMap): Table {
  const unique = new Map(Object.keys(collections[name].unique).map((index) => [index, new KeyIndex()]));
  return { rows, unique, lists: new IdMap(), nextId: 1 };
}
