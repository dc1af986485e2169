import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { DEFAULT_CAPACITY } from '../../../src/store/capacity.ts';
import {
  createTableStore,
  type Journal,
  WAITING_BYTES_MAX,
} from '../../../src/store/memory/journaled-store.ts';
import { Tables } from '../../../src/store/memory/tables.ts';
import type { Store } from '../../../src/store/open.ts';
import { openFor, postOf, rejects, userNamed } from '../../support/disk/stores.ts';

const mebibyte = 1024 * 1024;

describe('createTableStore: the batches passed to Journal.append', () => {
  /** A journal that takes each batch in the next turn, and a note of how many writes were in each. */
  function openNoting() {
    const tables = new Tables();
    const batches: number[] = [];
    const journal: Journal = {
      async append(changes) {
        batches.push(changes.length);
        await turn();
        tables.apply(changes);
      },
      status: async () => ({ ok: true }),
      compact: async () => ({ bytesBefore: 0, bytesAfter: 0 }),
      close: async () => undefined,
    };
    const store = createTableStore(tables, journal, DEFAULT_CAPACITY);
    return { store, batches };
  }

  /** The sizes of the batches in which a user and these concurrent writes arrive. */
  async function batchesOf(write: (store: Store) => Promise<unknown>, count: number): Promise<number[]> {
    const { store, batches } = openNoting();
    const user = store.users.create(userNamed('matt'));
    while (batches.length === 0) await null;
    const post = store.posts.create(postOf(1, 'x'.repeat(mebibyte)));
    await Promise.all([user, post, ...Array.from({ length: count }, () => write(store))]);
    return batches;
  }

  it('hold the writes of one event-loop turn, also the first', async () => {
    const { store, batches } = openNoting();
    await Promise.all(['a', 'b', 'c'].map((name) => store.users.create(userNamed(name))));
    assert.deepEqual(batches, [3]);
  });

  it('hold one write without concurrent ones', async () => {
    const { store, batches } = openNoting();
    for (const name of ['a', 'b']) await store.users.create(userNamed(name));
    assert.deepEqual(batches, [1, 1]);
  });

  it('hold 2 MiB of rows or 1,024 writes, and one write at least', async () => {
    const write = (length: number) => (store: Store) => store.posts.create(postOf(1, 'x'.repeat(length)));
    assert.deepEqual(await batchesOf(write(mebibyte), 4), [1, 2, 2, 1]);
    assert.deepEqual(await batchesOf(write(5 * mebibyte), 2), [1, 2, 1]);
    assert.deepEqual(await batchesOf(write(10), 2_500), [1, 1_024, 1_024, 453]);
  });

  it('count what an update keeps of a row', async () => {
    const update = (store: Store) => store.posts.update(1, { body: 'x' });
    assert.deepEqual(await batchesOf(update, 4), [1, 2, 2, 1]);
  });
});

describe('Store.write with many waiting', () => {
  it('rejects writes whose texts would exceed a share of the heap, until others are done', async (t) => {
    const store = await openFor(t, 'memory:');
    await store.users.create(userNamed('matt'));
    const title = 'x'.repeat(WAITING_BYTES_MAX / 4);
    const create = () => store.posts.create(postOf(1, title));
    const outcomes = await Promise.allSettled(Array.from({ length: 5 }, create));
    const codes = outcomes.map((outcome) => (outcome.status === 'rejected' ? outcome.reason.code : 'done'));
    assert.deepEqual(codes, ['done', 'done', 'done', 'unavailable', 'unavailable']);
    await create();
    await rejects(Promise.all([create(), store.posts.create(postOf(1, title.repeat(4)))]), 'unavailable');
    await store.posts.update(1, { title: title.repeat(5) });
  });
});
