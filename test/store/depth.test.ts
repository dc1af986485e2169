// Jot's own collections are two levels deep. Here, a copy of the source has a third level: remarks,
// which posts own.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, describe, it } from 'node:test';
import type * as FileStore from '../../src/store/file/file-store.ts';
import { type FileSystem, realFileSystem } from '../../src/store/file/file-system.ts';
import type * as Offline from '../../src/store/file/offline.ts';
import type * as MemoryStore from '../../src/store/memory/memory-store.ts';
import type * as Memory from '../../src/store/memory/tables.ts';
import type * as Opening from '../../src/store/open.ts';
import type { Operation, Repository, Store } from '../../src/store/open.ts';
import type * as Validation from '../../src/store/validate-rows.ts';
import { postOf, rejects, storeKinds, userNamed } from '../support/disk/stores.ts';
import { type Cleanup, temporaryFolder } from '../support/disk/temporary-folder.ts';
import { type Patches, patchedSource } from '../support/process/patched-source.ts';

const REMARKS: Patches[string] = [
  [
    'const declared = {',
    `const remarks = collection({
  owner: { collection: 'posts', field: 'post_id' },
  fields: { post_id: { kind: 'integer' }, text: { kind: 'text' } },
  unique: { text: { key: ({ text }) => text, taken: { code: 'conflict', message: 'Remark already exists' } } },
});

const declared = {
  remarks,`,
  ],
];

interface Remark {
  readonly id: number;
  readonly version: number;
  readonly post_id: number;
  readonly text: string;
}
type Deep = Store & { readonly remarks: Repository<Remark> };

const remark = (post_id: number, text: string) => ({ create: 'remarks', values: { post_id, text } });

/** matt (1) with the posts 1 and 2, elie (2) with post 3, and a remark on each: `on 1` and so on. */
async function fill(store: Deep): Promise<void> {
  for (const name of ['matt', 'elie']) await store.users.create(userNamed(name));
  for (const owner of [1, 1, 2]) await store.posts.create(postOf(owner));
  for (const post of [1, 2, 3]) await write(store, remark(post, `on ${post}`));
}

function write(store: Deep, ...operations: object[]): Promise<void> {
  return store.write(operations as Operation[]);
}

async function countsOf({ users, posts, remarks }: Deep): Promise<number[]> {
  return [await users.count(), await posts.count(), await remarks.count()];
}

interface Hook {
  run: (() => Promise<unknown>) | null;
}

/** A file system that runs the hook once, before the next piece of a compaction is written. */
function hooked(hook: Hook): FileSystem {
  return {
    ...realFileSystem,
    open: async (...args) => {
      const file = await realFileSystem.open(...args);
      const writeAsync: typeof file.writeAsync = async (bytes, position) => {
        const { run } = hook;
        hook.run = null;
        await run?.();
        return file.writeAsync(bytes, position);
      };
      return { ...file, writeAsync };
    },
  };
}

