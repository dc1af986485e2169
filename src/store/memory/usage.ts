// Counts the rows and bytes that each row owns, at any depth, and those of the whole store. Adding
// them up on demand would take each write time in proportion to what a user owns. So each row is
// charged to the accounts of all owners above it: a comment to its post and to its user. The
// removal of an owner takes its account off the owners above in one step, however much it owned.
// The rows in it may be forgotten later: their account is gone, so nothing is taken off twice.
//
// Essential rows (`declaration.ts`) count for the whole store only.

import {
  byCollection,
  type CollectionName,
  collections,
  type Entity,
  type Id,
  ownerOf,
} from '../collections.ts';
import { IdMap } from './id-map.ts';
import { rowBytes } from './row-bytes.ts';

export interface Account {
  bytes: number;
  readonly rows: { [name in CollectionName]?: number };
}

type FindOwner = (name: CollectionName, id: Id) => Entity | undefined;

const NOTHING: Readonly<Account> = { bytes: 0, rows: {} };

export class Usage {
  /** Rows and bytes of the whole store. */
  readonly total: Account = { bytes: 0, rows: {} };
  readonly #accounts = byCollection(() => new IdMap<Account>());
  readonly #findOwner: FindOwner;

  constructor(findOwner: FindOwner) {
    this.#findOwner = findOwner;
  }

  /** Returns what a row owns. */
  of(name: CollectionName, id: Id): Readonly<Account> {
    return this.#accounts[name].get(id) ?? NOTHING;
  }

  /** Returns the bytes of the row. */
  add(name: CollectionName, row: Entity): number {
    return this.#count(name, row, 1);
  }

  /** Returns the bytes of the row. */
  subtract(name: CollectionName, row: Entity): number {
    return this.#count(name, row, -1);
  }

  /** Takes everything that the row owns off the owners above, but not off the total. */
  drop(name: CollectionName, row: Entity): void {
    const owned = this.#accounts[name].get(row.id);
    if (owned === undefined) return;
    this.#accounts[name].delete(row.id);
    this.#charge(name, row, owned, -1);
  }

  #count(name: CollectionName, row: Entity, sign: 1 | -1): number {
    const bytes = rowBytes(name, row);
    const amount = { bytes, rows: { [name]: 1 } };
    accumulate(this.total, amount, sign);
    if (!collections[name].isEssential) this.#charge(name, row, amount, sign);
    return bytes;
  }

  #charge(name: CollectionName, row: Entity, amount: Account, sign: 1 | -1): void {
    const above = collections[name].owner?.collection;
    if (above === undefined) return;
    const accounts = this.#accounts[above];
    const id = ownerOf(name, row);
    const known = accounts.get(id);
    if (known === undefined && sign === -1) return;
    const account = known ?? { bytes: 0, rows: {} };
    if (known === undefined) accounts.set(id, account);
    accumulate(account, amount, sign);
    if (collections[above].owner === undefined) return;
    const owner = this.#findOwner(above, id);
    if (owner !== undefined) this.#charge(above, owner, amount, sign);
  }
}

function accumulate(account: Account, { bytes, rows }: Account, sign: 1 | -1): void {
  account.bytes += sign * bytes;
  for (const name of Object.keys(rows) as CollectionName[]) {
    account.rows[name] = (account.rows[name] ?? 0) + sign * (rows[name] ?? 0);
  }
}
