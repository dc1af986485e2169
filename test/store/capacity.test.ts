import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DEFAULT_CAPACITY, LOADABLE_BYTES, STORE_BYTES_LIMIT } from '../../src/store/capacity.ts';
import { RESERVE_SHARE } from '../../src/store/memory/room.ts';
import { rowBytes } from '../../src/store/memory/row-bytes.ts';
import { type Capacity, type Operation, openStore, type Post, type Store } from '../../src/store/open.ts';
import { outcomesOf, postOf, rejects, sessionOf, storeKinds, userNamed } from '../support/disk/stores.ts';
import { type Cleanup, temporaryFolder } from '../support/disk/temporary-folder.ts';

const KIBIBYTE = 1024;
const POSTS_MAX = 500;
const FULL = 'The store is full; deleting still works';

async function openWithin(t: Cleanup, url: string, capacity: Partial<Capacity>): Promise<Store> {
  const store = await openStore(url, { capacity });
  t.after(() => store.close());
  for (const name of ['matt', 'elie']) await store.users.create(userNamed(name));
  return store;
}

function longPost(user: number, length: number) {
  return { ...postOf(user), body: 'x'.repeat(length) };
}

/** Creates posts until one is refused; resolves to their number. */
async function fill({ posts }: Store, user: number, length: number): Promise<number> {
  for (let count = 0; count < POSTS_MAX; count++) {
    const [outcome] = await outcomesOf([posts.create(longPost(user, length))]);
    if (outcome !== 'done') return count;
  }
  throw new Error(`${POSTS_MAX} posts were accepted`);
}

