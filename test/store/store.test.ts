import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ListQuery } from '../../src/store/open.ts';
import { openEmpty, postOf, rejects, sessionOf, storeKinds, userNamed } from '../support/disk/stores.ts';

const ALL: ListQuery = { after: 0, limit: 200, order: 'asc' };

for (const kind of storeKinds) {
  describe(`Store at ${kind.name}:`, () => {
    it('create assigns id and version, and find, get and findBy return the row', async (t) => {
      const { users } = await openEmpty(t, kind);
      const matt = await users.create(userNamed('matt'));
      assert.deepEqual(matt, { id: 1, version: 1, ...userNamed('matt') });
      assert.deepEqual(await users.find(1), matt);
      assert.deepEqual(await users.get(1), matt);
      assert.deepEqual(await users.findBy('username', 'MATT'), matt);
      assert.equal(await users.count(), 1);
    });

    it('find and findBy return null for a missing row, get rejects with not_found', async (t) => {
      const { users } = await openEmpty(t, kind);
      await users.create(userNamed('matt'));
      assert.equal(await users.find(2), null);
      assert.equal(await users.findBy('username', 'elie'), null);
      assert.equal(await users.findBy('no such index', 'MATT'), null);
      await rejects(users.get(2), 'not_found', 'There is nothing here (any more)');
    });

    it('update changes the given fields and increments the version', async (t) => {
      const { users, posts } = await openEmpty(t, kind);
      await users.create(userNamed('matt'));
      const before = await posts.create(postOf(1));
      const after = await posts.update(1, { title: 'Another' });
      assert.deepEqual(after, { ...before, title: 'Another', version: 2 });
      assert.deepEqual(await posts.get(1), after);
      assert.equal((await posts.update(1, {})).version, 3);
    });

    it('update never changes the id, and leaves a row that was read earlier as it was', async (t) => {
      const { users } = await openEmpty(t, kind);
      const before = await users.create(userNamed('matt'));
      const change: { username: string } & object = { ...userNamed('elie'), ...{ id: 7, version: 70 } };
      const after = await users.update(1, change);
      assert.deepEqual([after.id, after.version, before.username], [1, 2, 'matt']);
      assert.equal(await users.find(7), null);
    });

    it('update with keepVersion changes the row and not its version', async (t) => {
      const { users, sessions } = await openEmpty(t, kind);
      await users.create(userNamed('matt'));
      await sessions.create(sessionOf(1, 'a'));
      const used = await sessions.update(1, { last_used: 5 }, { keepVersion: true });
      assert.deepEqual([used.last_used, used.version], [5, 1]);
      assert.deepEqual(await sessions.get(1), used);
    });

    it('update and remove with ifVersion apply only to that version of the row', async (t) => {
      const { users } = await openEmpty(t, kind);
      await users.create(userNamed('matt'));
      await users.update(1, { password_hash: 'x' }, { ifVersion: 1 });
      const stale = 'It was changed in the meantime; fetch it again';
      await rejects(users.update(1, { password_hash: 'y' }, { ifVersion: 1 }), 'precondition_failed', stale);
      await rejects(users.remove(1, { ifVersion: 1 }), 'precondition_failed', stale);
      assert.equal((await users.get(1)).password_hash, 'x');
      await users.update(1, { password_hash: 'z' }, { ifVersion: undefined });
      await users.remove(1, { ifVersion: 3 });
      assert.equal(await users.find(1), null);
    });

    it('update and remove of a missing row reject with not_found', async (t) => {
      const { users } = await openEmpty(t, kind);
      await rejects(users.update(1, {}), 'not_found');
      await rejects(users.update(1, {}, { ifVersion: 1 }), 'not_found');
      await rejects(users.remove(1), 'not_found');
      await users.create(userNamed('matt'));
      await users.remove(1);
      await rejects(users.remove(1), 'not_found');
    });

    it('create for a missing owner rejects with not_found', async (t) => {
      const { users, posts, sessions } = await openEmpty(t, kind);
      await rejects(posts.create(postOf(1)), 'not_found');
      await rejects(sessions.create(sessionOf(1, 'a')), 'not_found');
      await users.create(userNamed('matt'));
      await posts.create(postOf(1));
      await users.remove(1);
      await rejects(posts.create(postOf(1)), 'not_found');
      assert.equal(await posts.count(), 0);
    });

    it('create and update take unique keys once, and a new name or removal frees them', async (t) => {
      const { users } = await openEmpty(t, kind);
      await users.create(userNamed('straße'));
      await users.create(userNamed('elie'));
      await rejects(users.create(userNamed('STRASSE')), 'username_taken', 'Username already exists');
      await rejects(users.update(2, { username: 'Straße' }), 'username_taken', 'Username already exists');
      assert.equal((await users.update(1, { username: 'STRASSE' })).username, 'STRASSE');

      await users.update(1, { username: 'matt' });
      assert.equal(await users.findBy('username', 'STRASSE'), null);
      assert.equal((await users.update(2, { username: 'straße' })).id, 2);
      await users.remove(2);
      assert.equal((await users.create(userNamed('strasse'))).id, 3);
      assert.equal((await users.findBy('username', 'STRASSE'))?.id, 3);
    });

    it('create and update keep unique keys per collection, whose message names the field', async (t) => {
      const { users, sessions } = await openEmpty(t, kind);
      await users.create(userNamed('a'));
      await sessions.create(sessionOf(1, 'A'));
      await rejects(sessions.create(sessionOf(1, 'A')), 'conflict', 'Session already exists');
      assert.equal((await sessions.findBy('sid', 'A'))?.id, 1);
      assert.equal(await users.findBy('sid', 'A'), null);
    });

    it('create never assigns an id twice, even if the highest row was removed', async (t) => {
      const { users } = await openEmpty(t, kind);
      for (const [name, id] of [
        ['a', 1],
        ['b', 2],
        ['c', 3],
      ] as const) {
        assert.equal((await users.create(userNamed(name))).id, id);
        await users.remove(id);
      }
      await rejects(users.update(3, {}), 'not_found');
    });

    it('create uses up no id if it is rejected', async (t) => {
      const { users } = await openEmpty(t, kind);
      await users.create(userNamed('a'));
      await rejects(users.create(userNamed('A')), 'username_taken');
      assert.equal((await users.create(userNamed('b'))).id, 2);
    });

    it('remove also removes all rows that the row owns, and no others', async (t) => {
      const { users, posts, sessions } = await openEmpty(t, kind);
      await users.create(userNamed('matt'));
      await users.create(userNamed('elie'));
      for (const owner of [1, 2, 1]) await posts.create(postOf(owner));
      await sessions.create(sessionOf(1, 'a'));
      await sessions.create(sessionOf(2, 'b'));
      await users.remove(1);

      const { rows } = await posts.list({ ...ALL, owner: 2 });
      assert.deepEqual(
        rows.map(({ id }) => id),
        [2],
      );
      assert.deepEqual(await posts.list({ ...ALL, owner: 1 }), { rows: [], next: null });
      assert.deepEqual(
        [await posts.find(1), await posts.find(3), await sessions.find(1)],
        [null, null, null],
      );
      assert.deepEqual([await posts.count(), await sessions.count()], [1, 1]);
      assert.equal(await sessions.findBy('sid', 'a'), null);
      assert.equal((await sessions.create(sessionOf(2, 'a'))).id, 3);
    });

    it('list returns pages by id in both orders, of one owner if rows have owners', async (t) => {
      const { users, posts } = await openEmpty(t, kind);
      await users.create(userNamed('matt'));
      await users.create(userNamed('elie'));
      for (const owner of [1, 2, 1, 2, 1]) await posts.create(postOf(owner));
      const ids = async (owner: number, query: Partial<ListQuery>) => {
        const page = await posts.list({ ...ALL, owner, ...query });
        return [page.rows.map(({ id }) => id), page.next];
      };

      assert.deepEqual(await ids(1, {}), [[1, 3, 5], null]);
      assert.deepEqual(await ids(1, { limit: 2 }), [[1, 3], 3]);
      assert.deepEqual(await ids(1, { limit: 2, after: 3 }), [[5], null]);
      assert.deepEqual(await ids(1, { limit: 3 }), [[1, 3, 5], null]);
      assert.deepEqual(await ids(1, { order: 'desc', limit: 2 }), [[5, 3], 3]);
      assert.deepEqual(await ids(1, { order: 'desc', limit: 2, after: 3 }), [[1], null]);
      assert.deepEqual(await ids(2, { after: 2 }), [[4], null]);
      assert.deepEqual(await ids(2, { after: 9 }), [[], null]);
      assert.deepEqual(await ids(3, {}), [[], null]);
      const everybody = await users.list({ ...ALL, limit: 1 });
      assert.deepEqual([everybody.rows[0]?.username, everybody.next], ['matt', 1]);
    });

    it('revision differs after every change, and never repeats', async (t) => {
      const { users, posts } = await openEmpty(t, kind);
      await users.create(userNamed('matt'));
      const before = await posts.revision(1);
      const create = () => posts.create(postOf(1));
      const changes = [
        create,
        create,
        () => posts.update(1, { title: 'Another' }),
        () => posts.update(1, {}, { keepVersion: true }),
        () => posts.remove(1),
        create,
        () => posts.remove(2),
      ];
      const revisions = [before];
      for (const change of changes) {
        await change();
        revisions.push(await posts.revision(1));
      }
      assert.equal(new Set(revisions).size, changes.length + 1);

      await posts.remove(3);
      assert.notEqual(await posts.revision(1), revisions.at(-1), 'the list became empty');
      await create();
      assert.equal(revisions.includes(await posts.revision(1)), false, 'and was filled again');
    });

    it('revision ignores changes to other lists and rejected ones', async (t) => {
      const { users, posts } = await openEmpty(t, kind);
      await users.create(userNamed('matt'));
      await users.create(userNamed('elie'));
      await posts.create(postOf(1));
      const before = [await users.revision(), await posts.revision(1)];
      await posts.create(postOf(2));
      await posts.remove(2);
      await rejects(posts.update(1, {}, { ifVersion: 9 }), 'precondition_failed');
      assert.deepEqual([await users.revision(), await posts.revision(1)], before);
    });

    it('revision of the list of an owner differs after the owner is removed', async (t) => {
      const { users, posts } = await openEmpty(t, kind);
      await users.create(userNamed('matt'));
      await posts.create(postOf(1));
      const before = await posts.revision(1);
      await users.remove(1);
      assert.notEqual(await posts.revision(1), before);
    });

    it('write rejects with unavailable after close, and status reports it', async (t) => {
      const store = await openEmpty(t, kind);
      assert.deepEqual(await store.status(), { ok: true });
      const last = store.users.create(userNamed('matt'));
      await store.close();
      assert.equal((await last).id, 1);
      assert.deepEqual(await store.status(), { ok: false, reason: 'The store is closed' });
      await rejects(store.users.create(userNamed('elie')), 'unavailable', 'The store is closed');
      await rejects(store.write([]), 'unavailable');
      await store.close();
    });
  });
}
