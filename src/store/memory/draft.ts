// A draft holds writes that are not durable yet. Reads must not see them, so a write must not
// change the tables before its record is on the disk. Copying the tables would cost time in
// proportion to their size. So a draft lies on top of the tables and holds only the differences. A
// failing write leaves the draft unchanged; if the disk fails, the whole draft is dropped.
//
// Removing a row also removes everything that it owns, at any depth. Listing those rows would take
// time in proportion to their number. So a draft records only the removed row, and a lookup walks
// up the chain of owners: a row exists if and only if it is not removed and its owner exists.

import { type Failure, JotError } from '../../lib/errors.ts';
import type { Capacity } from '../capacity.ts';
import {
  type CollectionName,
  collections,
  type Entity,
  formerKeyOf,
  hasUniqueKeys,
  type Id,
  ownedCollections,
  ownerOf,
  uniqueKeys,
} from '../collections.ts';
import { missingDefaults } from '../lift.ts';
import type { Operation } from '../store.ts';
import { KeyIndex } from './key-index.ts';
import { Room } from './room.ts';
import type { Change, Effect, Tables } from './tables.ts';

const GONE: Failure = { code: 'not_found', message: 'There is nothing here (any more)' };
const CHANGED: Failure = {
  code: 'precondition_failed',
  message: 'It was changed in the meantime; fetch it again',
};

// A draft lives for one trip to the disk, so what it is made of counts: an object with few keys takes a fraction of what a Map
// does.
type ByCollection<T> = { [name in CollectionName]?: T };

export class Draft {
  readonly #base: Tables;
  readonly #capacity: Capacity;
  #effects: Effect[] = [];
  /** By collection and id; null where the row is removed. */
  #rows: ByCollection<Map<Id, Entity | null>> = {};
  /** Of the rows in this draft, by collection, index and key. */
  #keys = new KeyIndex();
  #nextIds: ByCollection<Id> = {};
  #room: Room;
  /** Whether the write under way creates an essential row. */
  #isEssential = false;

  constructor(base: Tables, capacity: Capacity) {
    this.#base = base;
    this.#capacity = capacity;
    this.#room = this.#emptyRoom();
  }

  /**
   * Works out one write, all of its operations or none.
   *
   * @returns its effects, and the row that the last operation put.
   * @throws JotError `not_found`, `precondition_failed`, `conflict`, `quota_exceeded`,
   * `unavailable`; the draft is as it was before.
   */
  run(operations: readonly Operation[]): { change: Change; row: Entity | null } {
    const before = this.#effects.length;
    this.#isEssential = operations.some(
      (operation) => 'create' in operation && collections[operation.create].isEssential,
    );
    let row: Entity | null = null;
    try {
      for (const operation of operations) row = this.#run(operation);
    } catch (error) {
      if (this.#effects.length > before) this.#rewind(before);
      throw error;
    }
    return { change: this.#effects.slice(before), row };
  }

  #find(name: CollectionName, id: Id): Entity | undefined {
    const drafted = this.#rows[name]?.get(id);
    const row = drafted === undefined ? this.#base.find(name, id) : (drafted ?? undefined);
    return row !== undefined && this.#hasOwner(name, ownerOf(name, row)) ? row : undefined;
  }

