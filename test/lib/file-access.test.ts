// Whose the files are that root makes, and what is said where the system denies access. Only root can have a test of that.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  closeSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { describe, it } from 'node:test';
import { openKeyFile, rotateKeyFile } from '../../src/auth/key-file.ts';
import { acquireLock } from '../../src/control/lock.ts';
import {
  heirOf,
  ignoreUngivable,
  renameDurably,
  syncFolder,
  withoutLinks,
} from '../../src/lib/file-access.ts';
import { openStore } from '../../src/store/open.ts';
import { TIME } from '../support/disk/records.ts';
import { rejects } from '../support/disk/stores.ts';
import { type Cleanup, temporaryFolder } from '../support/disk/temporary-folder.ts';

const UNKNOWN_HOLDER = 54_321;
const isRoot = process.geteuid?.() === 0;
const byRootOnly = isRoot ? {} : { skip: 'only root can give files away' };

function folderOf(t: Cleanup, uid: number): string {
  const folder = `${temporaryFolder(t)}/data`;
  mkdirSync(folder, { mode: 0o700 });
  if (isRoot) chownSync(folder, uid, uid);
  return folder;
}

function ownerOf(path: string): readonly [number, number] {
  const { uid, gid } = lstatSync(path);
  return [uid, gid];
}

/** What somebody else than root gets when they open it. It is this process that tries: they might not be able to run another. */
function openedBySomebody(path: string): string {
  process.setegid?.(UNKNOWN_HOLDER);
  process.seteuid?.(UNKNOWN_HOLDER);
  try {
    closeSync(openSync(path, 'r'));
    return 'opened';
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code);
  } finally {
    process.seteuid?.(0);
    process.setegid?.(0);
  }
}

describe('heirOf, for files of root in the folder of another user', byRootOnly, () => {
  it('makes the user the owner of the data file, its lock, and the folders in between', async (t) => {
    const folder = folderOf(t, UNKNOWN_HOLDER);
    const store = await openStore(`file:${folder}/a/b/jot.jsonl`);
    const paths = [
      `${folder}/a`,
      `${folder}/a/b`,
      ...readdirSync(`${folder}/a/b`).map((name) => `${folder}/a/b/${name}`),
    ];
    assert.equal(paths.length, 4);
    for (const path of paths) assert.deepEqual(ownerOf(path), [UNKNOWN_HOLDER, UNKNOWN_HOLDER], path);
    await store.close();
  });

  it('makes the user the owner of the key file, who can read it, also after a change', async (t) => {
    const folder = folderOf(t, UNKNOWN_HOLDER);
    // The folders above it may be root's alone.
    chmodSync(`${folder}/..`, 0o755);
    const path = `${folder}/jot.keys.json`;
    await openKeyFile(path, () => TIME);
    for (let count = 1; count <= 2; count++) {
      assert.deepEqual(ownerOf(path), [UNKNOWN_HOLDER, UNKNOWN_HOLDER]);
      assert.equal(openedBySomebody(path), 'opened');
      await rotateKeyFile(path, () => TIME);
    }
    chownSync(path, 0, 0);
    assert.equal(openedBySomebody(path), 'EACCES', 'it would be seen');
  });

  it('never changes the owner of the target of a link', async (t) => {
    const folder = folderOf(t, UNKNOWN_HOLDER);
    const others = `${temporaryFolder(t)}/others`;
    writeFileSync(others, 'mine');
    symlinkSync(others, `${folder}/jot.keys.json.${process.pid}.new`);
    await openKeyFile(`${folder}/jot.keys.json`, () => TIME);
    await (await acquireLock(`${folder}/jot.jsonl`)).release();
    assert.deepEqual(ownerOf(others), [0, 0]);
    assert.equal(lstatSync(others).size, 4);
  });

  it('leaves root the owner in a folder of root', async (t) => {
    const folder = folderOf(t, 0);
    await openKeyFile(`${folder}/jot.keys.json`, () => TIME);
    await (await openStore(`file:${folder}/jot.jsonl`)).close();
    for (const name of readdirSync(folder)) assert.deepEqual(ownerOf(`${folder}/${name}`), [0, 0], name);
  });
});

describe('heirOf', () => {
  it('returns null for users other than root', { skip: isRoot && 'this is root' }, (t) => {
    assert.equal(heirOf(`${folderOf(t, UNKNOWN_HOLDER)}/file`), null);
  });
});

describe('ignoreUngivable', () => {
  it('rethrows all errors but those of missing permission', () => {
    for (const code of ['EPERM', 'EINVAL']) ignoreUngivable(Object.assign(new Error('No'), { code }));
    const other = Object.assign(new Error('No'), { code: 'EROFS' });
    assert.throws(() => ignoreUngivable(other), other);
  });
});

describe('withoutLinks', () => {
  it('returns the path of an existing or future file, whatever links lead to it', async (t) => {
    const folder = temporaryFolder(t);
    symlinkSync('.', `${folder}/self`);
    assert.equal(await withoutLinks(`${folder}/self/jot.jsonl`), `${folder}/jot.jsonl`);
    writeFileSync(`${folder}/jot.jsonl`, '');
    symlinkSync('jot.jsonl', `${folder}/link.jsonl`);
    assert.equal(await withoutLinks(`${folder}/self/link.jsonl`), `${folder}/jot.jsonl`);
  });

  it('rejects a dangling link', async (t) => {
    const folder = temporaryFolder(t);
    symlinkSync('none.jsonl', `${folder}/link.jsonl`);
    const message = `${folder}/link.jsonl is a link to a missing file`;
    await rejects(withoutLinks(`${folder}/link.jsonl`), 'unavailable', message);
    await assert.rejects(
      withoutLinks(`${folder}/none/jot.jsonl`),
      { code: 'ENOENT' },
      'a folder that is not there is another thing',
    );
  });
});

describe('syncFolder', () => {
  it('accepts a file system that cannot flush a folder (cockroachdb/pebble 1689)', {
    skip: process.platform !== 'linux',
  }, async () => {
    const folder = openSync('/proc', 'r');
    assert.throws(() => fsyncSync(folder), { code: 'EINVAL' });
    closeSync(folder);
    await syncFolder('/proc');
  });

  it('rejects a folder that is not there', async (t) => {
    await assert.rejects(syncFolder(`${temporaryFolder(t)}/none`), { code: 'ENOENT' });
  });
});

describe('renameDurably', () => {
  it('replaces a file', async (t) => {
    const folder = temporaryFolder(t);
    writeFileSync(`${folder}/new`, 'new');
    writeFileSync(`${folder}/old`, 'old');
    await renameDurably(`${folder}/new`, `${folder}/old`);
    assert.deepEqual([readdirSync(folder), readFileSync(`${folder}/old`, 'utf8')], [['old'], 'new']);
  });

  it('explains that a mounted file cannot be replaced (clue/docker-json-server 2)', async (t) => {
    const folder = temporaryFolder(t);
    const [from, to] = [`${folder}/new`, `${folder}/mounted`];
    writeFileSync(from, 'new');
    writeFileSync(to, 'old');
    if (spawnSync('mount', ['--bind', to, to]).status !== 0) return t.skip('mounting is not allowed');
    try {
      const message = `Cannot replace ${to}: it is a mount point; mount its folder instead`;
      await rejects(renameDurably(from, to), 'unavailable', message);
      assert.equal(readFileSync(to, 'utf8'), 'old');
    } finally {
      spawnSync('umount', ['--lazy', to]);
    }
  });
});
