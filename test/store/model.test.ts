// A long random run against a store and against plain Maps. Whatever happens to one has to happen to the other: the
// same rows, the same refusals, the same pages; and for a file the same again after it was compacted, closed and opened.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DEFAULT_CAPACITY } from '../../src/store/capacity.ts';
import { createTableStore, type Journal } from '../../src/store/memory/journaled-store.ts';
import { Tables } from '../../src/store/memory/tables.ts';
import type { Id, ListQuery, Order, Store } from '../../src/store/open.ts';
import { openFor, postOf, type StoreKind, sessionOf, storeKinds, userNamed } from '../support/disk/stores.ts';
import type { Cleanup } from '../support/disk/temporary-folder.ts';
import { type Name, type Operation, type Outcome, PlainStore } from '../support/model/plain-store.ts';
import { seededRandom } from '../support/model/random.ts';

const OPERATIONS = 2_000;
const OPERATIONS_BETWEEN_CHECKS = 200;
const NAMES: readonly Name[] = ['users', 'posts', 'sessions'];
const USERNAMES = ['matt', 'Matt', 'MATT', 'elie', 'ELIE', 'tim', 'Tim', 'zoé', 'ZOÉ', 'a b', 'x', 'y', 'z'];
const SIDS = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];

/** Makes up writes that are mostly possible and sometimes not. */
class Chance {
  readonly #random: () => number;
  readonly #model: PlainStore;

  constructor(seed: number, model: PlainStore) {
    this.#random = seededRandom(seed);
    this.#model = model;
  }

  below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }

  of<T>(things: readonly T[]): T {
    return things[this.below(things.length)] as T;
  }

  /** Mostly the id of a row that is there, sometimes of one that is gone or is still to come. */
  id(name: Name): Id {
    const rows = this.#model.all(name);
    return rows.length > 0 && this.below(8) > 0
      ? this.of(rows).id
      : 1 + this.below(this.#model.nextId(name) + 1);
  }

  ifVersion(): { ifVersion: number } | Record<string, never> {
    return this.below(3) === 0 ? { ifVersion: 1 + this.below(2) } : {};
  }

  operation(): Operation {
    const owner = this.id('users');
    const name = this.of(NAMES);
    const owned = this.of(['posts', 'sessions'] as const);
    const id = this.id(name);
    const choices: readonly (() => Operation)[] = [
      () => ({ create: 'users', values: userNamed(this.of(USERNAMES)) }),
      () => ({ create: 'users', values: userNamed(`user ${this.below(1_000)}`) }),
      () => ({ create: 'posts', values: postOf(owner, `Title ${this.below(1_000)}`) }),
      () => ({ create: 'posts', values: postOf(owner) }),
      () => ({ create: 'sessions', values: sessionOf(owner, this.of(SIDS)) }),
      () => ({ create: 'sessions', values: sessionOf(owner, `sid ${this.below(1_000)}`) }),
      () => ({
        update: 'users',
        id: this.id('users'),
        change: { username: this.of(USERNAMES) },
        ...this.ifVersion(),
      }),
      () => ({ update: 'users', id: this.id('users'), change: { password_hash: 'x' }, keepVersion: true }),
      () => ({
        update: 'posts',
        id: this.id('posts'),
        change: { title: `T ${this.below(9)}` },
        ...this.ifVersion(),
      }),
      () => ({
        update: 'sessions',
        id: this.id('sessions'),
        change: { sid: this.of(SIDS) },
        keepVersion: true,
      }),
      () => ({ remove: name, id, ...this.ifVersion() }),
      () => ({ discard: owned, id: this.id(owned) }),
      () => ({ discardOwned: owned, owner }),
      () => ({ expect: name, id, ifVersion: 1 + this.below(2) }),
    ];
    return this.of(choices)();
  }

  operations(): Operation[] {
    const length = this.below(3) > 0 ? 1 : this.below(5);
    return Array.from({ length }, () => this.operation());
  }
}

/** The write through whatever way the store has for it. */
async function run(store: Store, operations: readonly Operation[]): Promise<unknown> {
  const [first] = operations;
  if (operations.length !== 1 || first === undefined) return store.write(operations);
  const repository = (name: Name) => store[name] as Store['posts'];
  if ('create' in first) return repository(first.create).create(first.values as ReturnType<typeof postOf>);
  if ('update' in first) {
    const { update, id, change, ...options } = first;
    return repository(update).update(id, change as object, options);
  }
  if ('remove' in first) return repository(first.remove).remove(first.id, first);
  return store.write(operations);
}

function compareOutcome(done: PromiseSettledResult<unknown>, expected: Outcome, what: string): void {
  if ('code' in expected) {
    assert.equal(done.status === 'rejected' && done.reason.code, expected.code, what);
    return;
  }
  assert.equal(done.status, 'fulfilled', what);
  // Only the methods that put a row give one back.
  if (done.status === 'fulfilled' && done.value !== undefined)
    assert.deepEqual(done.value, expected.row, what);
}