  #hasOwner(name: CollectionName, owner: Id): boolean {
    const { owner: declared } = collections[name];
    return declared === undefined || this.#find(declared.collection, owner) !== undefined;
  }

  #holders(name: CollectionName, index: string, key: string): Id[] {
    const drafted = this.#keys.idsOf(`${name} ${index} ${key}`);
    const durable = this.#base.holders(name, index, key).filter((id) => this.#rows[name]?.has(id) !== true);
    return [...drafted, ...durable].filter((id) => this.#find(name, id) !== undefined);
  }

  *#ownedIds(name: CollectionName, owner: Id): Generator<Id> {
    if (!this.#hasOwner(name, owner)) return;
    const drafted = this.#rows[name];
    for (const id of this.#base.ownedIds(name, owner)) if (drafted?.has(id) !== true) yield id;
    for (const [id, row] of drafted ?? []) {
      if (row !== null && ownerOf(name, row) === owner) yield id;
    }
  }

  #nextId(name: CollectionName): Id {
    return this.#nextIds[name] ?? this.#base.nextId(name);
  }

  #emptyRoom(): Room {
    return new Room(this.#base, this.#capacity, (name, id) => this.#find(name, id));
  }

  // Nearly all that fails does so before it has had any effect. For the rest it is simplest to begin again.
  #rewind(count: number): void {
    const effects = this.#effects.slice(0, count);
    this.#effects = [];
    this.#rows = {};
    this.#keys = new KeyIndex();
    this.#nextIds = {};
    this.#room = this.#emptyRoom();
    for (const effect of effects) this.#apply(effect);
  }

  #run(operation: Operation): Entity | null {
    if ('create' in operation) return this.#create(operation.create, operation.values);
    if ('update' in operation) {
      const before = this.#expect(operation.update, operation.id, operation.ifVersion);
      const version = before.version + (operation.keepVersion ? 0 : 1);
      const row = { ...before, ...operation.change, id: before.id, version };
      if (ownerOf(operation.update, row) !== ownerOf(operation.update, before)) {
        throw new TypeError(`A row of ${operation.update} can't change its owner`);
      }
      return this.#put(operation.update, row, before);
    }
    if ('remove' in operation)
      this.#remove(operation.remove, this.#expect(operation.remove, operation.id, operation.ifVersion));
    if ('expect' in operation) {
      const { expect, id, ifVersion, values = {}, failure = CHANGED } = operation;
      const row = this.#expect(expect, id, ifVersion, operation.failure);
      const isSame = Object.entries(values).every(([name, value]) => Reflect.get(row, name) === value);
      if (!isSame) throw failed(failure);
    }
    if ('discard' in operation) {
      const row = this.#find(operation.discard, operation.id);
      if (row !== undefined) this.#remove(operation.discard, row);
    }
    if ('discardOwned' in operation) {
      for (const id of [...this.#ownedIds(operation.discardOwned, operation.owner)]) {
        this.#remove(operation.discardOwned, this.#expect(operation.discardOwned, id));
      }
    }
    return null;
  }

  #create(name: CollectionName, values: object): Entity {
    // Id and version are the store's to give, whatever else a spread has brought along.
    const own = { id: this.#nextId(name), version: 1 };
    if (!Number.isSafeInteger(own.id)) throw new JotError('unavailable', 'There are no ids left');
    // Not by spreading: V8 gives every object that gets more fields behind a spread a shape of its own, which takes 4 µs to make,
    // and memory for as long as the row is there.
    const row = Object.assign({}, own, values, own);
    for (const [field, value] of missingDefaults(name, row)) Reflect.set(row, field, value);
    const ownedBy = collections[name].owner?.collection;
    if (ownedBy !== undefined) this.#expect(ownedBy, ownerOf(name, row));
    return this.#put(name, row, null);
  }

  #expect(name: CollectionName, id: Id, ifVersion?: number, failure?: Failure): Entity {
    const row = this.#find(name, id);
    if (row === undefined) throw failed(failure ?? GONE);
    if (ifVersion !== undefined && row.version !== ifVersion) {
      throw failed(failure ?? CHANGED);
    }
    return row;
  }

  #put(name: CollectionName, row: Entity, before: Entity | null): Entity {
    for (const [index, key, taken] of uniqueKeys(name, row)) {
      const isTaken = this.#holders(name, index, key).some((id) => id !== before?.id);
      if (isTaken && !keepsKey(name, index, before, row)) throw failed(taken);
    }
    this.#room.require(name, row, before, this.#isEssential);
    this.#apply({ put: name, row });
    return row;
  }

  #remove(name: CollectionName, row: Entity): void {
    for (const owned of ownedCollections[name]) {
      const isEmpty = this.#ownedIds(owned, row.id).next().done === true;
      if (!isEmpty) this.#apply({ removeOwned: owned, owner: row.id });
    }
    this.#apply({ remove: name, id: row.id });
  }

  // `removeOwned` precedes the `remove` of the owner, which is all that a draft has to record.
  #apply(effect: Effect): void {
    this.#effects.push(effect);
    if ('put' in effect) {
      this.#room.take(effect.put, effect.row, this.#find(effect.put, effect.row.id) ?? null);
      this.#note(effect.put, effect.row.id, effect.row);
    }
    if ('remove' in effect) {
      const row = this.#find(effect.remove, effect.id);
      if (row !== undefined) this.#room.give(effect.remove, row);
      this.#note(effect.remove, effect.id, null);
    }
  }

  #note(name: CollectionName, id: Id, row: Entity | null): void {
    if (hasUniqueKeys(name)) this.#noteKeys(name, id, row);
    const drafted = this.#rows[name] ?? new Map<Id, Entity | null>();
    this.#rows[name] = drafted.set(id, row);
    this.#nextIds[name] = Math.max(this.#nextId(name), id + 1);
  }

  #noteKeys(name: CollectionName, id: Id, row: Entity | null): void {
    const before = this.#find(name, id);
    for (const [index, key] of before === undefined ? [] : uniqueKeys(name, before)) {
      this.#keys.remove(`${name} ${index} ${key}`, id);
    }
    for (const [index, key] of row === null ? [] : uniqueKeys(name, row)) {
      this.#keys.add(`${name} ${index} ${key}`, id);
    }
  }
}

// Rows of older files may share a key. Such a row keeps its key while other fields change.
function keepsKey(name: CollectionName, index: string, before: Entity | null, row: Entity): boolean {
  return before !== null && formerKeyOf(name, index, before) === formerKeyOf(name, index, row);
}

function failed({ code, message }: Failure): JotError {
  return new JotError(code, message);
}
