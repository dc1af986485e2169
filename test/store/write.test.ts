import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Id, Operation, Store } from '../../src/store/open.ts';
import { openEmpty, postOf, rejects, sessionOf, storeKinds, userNamed } from '../support/disk/stores.ts';

/** matt (1) and elie (2), with posts 1 and 3 of matt's, 2 of elie's, and the sessions a, b (matt's) and c (elie's). */
async function fill(store: Store): Promise<Store> {
  for (const name of ['matt', 'elie']) await store.users.create(userNamed(name));
  for (const owner of [1, 2, 1]) await store.posts.create(postOf(owner));
  for (const [owner, sid] of [
    [1, 'a'],
    [1, 'b'],
    [2, 'c'],
  ] as const) {
    await store.sessions.create(sessionOf(owner, sid));
  }
  return store;
}

async function everything({ users, posts, sessions }: Store): Promise<unknown> {
  const query = { after: 0, limit: 200, order: 'asc' } as const;
  const owners = [1, 2, 3, 4];
  return {
    users: await users.list(query),
    posts: await Promise.all(owners.map((owner) => posts.list({ ...query, owner }))),
    sessions: await Promise.all(owners.map((owner) => sessions.list({ ...query, owner }))),
    counts: [await users.count(), await posts.count(), await sessions.count()],
    matt: await users.findBy('username', 'MATT'),
    a: await sessions.findBy('sid', 'a'),
    revisions: [await users.revision(), await posts.revision(1), await sessions.revision(1)],
  };
}

async function sessionIds({ sessions }: Store, owner: Id): Promise<Id[]> {
  const { rows } = await sessions.list({ owner, after: 0, limit: 200, order: 'asc' });
  return rows.map(({ id }) => id);
}

