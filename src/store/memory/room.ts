// Decides whether a write still fits the capacity of the store and the quota of its user. If the
// handlers did it, a new resource could forget the check, and concurrent writes would all count on
// the same room. So a draft checks each row, and counts its rows that are not yet durable.
//
// Removals in the draft make no room: their rows stay in memory until the draft is durable. Removed
// essential rows are the exception, so that a user can replace a session in a full store; they are
// short. A write that does not grow is never refused, so a full store can be emptied.

import { JotError } from '../../lib/errors.ts';
import type { Capacity } from '../capacity.ts';
import { type CollectionName, collections, type Entity, type Id, ownerOf } from '../collections.ts';
import type { Usage as StoreUsage } from '../store.ts';
import { rowBytes } from './row-bytes.ts';
import type { Tables } from './tables.ts';
import { Usage } from './usage.ts';

export const STORE_FULL = 'The store is full; deleting still works';

// Reserve for essential rows above the capacity.
export const RESERVE_SHARE = 1 / 16;
const RETRY_AFTER_SECONDS = 60;

type Find = (name: CollectionName, id: Id) => Entity | undefined;

export class Room {
  readonly #base: Tables;
  readonly #capacity: Capacity;
  readonly #find: Find;
  readonly #growth: Usage;

  /** @param find Finds rows of the draft. */
  constructor(base: Tables, capacity: Capacity, find: Find) {
    this.#base = base;
    this.#capacity = capacity;
    this.#find = find;
    this.#growth = new Usage(find);
  }

  /** Counts a row of the draft. */
  take(name: CollectionName, row: Entity, before: Entity | null): void {
    this.#growth.add(name, row);
    if (before !== null) this.#growth.subtract(name, before);
  }

  /** Counts a row that the draft removes. */
  give(name: CollectionName, row: Entity): void {
    if (collections[name].isEssential) this.#growth.subtract(name, row);
  }

  /**
   * @param isEssential Whether the write may use the reserve.
   * @throws JotError `quota_exceeded`, `unavailable`.
   */
  require(name: CollectionName, row: Entity, before: Entity | null, isEssential: boolean): void {
    const bytes = rowBytes(name, row) - (before === null ? 0 : rowBytes(name, before));
    if (bytes <= 0) return;
    const user = collections[name].isEssential ? null : userAbove(this.#find, name, row);
    if (user !== null) this.#requireQuota(user, name, before === null ? 1 : 0, bytes);
    const drafted = this.#growth.total;
    const rows = (this.#base.usage.total.rows[name] ?? 0) + (drafted.rows[name] ?? 0);
    const isLast = before === null && rows >= this.#capacity.rows;
    // The reserve is exact: a row that exceeded it would leave no room to replace a shorter one.
    const extra = isEssential ? this.#capacity.bytes * RESERVE_SHARE - bytes : 0;
    if (isLast || isFull(this.#base, this.#capacity, extra - drafted.bytes)) throw full();
  }

  #requireQuota(user: Id, name: CollectionName, rows: number, bytes: number): void {
    const { bytesPerUser, rowsPerUser } = this.#capacity;
    const used = this.#base.usage.of('users', user);
    const drafted = this.#growth.of('users', user);
    const rowsMax = rowsPerUser[name] ?? Number.POSITIVE_INFINITY;
    if ((used.rows[name] ?? 0) + (drafted.rows[name] ?? 0) + rows > rowsMax) {
      throw exceeded(`You have ${rowsMax} ${name}, and may not have more; delete some of them`);
    }
    if (used.bytes + drafted.bytes + bytes > bytesPerUser) {
      throw exceeded(`You may store ${bytesPerUser} bytes, and this would exceed them; delete something`);
    }
  }
}

/** @param extra Bytes beyond the capacity. */
export function isFull({ usage }: Tables, { bytes }: Capacity, extra = 0): boolean {
  return usage.total.bytes >= bytes + extra;
}

/** Returns how much of each bound the user, or the whole store, has used. */
export function usageOf({ usage }: Tables, capacity: Capacity, user?: Id): StoreUsage {
  if (user === undefined) return { bytes: { used: usage.total.bytes, max: capacity.bytes } };
  const { bytes, rows } = usage.of('users', user);
  const names = Object.keys(capacity.rowsPerUser) as CollectionName[];
  const rowsUsed = names.map((name) => [name, { used: rows[name] ?? 0, max: capacity.rowsPerUser[name] }]);
  return { ...Object.fromEntries(rowsUsed), bytes: { used: bytes, max: capacity.bytesPerUser } };
}

/** Returns the id of the user who owns the row, at any depth; null if no user does. */
function userAbove(find: Find, name: CollectionName, row: Entity): Id | null {
  const above = collections[name].owner?.collection;
  if (above === undefined) return null;
  const id = ownerOf(name, row);
  if (above === 'users') return id;
  const owner = find(above, id);
  return owner === undefined ? null : userAbove(find, above, owner);
}

function exceeded(message: string): JotError {
  return new JotError('quota_exceeded', message);
}

function full(): JotError {
  return new JotError('unavailable', STORE_FULL, { retryAfterSeconds: RETRY_AFTER_SECONDS });
}
