import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { DEFAULT_CAPACITY } from '../../../src/store/capacity.ts';
import { type CollectionName, collectionNames } from '../../../src/store/collections.ts';
import { realFileSystem } from '../../../src/store/file/file-system.ts';
import { NextFile } from '../../../src/store/file/next-file.ts';
import { openMemoryStore } from '../../../src/store/memory/memory-store.ts';
import { STORE_FULL } from '../../../src/store/memory/room.ts';
import { type Effect, Tables } from '../../../src/store/memory/tables.ts';
import type { Post, Session, User } from '../../../src/store/open.ts';
import { misfitsIn } from '../../../src/store/validate-rows.ts';
import { postOf, rejects, sessionOf, userNamed } from '../../support/disk/stores.ts';
import { temporaryFolder } from '../../support/disk/temporary-folder.ts';

const user = (id: number, name = `user ${id}`): Effect => {
  const row: User = { id, version: 1, ...userNamed(name) };
  return { put: 'users', row };
};
const post = (id: number, owner: number, title?: string): Effect => {
  const row: Post = { id, version: 1, ...postOf(owner, title) };
  return { put: 'posts', row };
};
const session = (id: number, owner: number, sid = `sid ${id}`): Effect => {
  const row: Session = { id, version: 1, ...sessionOf(owner, sid) };
  return { put: 'sessions', row };
};

/** Tables whose rows wait until the test purges them. */
const unpurged = () => new Tables({ rowsPerPurge: 0 });

/** Adds users 1 and 2 with so many posts each, user 2's after user 1's, and a session each. */
function filled<T extends Tables>(postsEach: number, tables: T): T {
  const ids = Array.from({ length: 2 * postsEach }, (_, index) => index + 1);
  const posts = ids.map((id) => post(id, id <= postsEach ? 1 : 2));
  tables.apply([[user(1), user(2), ...posts, session(1, 1), session(2, 2)]]);
  return tables;
}

/** Resolves to the number of event-loop turns until the condition holds, at most 100. */
async function turnsUntil(isDone: () => boolean): Promise<number> {
  let turns = 0;
  for (; !isDone() && turns < 100; turns++) await turn();
  return turns;
}

function shownIn(tables: Tables) {
  const shown = (name: CollectionName, owner?: number) => {
    const whose = owner === undefined ? {} : { owner };
    const { rows } = tables.list(name, { ...whose, after: 0, limit: 1_000, order: 'asc' });
    return rows.map(({ id }) => id);
  };
  return {
    counts: collectionNames.map((name) => tables.count(name)),
    rows: collectionNames.map((name) => [...tables.rows(name)]),
    lists: [shown('users'), ...[1, 2, 3].flatMap((id) => [shown('posts', id), shown('sessions', id)])],
    found: Array.from({ length: 50 }, (_, id) => collectionNames.map((name) => tables.find(name, id))),
    owned: [1, 2, 3].map((owner) => [...tables.ownedIds('posts', owner)]),
    areKnown: [1, 2, 3].map((owner) => tables.revision('posts', owner) > 0),
    keys: [1, 2].flatMap((id) => [
      tables.findId('users', 'username', `USER ${id}`),
      tables.findId('sessions', 'sid', `sid ${id}`),
    ]),
    areOrphans: [1, 2].map((owner) => tables.isOrphan('posts', { id: 1, version: 1, ...postOf(owner) })),
    liveBytes: tables.liveBytes,
    misfits: misfitsIn(tables),
  };
}