for (const kind of storeKinds) {
  describe(`Store.write at ${kind.name}`, () => {
    it('applies all operations, each seeing those before', async (t) => {
      const store = await openEmpty(t, kind);
      await store.write([
        { create: 'users', values: userNamed('matt') },
        { create: 'posts', values: postOf(1) },
        { update: 'posts', id: 1, change: { title: 'Another' }, ifVersion: 1 },
        { expect: 'posts', id: 1, ifVersion: 2 },
        { expect: 'posts', id: 1, values: { title: 'Another' } },
        { update: 'users', id: 1, change: { username: 'tim' } },
        { create: 'users', values: userNamed('Matt') },
        { create: 'posts', values: postOf(2) },
        { remove: 'posts', id: 2 },
      ]);
      assert.deepEqual(await store.posts.get(1), { ...postOf(1, 'Another'), id: 1, version: 2 });
      assert.equal((await store.users.findBy('username', 'MATT'))?.id, 2);
      assert.equal((await store.users.findBy('username', 'TIM'))?.id, 1);
      assert.equal(await store.posts.find(2), null);
      assert.equal((await store.posts.create(postOf(1))).id, 3);
    });

    it('assigns id and version itself, whatever a spread contains', async (t) => {
      const store = await fill(await openEmpty(t, kind));
      const elie = await store.users.get(2);
      const tim = await store.users.create({ ...elie, username: 'tim' });
      assert.deepEqual([tim.id, tim.version], [3, 1]);
      assert.deepEqual(await store.users.get(2), elie);
    });

    it('rejects another owner for a row, which would leave it in two lists', async (t) => {
      const store = await fill(await openEmpty(t, kind));
      const before = await everything(store);
      await assert.rejects(store.posts.update(1, { user_id: 2 }), TypeError);
      assert.deepEqual(await everything(store), before);
      await store.posts.update(1, { user_id: 1 });
    });

    it('removes with an owner also the rows that the same write created', async (t) => {
      const store = await fill(await openEmpty(t, kind));
      await store.write([
        { create: 'posts', values: postOf(1) },
        { update: 'posts', id: 1, change: { title: 'Another' } },
        { remove: 'posts', id: 3 },
        { create: 'sessions', values: sessionOf(1, 'd') },
        { remove: 'users', id: 1 },
        { create: 'users', values: userNamed('matt') },
        { create: 'sessions', values: sessionOf(3, 'a') },
      ]);
      assert.deepEqual([await store.posts.count(), await store.sessions.count()], [1, 2]);
      assert.equal((await store.sessions.findBy('sid', 'a'))?.user_id, 3);
      assert.equal((await store.posts.create(postOf(2))).id, 5);
    });

    it('removes with an owner all its rows, for later operations of the same write', async (t) => {
      const store = await fill(await openEmpty(t, kind));
      const given: readonly Operation[] = [
        { create: 'posts', values: postOf(1) },
        { create: 'sessions', values: sessionOf(1, 'd') },
        { remove: 'users', id: 1 },
      ];
      await rejects(store.write([...given, { expect: 'posts', id: 4 }]), 'not_found');
      await rejects(store.write([...given, { update: 'sessions', id: 4, change: {} }]), 'not_found');
      await store.write([
        ...given,
        { discardOwned: 'posts', owner: 1 },
        { discardOwned: 'sessions', owner: 1 },
        { create: 'sessions', values: sessionOf(2, 'd') },
      ]);
      assert.equal((await store.sessions.findBy('sid', 'd'))?.user_id, 2);
      assert.deepEqual([await store.posts.count(), await sessionIds(store, 2)], [1, [3, 5]]);
    });

    it('removes with an owner all its rows, for concurrent writes', async (t) => {
      const store = await fill(await openEmpty(t, kind));
      // The first one is on its way alone; the others gather behind it.
      const together = [
        store.users.create(userNamed('tim')),
        store.posts.create(postOf(1)),
        store.sessions.create(sessionOf(1, 'd')),
        store.users.remove(1),
        rejects(store.posts.update(4, { title: 'Another' }), 'not_found'),
        store.sessions.create(sessionOf(2, 'd')),
      ];
      await Promise.all(together);
      assert.equal((await store.sessions.findBy('sid', 'd'))?.user_id, 2);
      assert.deepEqual([await store.posts.count(), await sessionIds(store, 2)], [1, [3, 5]]);
    });

    it('hides the rows of a removed owner from concurrent writes after it', async (t) => {
      const store = await fill(await openEmpty(t, kind));
      const removed = store.write([{ remove: 'users', id: 1 }]);
      const refused = [
        rejects(store.posts.update(3, { title: 'Another' }), 'not_found'),
        rejects(store.sessions.create(sessionOf(2, 'c')), 'conflict'),
      ];
      const taken = store.sessions.create(sessionOf(2, 'a'));
      await Promise.all([removed, ...refused, taken]);
      assert.equal((await store.sessions.findBy('sid', 'a'))?.user_id, 2);
      assert.deepEqual([await store.posts.count(), await sessionIds(store, 2)], [1, [3, 4]]);
    });

    it('shows the rows of an owner to concurrent writes after a removal that failed', async (t) => {
      const store = await fill(await openEmpty(t, kind));
      const failed = store.write([
        { remove: 'users', id: 1 },
        { remove: 'users', id: 9 },
      ]);
      const updated = store.posts.update(3, { title: 'Another' });
      const refused = rejects(store.sessions.create(sessionOf(2, 'a')), 'conflict');
      await Promise.all([rejects(failed, 'not_found'), updated, refused]);
      assert.equal((await store.posts.get(3)).title, 'Another');
    });

    const before: readonly Operation[] = [
      { create: 'users', values: userNamed('tim') },
      { create: 'posts', values: postOf(3) },
      { update: 'users', id: 2, change: { username: 'elie!' } },
      { discard: 'sessions', id: 3 },
      { discardOwned: 'posts', owner: 2 },
      { remove: 'users', id: 1 },
    ];
    const failing: readonly (readonly [
      code: 'username_taken' | 'not_found' | 'precondition_failed',
      last: Operation,
    ])[] = [
      ['username_taken', { create: 'users', values: userNamed('Tim') }],
      ['username_taken', { update: 'users', id: 2, change: { username: 'TIM' } }],
      ['not_found', { create: 'posts', values: postOf(1) }],
      ['not_found', { update: 'posts', id: 1, change: {} }],
      ['not_found', { remove: 'users', id: 1 }],
      ['not_found', { expect: 'users', id: 9, ifVersion: 1 }],
      ['precondition_failed', { expect: 'users', id: 2, ifVersion: 1 }],
      ['precondition_failed', { expect: 'users', id: 2, values: { username: 'another' } }],
      ['precondition_failed', { update: 'users', id: 2, change: {}, ifVersion: 1 }],
      ['precondition_failed', { remove: 'users', id: 2, ifVersion: 1 }],
    ];
    for (const [code, last] of failing) {
      it(`changes nothing if its last operation is ${code}: ${JSON.stringify(last).slice(0, 40)}`, async (t) => {
        const store = await fill(await openEmpty(t, kind));
        const was = await everything(store);
        await rejects(store.write([...before, last]), code);
        assert.deepEqual(await everything(store), was);
        assert.equal((await store.users.create(userNamed('tim'))).id, 3, 'no id is used up');
        assert.equal((await store.posts.create(postOf(1))).id, 4);
      });
    }

    it('applies the same operations if all succeed', async (t) => {
      const store = await fill(await openEmpty(t, kind));
      await store.write(before);
      assert.deepEqual([await store.users.count(), await store.posts.count()], [2, 1]);
      assert.equal(await store.sessions.count(), 0);
    });

    it('changes nothing for expect, or without operations', async (t) => {
      const store = await fill(await openEmpty(t, kind));
      const was = await everything(store);
      await store.write([{ expect: 'users', id: 1, ifVersion: 1 }]);
      await store.write([]);
      assert.deepEqual(await everything(store), was);
    });

    it('removes with discard, which does not fail for a row already removed', async (t) => {
      const store = await fill(await openEmpty(t, kind));
      const gone: Operation = { discard: 'users', id: 1 };
      await store.write([gone, gone, { discard: 'posts', id: 99 }]);
      await store.write([gone]);
      assert.deepEqual([await store.users.count(), await store.posts.count()], [1, 1]);
      assert.deepEqual(await sessionIds(store, 1), []);
    });

    it('removes with discardOwned all rows of an owner, of whom there may be none', async (t) => {
      const store = await fill(await openEmpty(t, kind));
      for (const owner of [1, 1, 99]) await store.write([{ discardOwned: 'sessions', owner }]);
      assert.deepEqual([await sessionIds(store, 1), await sessionIds(store, 2)], [[], [3]]);
      assert.equal(await store.sessions.findBy('sid', 'b'), null);
    });

    it('removes with discardOwned also rows that the same write created before, not after', async (t) => {
      const store = await fill(await openEmpty(t, kind));
      await store.write([
        { create: 'sessions', values: sessionOf(1, 'd') },
        { create: 'sessions', values: sessionOf(2, 'e') },
        { discardOwned: 'sessions', owner: 1 },
        { create: 'sessions', values: sessionOf(1, 'f') },
      ]);
      assert.deepEqual([await sessionIds(store, 1), await sessionIds(store, 2)], [[6], [3, 5]]);
    });

    it('lets one of two conflicting writes win, however they meet', async (t) => {
      const store = await openEmpty(t, kind);
      const creates = Array.from({ length: 20 }, () => store.users.create(userNamed('matt')));
      const outcomes = await Promise.allSettled(creates);
      const won = outcomes.filter(({ status }) => status === 'fulfilled');
      const lost = outcomes.filter(({ status }) => status === 'rejected') as PromiseRejectedResult[];
      assert.equal(won.length, 1);
      assert.deepEqual([...new Set(lost.map(({ reason }) => reason.code))], ['username_taken']);
      assert.deepEqual([await store.users.count(), (await store.users.create(userNamed('elie'))).id], [1, 2]);
    });

    it('lets one of many writes with the same ifVersion win', async (t) => {
      const store = await fill(await openEmpty(t, kind));
      const update = (title: string) => store.posts.update(1, { title }, { ifVersion: 1 });
      const outcomes = await Promise.allSettled(['a', 'b', 'c'].map(update));
      assert.deepEqual(
        outcomes.map(({ status }) => status),
        ['fulfilled', 'rejected', 'rejected'],
      );
      assert.equal((await store.posts.get(1)).title, 'a');
    });

    it('applies many concurrent writes in the order of the calls', async (t) => {
      const store = await openEmpty(t, kind);
      const names = Array.from({ length: 3_000 }, (_, index) => `user ${index}`);
      const rows = await Promise.all(names.map((name) => store.users.create(userNamed(name))));
      assert.deepEqual(
        rows.map(({ id, username }) => [id, username]),
        names.map((name, index) => [index + 1, name]),
      );
      assert.equal(await store.users.count(), 3_000);
    });
  });
}
