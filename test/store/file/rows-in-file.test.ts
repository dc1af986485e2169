import assert from 'node:assert/strict';
import { appendFileSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { describe, it, type TestContext } from 'node:test';
import { createLog } from '../../../src/lib/log.ts';
import { DEFAULT_CAPACITY } from '../../../src/store/capacity.ts';
import { openFileStore } from '../../../src/store/file/file-store.ts';
import { readDataFile } from '../../../src/store/file/offline.ts';
import type { Change } from '../../../src/store/memory/tables.ts';
import type { Post, Store } from '../../../src/store/open.ts';
import { contentsIn, contentsOf, dataFile } from '../../support/disk/data-files.ts';
import { linesWith, linesWithUsers, sealedLine, TIME } from '../../support/disk/records.ts';
import { userOf } from '../../support/disk/repaired.ts';
import { everythingIn, openFor, postOf, rejects, userNamed } from '../../support/disk/stores.ts';
import { temporaryFolder } from '../../support/disk/temporary-folder.ts';

const now = () => TIME;
const log = createLog({ format: 'off', write: () => undefined, now });

/** Opens a store whose rows stay in its file; closed when the test is over. */
async function openInFile(t: TestContext, path: string): Promise<Store> {
  const store = await openFileStore(path, { now, log, rowsInFile: true });
  t.after(() => store.close());
  return store;
}

function post(id: number, body: string, version = 1): Change {
  const row: Post = { id, version, ...postOf(1), body };
  return [{ put: 'posts', row }];
}

const matt: Change = [{ put: 'users', row: userOf(1, 'matt') }];

describe('RowsInFile', () => {
  it('looks up the same rows as a store in memory, in lines of any length', async (t) => {
    const path = `${temporaryFolder(t)}/jot.jsonl`;
    const lengths = [0, 10, 16_200, 16_300, 16_384, 65_600, 300_000];
    const writes = lengths.map((length, index) => post(index + 1, 'é'.repeat(length / 2)));
    const lines = linesWith(matt, ...writes, post(2, 'changed', 2), [{ remove: 'posts', id: 4 }]);
    writeFileSync(path, lines.join(''));
    const store = await openFor(t, `file:${path}`);
    const expected = await everythingIn(store);
    await store.close();
    assert.deepEqual(await everythingIn(await openInFile(t, path)), expected);
  });

  const lines = linesWith(matt, post(1, 'first'), post(2, 'second'));
  const whole = lines.join('');
  const changes = [
    ['its checksum does not match', whole.replace('second', 'altered')],
    ['it is not finished', whole.slice(0, -5)],
    ['it is not finished', ''],
  ] as const;
  for (const [reason, changed] of changes) {
    it(`reads a row again when it is looked up, and names the place: ${reason}`, async (t) => {
      const path = dataFile(t, whole);
      await readDataFile(path, async ({ tables }) => {
        writeFileSync(path, changed);
        const byte = lines.slice(0, 3).join('').length;
        const message = `Cannot read the line at byte ${byte} of the data file ${path} again: ${reason}`;
        assert.throws(() => tables.find('posts', 2), { code: 'unavailable', message });
      });
    });
  }

  it('finds its rows while another process adds to the file, and after it replaces it', async (t) => {
    const lines = linesWith(matt, post(1, 'one'), post(1, 'two', 2));
    const path = dataFile(t, lines.slice(0, 3).join(''));
    await readDataFile(path, async ({ tables }) => {
      const before = contentsIn(tables);
      appendFileSync(path, lines[3] ?? '');
      assert.deepEqual(contentsIn(tables), before);
      const next = `${temporaryFolder(t)}/jot.jsonl`;
      writeFileSync(next, linesWithUsers('elie').join(''));
      renameSync(next, path);
      assert.deepEqual(contentsIn(tables), before);
    });
  });

  it('distinguishes the versions of a row that one line puts twice', async (t) => {
    const [first, second, third] = ['matt', 'elie', 'tim'].map((name, index) => userOf(1, name, index + 1));
    const renamed = [first, second, third].map((row) => ({ put: 'users', row }));
    const header = linesWith()[0] ?? '';
    const path = dataFile(t, header + sealedLine({ seq: 1, time: TIME, changes: renamed }));
    await readDataFile(path, async ({ tables }) => {
      assert.deepEqual(tables.find('users', 1), third);
      const ids = ['MATT', 'ELIE', 'TIM'].map((key) => tables.findId('users', 'username', key));
      assert.deepEqual(ids, [undefined, undefined, 1]);
    });
  });
});

describe('openFileStore with rows in the file', () => {
  it('compacts, and finds the rows after that', async (t) => {
    const path = `${temporaryFolder(t)}/jot.jsonl`;
    writeFileSync(path, linesWith(matt, post(1, 'old'), post(1, 'new', 2), post(2, 'other')).join(''));
    const before = await contentsOf(path);
    const store = await openInFile(t, path);
    const rows = await everythingIn(store);
    await store.compact();
    assert.deepEqual(await everythingIn(store), rows);
    assert.doesNotMatch(readFileSync(path, 'utf8'), /old/);
    assert.deepEqual(await contentsOf(path), before);
  });

  it('changes, adds and removes rows as a store in memory does', async (t) => {
    const path = `${temporaryFolder(t)}/jot.jsonl`;
    writeFileSync(path, linesWith(matt, post(1, 'one'), post(2, 'two')).join(''));
    const store = await openInFile(t, path);
    await store.users.create(userNamed('elie'));
    await store.posts.update(1, { title: 'Changed' });
    await store.posts.remove(2);
    await rejects(store.users.create(userNamed('Matt')), 'username_taken');
    const rows = await everythingIn(store);
    await store.close();
    assert.deepEqual(await everythingIn(await openFor(t, `file:${path}`)), rows);
  });

  it('opens a file with more rows than a store may hold, and deletes some', async (t) => {
    const path = dataFile(t, linesWith(matt, post(1, 'one'), post(2, 'two')).join(''));
    const capacity = { ...DEFAULT_CAPACITY, rows: 1 };
    await rejects(openFileStore(path, { now, log, capacity }), 'unavailable');
    const store = await openFileStore(path, { now, log, capacity, rowsInFile: true });
    t.after(() => store.close());
    await store.posts.remove(1);
    assert.equal(await store.posts.count(), 1);
  });

  it('releases the file when it is closed, or damaged', async (t) => {
    const lines = linesWithUsers('matt', 'elie');
    const path = dataFile(t, lines.join(''));
    await (await openInFile(t, path)).close();
    await (await openFor(t, `file:${path}`)).close();
    writeFileSync(path, lines.join('').replace('matt', 'Matt'));
    await rejects(openInFile(t, path), 'unavailable');
    writeFileSync(path, lines.join(''));
    await openFor(t, `file:${path}`);
  });
});