describe('Tables: the removal of an owner', () => {
  it('hides all its rows in one step, before and during the purge as after it', () => {
    const tables = filled(20, unpurged());
    tables.apply([[{ remove: 'users', id: 1 }]]);
    const atOnce = shownIn(tables);
    assert.deepEqual(atOnce.lists.slice(0, 3), [[2], [], []]);
    for (let purged = 1; purged > 0; ) {
      purged = tables.purge(3);
      assert.deepEqual(shownIn(tables), atOnce);
    }
    const without = new Tables();
    without.apply([
      [user(2), ...Array.from({ length: 20 }, (_, index) => post(21 + index, 2)), session(2, 2)],
    ]);
    assert.deepEqual(atOnce, shownIn(without));
  });

  it('leaves at most the given number of rows to a call of purge', () => {
    const tables = filled(20, unpurged());
    tables.apply([[{ remove: 'users', id: 2 }], [{ removeOwned: 'posts', owner: 1 }]]);
    const purged = Array.from({ length: 8 }, () => tables.purge(7));
    assert.deepEqual(purged, [7, 7, 7, 7, 7, 6, 0, 0]);
  });

  it('is purged by later changes', () => {
    const tables = filled(20, new Tables({ rowsPerPurge: 30 }));
    tables.apply([[{ remove: 'users', id: 1 }]]);
    tables.apply([[user(3)]]);
    assert.equal(tables.purge(), 0);
  });

  it('frees the unique keys, which the purge does not take from their next holder', () => {
    const tables = filled(1, unpurged());
    tables.apply([[{ remove: 'users', id: 1 }], [session(3, 2, 'sid 1')]]);
    assert.deepEqual(misfitsIn(tables), []);
    tables.purge(9);
    assert.equal(tables.findId('sessions', 'sid', 'sid 1'), 3);
  });

  it('is not undone by a file that uses the ids again', () => {
    const tables = filled(20, unpurged());
    tables.apply([[{ remove: 'users', id: 1 }]]);
    tables.apply([[user(1)], [post(3, 2, 'Moved')], [post(7, 1, 'New')]]);
    tables.purge(9);
    const posts = [...tables.rows('posts')] as Post[];
    assert.deepEqual(
      posts.filter(({ id }) => id <= 20).map(({ id, user_id, title }) => [id, user_id, title]),
      [
        [3, 2, 'Moved'],
        [7, 1, 'New'],
      ],
    );
    assert.deepEqual([...tables.ownedIds('posts', 1)], [7]);
    assert.deepEqual([tables.count('posts'), tables.purge()], [22, 0]);
  });
});

describe('createTableStore: the purge', () => {
  class Watched extends Tables {
    /** The rows that each call took out. */
    readonly purged: number[] = [];
    override purge(rowsMax?: number): number {
      const purged = super.purge(rowsMax);
      if (purged > 0) this.purged.push(purged);
      return purged;
    }
  }
  const open = (t: TestContext, tables: Tables) => {
    const store = openMemoryStore(undefined, tables);
    t.after(() => store.close());
    return store;
  };

  it('takes one slice per event-loop turn, until no row is left', async (t) => {
    const tables = filled(20, new Watched({ rowsPerPurge: 2 }));
    await open(t, tables).users.remove(1);
    assert.equal(tables.purged.length, 1);
    assert.equal(await turnsUntil(() => tables.purged.length === 11), 10);
    assert.deepEqual(tables.purged, [...Array<number>(10).fill(2), 1]);
    assert.equal(tables.purge(), 0);
  });

  it('begins with the rows that the file left', async (t) => {
    const tables = filled(20, new Watched({ rowsPerPurge: 5 }));
    tables.apply([[{ remove: 'users', id: 1 }]]);
    open(t, tables);
    await turnsUntil(() => tables.purged.length === 5);
    assert.equal(tables.purge(), 0);
  });

  it('makes room for as many rows as it takes out, and not before', async (t) => {
    const tables = filled(4, new Tables({ rowsPerPurge: 0, rowsMax: 10 }));
    const store = openMemoryStore({ ...DEFAULT_CAPACITY, rows: 10 }, tables);
    t.after(() => store.close());
    await store.users.remove(1);
    for (const id of [9, 10]) assert.equal((await store.posts.create(postOf(2))).id, id);
    await rejects(store.posts.create(postOf(2)), 'unavailable', STORE_FULL);
    tables.purge(9);
    for (const id of [11, 12]) assert.equal((await store.posts.create(postOf(2))).id, id);
  });

  it('ends with the store', async (t) => {
    const tables = filled(20, new Watched({ rowsPerPurge: 1 }));
    const store = open(t, tables);
    await store.users.remove(1);
    await store.close();
    const { length } = tables.purged;
    for (let turns = 0; turns < 5; turns++) await turn();
    assert.equal(tables.purged.length, length);
    assert.equal(tables.purge(), 1);
  });
});

it('NextFile.writeSnapshot gives up the thread for each slice of rows that are still to be purged', async (t) => {
  const tables = filled(20, new Tables({ rowsPerPurge: 1 }));
  tables.apply([[{ remove: 'users', id: 1 }]]);
  const next = await NextFile.create(realFileSystem, join(temporaryFolder(t), 'jot.jsonl'));
  let steps = 0;
  for await (const _ of next.writeSnapshot(tables)) steps++;
  await next.discard();
  assert.ok(steps > 20, `${steps}`);
});