for (const { name, newUrl } of storeKinds) {
  describe(`openStore at ${name} with a quota of posts`, () => {
    const capacity = { rowsPerUser: { posts: 3 } };
    const refusal = 'You have 3 posts, and may not have more; delete some of them';

    it('refuses the post of one user that exceeds it, and no other post', async (t) => {
      const store = await openWithin(t, newUrl(t), capacity);
      assert.equal(await fill(store, 1, 1), 3);
      await rejects(store.posts.create(postOf(1)), 'quota_exceeded', refusal);
      await store.posts.update(1, { body: 'longer than before' });
      assert.equal(await fill(store, 2, 1), 3);
      await store.posts.remove(2);
      await store.posts.create(postOf(1));
      await rejects(store.posts.create(postOf(1)), 'quota_exceeded', refusal);
    });

    it('counts the posts that are written at the same time', async (t) => {
      const store = await openWithin(t, newUrl(t), capacity);
      const outcomes = await outcomesOf(Array.from({ length: 5 }, () => store.posts.create(postOf(1))));
      assert.deepEqual(outcomes.sort(), ['done', 'done', 'done', 'quota_exceeded', 'quota_exceeded']);
    });

    it('does not count the posts of a write that failed', async (t) => {
      const store = await openWithin(t, newUrl(t), capacity);
      const create: Operation = { create: 'posts', values: postOf(1) };
      const failing = store.write([create, create, { expect: 'posts', id: 99 }]);
      const outcomes = await outcomesOf([failing, ...[1, 2, 3].map(() => store.posts.create(postOf(1)))]);
      assert.deepEqual(outcomes, ['not_found', 'done', 'done', 'done']);
    });
  });

  describe(`openStore at ${name} with a quota of bytes`, () => {
    const capacity = { bytesPerUser: 30 * KIBIBYTE };
    const refusal = 'You may store 30720 bytes, and this would exceed them; delete something';

    it('refuses what would exceed it, also a longer text, and accepts a shorter one', async (t) => {
      const store = await openWithin(t, newUrl(t), capacity);
      assert.equal(await fill(store, 1, 12 * KIBIBYTE), 2);
      await rejects(store.posts.create(longPost(1, 12 * KIBIBYTE)), 'quota_exceeded', refusal);
      await rejects(store.posts.update(1, { body: 'x'.repeat(21 * KIBIBYTE) }), 'quota_exceeded', refusal);
      await store.posts.update(1, { body: '' });
      await store.posts.update(2, { body: 'x'.repeat(21 * KIBIBYTE) });
      assert.equal(await fill(store, 2, 12 * KIBIBYTE), 2);
    });

    it('counts two bytes per character if one is above U+00FF', async (t) => {
      const store = await openWithin(t, newUrl(t), capacity);
      await rejects(
        store.posts.create({ ...postOf(1), body: `Ā${'x'.repeat(15 * KIBIBYTE)}` }),
        'quota_exceeded',
      );
      await store.posts.create(longPost(1, 14 * KIBIBYTE));
    });

    it('lets the user sign in', async (t) => {
      const store = await openWithin(t, newUrl(t), capacity);
      await fill(store, 1, 1);
      const user_agent = 'x'.repeat(30 * KIBIBYTE);
      await store.sessions.create({ ...sessionOf(1, 'one'), user_agent });
      const { bytes } = await store.usage(1);
      assert.ok(bytes.used <= bytes.max);
    });
  });

  describe(`openStore at ${name} with a bound of bytes`, () => {
    const capacity = { bytes: 64 * KIBIBYTE };
    const isFull = { ok: false, reason: 'The store is full; deleting still works' };

    it('refuses what needs room once it is full, until something is deleted', async (t) => {
      const store = await openWithin(t, newUrl(t), capacity);
      assert.ok((await fill(store, 1, 10 * KIBIBYTE)) >= 3);
      assert.deepEqual(await store.status(), isFull);
      const refused = store.posts.create(postOf(2));
      await assert.rejects(refused, {
        code: 'unavailable',
        message: FULL,
        details: { retryAfterSeconds: 60 },
      });
      await rejects(store.users.create(userNamed('tim')), 'unavailable', FULL);
      await rejects(store.posts.update(1, { body: 'x'.repeat(11 * KIBIBYTE) }), 'unavailable', FULL);
      await store.posts.update(1, { title: 'a title' });
      await store.posts.remove(2);
      assert.deepEqual(await store.status(), { ok: true });
      await store.posts.create(postOf(2));
      await store.users.remove(1);
      const { bytes } = await store.usage();
      assert.ok(bytes.used < capacity.bytes / 4 && bytes.max === capacity.bytes, JSON.stringify(bytes));
    });

    it('lets users sign in with a reserve, which ends too', async (t) => {
      const store = await openWithin(t, newUrl(t), capacity);
      await fill(store, 1, KIBIBYTE);
      const signIn = (sid: string) =>
        store.write([
          { update: 'users', id: 1, change: { password_hash: `renewed for ${sid}, and longer than before` } },
          { create: 'sessions', values: sessionOf(1, sid) },
        ]);
      await signIn('one');
      for (let count = 0; count < 100; count++) await outcomesOf([signIn(`number ${count}`)]);
      await rejects(signIn('last'), 'unavailable', FULL);
      const { used } = (await store.usage()).bytes;
      assert.ok(used < capacity.bytes * 1.1, `${used}`);
    });

    it('lets a user replace a session once the reserve has ended', async (t) => {
      const store = await openWithin(t, newUrl(t), capacity);
      const { id } = await store.sessions.create(sessionOf(2, 'home'));
      await fill(store, 1, KIBIBYTE);
      const signIn = (sid: string) => store.sessions.create(sessionOf(1, sid));
      for (let count = 0; count < 100; count++) await outcomesOf([signIn(`number ${count}`)]);
      await rejects(signIn('last'), 'unavailable', FULL);
      await rejects(store.sessions.create(sessionOf(2, 'more')), 'unavailable', FULL);
      await store.write([
        { discard: 'sessions', id },
        { create: 'sessions', values: sessionOf(2, 'next') },
      ]);
      assert.notEqual(await store.sessions.findBy('sid', 'next'), null);
    });
  });

  describe(`openStore at ${name} with a bound of rows`, () => {
    it('refuses the row that a collection has no room for', async (t) => {
      const store = await openWithin(t, newUrl(t), { rows: 2 });
      const posts = await outcomesOf([1, 2, 1].map((user) => store.posts.create(postOf(user))));
      assert.deepEqual(posts, ['done', 'done', 'unavailable']);
      await rejects(store.users.create(userNamed('tim')), 'unavailable', FULL);
      await store.posts.update(1, { body: 'longer than before' });
      await store.posts.remove(1);
      await store.posts.create(postOf(1));
    });
  });

  describe(`Store.usage at ${name}`, () => {
    it('resolves to what a user has stored, and to the quotas', async (t) => {
      const capacity = { rowsPerUser: { posts: 5 }, bytesPerUser: 9_999 };
      const store = await openWithin(t, newUrl(t), capacity);
      const nothing = { posts: { used: 0, max: 5 }, bytes: { used: 0, max: 9_999 } };
      assert.deepEqual(await store.usage(1), nothing);
      const first: Post = await store.posts.create(postOf(1));
      await store.sessions.create(sessionOf(1, 'one'));
      await store.posts.create(longPost(2, 500));
      const used = { posts: { used: 1, max: 5 }, bytes: { used: rowBytes('posts', first), max: 9_999 } };
      assert.deepEqual(await store.usage(1), used);
      await store.users.remove(2);
      assert.deepEqual(await store.usage(2), nothing);
    });
  });
}

describe('openStore of a file with more rows than there is room for', () => {
  it('is refused in words', async (t) => {
    const url = `file:${temporaryFolder(t)}/jot.jsonl`;
    const store = await openStore(url);
    for (const name of ['matt', 'elie', 'tim']) await store.users.create(userNamed(name));
    await store.close();
    await rejects(
      openStore(url, { capacity: { rows: 2 } }),
      'unavailable',
      'Cannot hold more than 2 rows of users',
    );
    await (await openStore(url, { capacity: { rows: 3 } })).close();
  });

  it('opens if only its bytes exceed the bound, so that something can be deleted', async (t) => {
    const url = `file:${temporaryFolder(t)}/jot.jsonl`;
    const store = await openWithin(t, url, {});
    await store.posts.create(longPost(1, 5 * KIBIBYTE));
    await store.close();
    const again = await openStore(url, { capacity: { bytes: 1 } });
    t.after(() => again.close());
    assert.equal((await again.status()).ok, false);
    await rejects(again.posts.create(postOf(1)), 'unavailable', FULL);
    await again.posts.remove(1);
  });
});

describe('STORE_BYTES_LIMIT', () => {
  it('is less than a start loads, also with the reserve of a full store', () => {
    assert.ok(STORE_BYTES_LIMIT * (1 + RESERVE_SHARE) < LOADABLE_BYTES);
    assert.ok(DEFAULT_CAPACITY.bytes < STORE_BYTES_LIMIT);
  });
});