async function compareAll(store: Store, model: PlainStore, chance: Chance): Promise<void> {
  for (const name of NAMES) {
    assert.equal(await store[name].count(), model.all(name).length);
    for (let id = 0; id <= model.nextId(name) + 1; id++) {
      assert.deepEqual(await store[name].find(id), model.find(name, id), `${name} ${id}`);
    }
  }
  for (const order of ['asc', 'desc'] as const) {
    await comparePages(store, model, 'users', undefined, order, 1 + chance.below(9));
    for (let owner = 1; owner <= model.nextId('users'); owner++) {
      await comparePages(store, model, 'posts', owner, order, 1 + chance.below(4));
      await comparePages(store, model, 'sessions', owner, order, 1 + chance.below(4));
    }
  }
  for (const username of USERNAMES) {
    const key = username.toUpperCase();
    const holder = model.all('users').find((user) => String(user.username).toUpperCase() === key) ?? null;
    assert.deepEqual(await store.users.findBy('username', key), holder, username);
  }
  for (const sid of SIDS) {
    const holder = model.all('sessions').find((session) => session.sid === sid) ?? null;
    assert.deepEqual(await store.sessions.findBy('sid', sid), holder, sid);
  }
}

async function comparePages(
  store: Store,
  model: PlainStore,
  name: Name,
  owner: Id | undefined,
  order: Order,
  limit: number,
): Promise<void> {
  const whose = owner === undefined ? {} : { owner };
  for (let after: Id | null = 0; after !== null; ) {
    const query: ListQuery = { ...whose, after, limit, order };
    const page: { readonly next: Id | null } = await store[name].list(query);
    assert.deepEqual(page, model.list(name, query), `${name} ${JSON.stringify(query)}`);
    after = page.next;
  }
}

/** Remembers what each list was at each revision: at the same revision it has to be the same again. */
class Revisions {
  readonly #lists = new Map<string, string>();

  async compare(store: Store, name: Name, owner?: Id): Promise<void> {
    const whose = owner === undefined ? {} : { owner };
    const revision = await store[name].revision(owner);
    const list = JSON.stringify(await store[name].list({ ...whose, after: 0, limit: 1_000, order: 'asc' }));
    const key = `${name} ${owner} ${revision}`;
    assert.equal(this.#lists.get(key) ?? list, list, key);
    this.#lists.set(key, list);
  }
}

// Purges so slowly that rows of removed owners wait during almost all reads.
function openPurgingSlowly(): Store {
  const tables = new Tables({ rowsPerPurge: 0 });
  let batches = 0;
  const journal: Journal = {
    append: async (changes) => {
      if (++batches % 20 === 0) tables.purge(1);
      tables.apply(changes);
    },
    status: async () => ({ ok: true }),
    compact: async () => ({ bytesBefore: 0, bytesAfter: 0 }),
    close: async () => undefined,
  };
  return createTableStore(tables, journal, DEFAULT_CAPACITY);
}

interface Kind extends Pick<StoreKind, 'name' | 'isDurable'> {
  /** Returns a function that opens the same store each time. */
  create(t: Cleanup): () => Promise<Store>;
}

const kinds: readonly Kind[] = [
  ...storeKinds.map(({ newUrl, ...kind }) => ({
    ...kind,
    create(t: Cleanup) {
      const url = newUrl(t);
      return () => openFor(t, url);
    },
  })),
  { name: 'memory:, purged slowly', isDurable: false, create: () => async () => openPurgingSlowly() },
];

describe('Store in a random run against plain Maps', () => {
  for (const [index, kind] of kinds.entries()) {
    it(`agrees at ${kind.name}`, async (t) => {
      const open = kind.create(t);
      const model = new PlainStore();
      const chance = new Chance(20_261_123 + index, model);
      let store = await open();
      let revisions = new Revisions();
      const refused = new Map<string, number>();
      // Begun with some of the writes, so that those and the next ones happen meanwhile.
      let compaction: Promise<unknown> = Promise.resolve();
      for (let operations = 0, checked = 0; operations < OPERATIONS; ) {
        // A few at once: they share a batch, and still each has to see the ones before.
        const writes: Operation[][] = [];
        const expected: Outcome[] = [];
        for (let count = 1 + chance.below(6); count > 0; count--) {
          const write = chance.operations();
          writes.push(write);
          expected.push(model.run(write));
          operations += write.length;
        }
        if (chance.below(4) === 0) compaction = store.compact();
        const done = await Promise.allSettled(writes.map((write) => run(store, write)));
        for (const [at, outcome] of expected.entries()) {
          const what = `after ${operations} operations, ${JSON.stringify(writes[at])}`;
          compareOutcome(done[at] as PromiseSettledResult<unknown>, outcome, what);
          if ('code' in outcome) refused.set(outcome.code, (refused.get(outcome.code) ?? 0) + 1);
        }
        await revisions.compare(store, 'users');
        for (const name of ['posts', 'sessions'] as const)
          await revisions.compare(store, name, chance.id('users'));

        if (operations - checked < OPERATIONS_BETWEEN_CHECKS) continue;
        checked = operations;
        await compareAll(store, model, chance);
        if (!kind.isDurable) continue;
        await compaction;
        await store.close();
        store = await open();
        revisions = new Revisions();
        await compareAll(store, model, chance);
      }
      await compaction;
      // A run in which nothing was ever refused, or nothing was left, would show little.
      for (const code of ['username_taken', 'not_found', 'precondition_failed']) {
        assert.ok((refused.get(code) ?? 0) > 40, `${code}: ${refused.get(code)}`);
      }
      for (const name of NAMES) assert.ok(model.all(name).length > 10, `${name}: ${model.all(name).length}`);
    });
  }
});