describe('Store.write with a collection owned by an owned one', () => {
  const cleanups: (() => unknown)[] = [];
  after(() => Promise.all(cleanups.map((done) => done())));
  const suite: Cleanup = { after: (done) => cleanups.push(done) };
  const source = patchedSource(suite, { 'store/collections.ts': REMARKS });
  // The same without the order that a snapshot relies on.
  const reversed = patchedSource(suite, {
    'store/collections.ts': [
      ...REMARKS,
      ['= ownersFirst(collections)', '= [...ownersFirst(collections)].reverse()'],
    ],
  });

  async function open(t: Cleanup, url: string): Promise<Deep> {
    const { openStore } = await source<typeof Opening>('store/open.ts');
    const store = (await openStore(url)) as Deep;
    t.after(() => store.close());
    return store;
  }

  for (const kind of storeKinds) {
    it(`counts its rows in the quota of the user at the end of the chain, at ${kind.name}`, async (t) => {
      const { openStore } = await source<typeof Opening>('store/open.ts');
      const capacity = { bytesPerUser: 20_000 };
      const store = (await openStore(kind.newUrl(t), { capacity })) as Deep;
      t.after(() => store.close());
      await fill(store);
      const bytesOf = async (user: number) => (await store.usage(user)).bytes.used;
      const before = [await bytesOf(1), await bytesOf(2)];
      await store.write([{ create: 'posts', values: postOf(1) }]);
      await write(store, remark(4, 'x'.repeat(500)));
      await rejects(write(store, remark(4, 'x'.repeat(19_000))), 'quota_exceeded');
      await write(store, remark(3, 'x'.repeat(3_000)), { remove: 'posts', id: 4 });
      assert.equal(await bytesOf(1), before[0], 'a removed post takes its remarks with it');
      await store.posts.remove(3);
      assert.deepEqual([await bytesOf(1), await bytesOf(2)], [before[0], 0]);
    });

    it(`removes its rows with the owner of their owner, and no others, at ${kind.name}`, async (t) => {
      const url = kind.newUrl(t);
      const store = await open(t, url);
      await fill(store);
      await store.users.remove(1);
      assert.deepEqual(await countsOf(store), [1, 1, 1]);
      assert.equal(await store.remarks.findBy('text', 'on 1'), null);
      assert.equal((await store.remarks.findBy('text', 'on 3'))?.id, 3);
      await store.close();
      if (kind.isDurable) assert.deepEqual(await countsOf(await open(t, url)), [1, 1, 1]);
    });

    it(`hides removed rows from later operations of the same write, at ${kind.name}`, async (t) => {
      const store = await open(t, kind.newUrl(t));
      await fill(store);
      const remove = [remark(2, 'drafted'), { remove: 'users', id: 1 }];
      for (const operation of [
        { update: 'remarks', id: 1, change: {} },
        { update: 'remarks', id: 4, change: {} },
        { expect: 'posts', id: 1 },
        remark(1, 'late'),
      ]) {
        await rejects(write(store, ...remove, operation), 'not_found');
        assert.deepEqual(await countsOf(store), [2, 3, 3]);
      }
      await write(store, ...remove, remark(3, 'on 1'), remark(3, 'drafted'), {
        discardOwned: 'remarks',
        owner: 1,
      });
      assert.deepEqual(await countsOf(store), [1, 1, 3]);
      assert.equal((await store.remarks.findBy('text', 'on 1'))?.post_id, 3);
    });

    it(`keeps the unique keys if a later operation fails, at ${kind.name}`, async (t) => {
      const store = await open(t, kind.newUrl(t));
      await fill(store);
      const failing = write(store, { remove: 'users', id: 1 }, { remove: 'users', id: 9 });
      await rejects(failing, 'not_found');
      await rejects(write(store, remark(3, 'on 1')), 'conflict');
    });
  }

  it('hides its rows, and frees their keys, while they wait to be purged', async (t) => {
    const { Tables } = await source<typeof Memory>('store/memory/tables.ts');
    const { openMemoryStore } = await source<typeof MemoryStore>('store/memory/memory-store.ts');
    const tables = new Tables({ rowsPerPurge: 0 });
    const store = openMemoryStore(undefined, tables) as Deep;
    t.after(() => store.close());
    await fill(store);
    await store.users.remove(1);
    await write(store, remark(3, 'on 1'));
    for (let purged = 1; purged > 0; purged = tables.purge(1)) {
      for (const id of [1, 2]) {
        assert.equal(await store.remarks.find(id), null);
        const page = await store.remarks.list({ owner: id, after: 0, limit: 9, order: 'asc' });
        assert.deepEqual([page.rows, await store.remarks.revision(id)], [[], 0]);
      }
      assert.equal(await store.remarks.findBy('text', 'on 2'), null);
      assert.equal((await store.remarks.findBy('text', 'on 1'))?.id, 4);
      await rejects(write(store, remark(1, 'late')), 'not_found');
      const shown = [...tables.rows('remarks' as 'posts')].map(({ id }) => id);
      assert.deepEqual(shown, [3, 4]);
    }
    assert.deepEqual(await countsOf(store), [1, 1, 2]);
  });

  it('removes owned rows by a record that lists none of them', async (t) => {
    const folder = temporaryFolder(t);
    const store = await open(t, `file:${folder}/jot.jsonl`);
    await fill(store);
    await store.users.remove(1);
    const last = readFileSync(`${folder}/jot.jsonl`, 'utf8').trim().split('\n').at(-1) ?? '';
    assert.deepEqual(JSON.parse(last).changes, [
      { removeOwned: 'posts', owner: 1 },
      { remove: 'users', id: 1 },
    ]);
  });

  /** The rows without owners in a file that was compacted while the user was removed. */
  async function orphansAfterCompaction(t: Cleanup, load: typeof source): Promise<unknown[]> {
    const { openFileStore } = await load<typeof FileStore>('store/file/file-store.ts');
    const path = `${temporaryFolder(t)}/jot.jsonl`;
    const hook: Hook = { run: null };
    const fileSystem = hooked(hook);
    const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
    const store = (await openFileStore(path, { now: Date.now, log, fileSystem })) as Deep;
    await store.users.create(userNamed('matt'));
    await store.posts.create(postOf(1));
    // Longer than the piece that a snapshot is written in.
    await write(store, remark(1, 'x'.repeat(300 * 1024)));
    hook.run = () => store.users.remove(1);
    await store.compact();
    assert.deepEqual(await countsOf(store), [0, 0, 0]);
    await store.close();
    const { readDataFile } = await load<typeof Offline>('store/file/offline.ts');
    const { misfitsIn } = await load<typeof Validation>('store/validate-rows.ts');
    return readDataFile(path, async ({ tables }) => misfitsIn(tables));
  }

  it('leaves no orphan of an owner that was removed before a snapshot reached it', async (t) => {
    const { openFileStore } = await source<typeof FileStore>('store/file/file-store.ts');
    const path = `${temporaryFolder(t)}/jot.jsonl`;
    const hook: Hook = { run: null };
    const fileSystem = hooked(hook);
    const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
    const store = (await openFileStore(path, { now: Date.now, log, fileSystem })) as Deep;
    await fill(store);
    // Longer than the piece that a snapshot is written in, so elie is in a later piece.
    await store.users.update(1, { password_hash: 'x'.repeat(300 * 1024) });
    // In the file, these changes follow a snapshot without elie.
    hook.run = async () => {
      await write(store, { update: 'remarks', id: 3, change: {} }, remark(3, 'late'));
      await store.users.remove(2);
      await write(store, remark(1, 'on 3'));
    };
    await store.compact();
    const lines = readFileSync(path, 'utf8').trim().split('\n');
    assert.match(lines.at(-3) ?? '', /"post_id":3,/, 'a change puts a remark on a removed post');
    const before = await countsOf(store);
    await store.close();
    assert.deepEqual(await countsOf(await open(t, `file:${path}`)), before);
    const { readDataFile } = await source<typeof Offline>('store/file/offline.ts');
    const { misfitsIn } = await source<typeof Validation>('store/validate-rows.ts');
    const found = await readDataFile(path, async ({ tables }) => {
      return [misfitsIn(tables), tables.nextId('remarks' as never)];
    });
    assert.deepEqual(found, [[], 6]);
  });

  it('leaves no orphan in a snapshot, in which owners come first', async (t) => {
    assert.deepEqual(await orphansAfterCompaction(t, source), []);
    assert.equal((await orphansAfterCompaction(t, reversed)).length, 1, 'owners last would leave one');
  });
});
