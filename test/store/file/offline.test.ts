import assert from 'node:assert/strict';
import { appendFileSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, it } from 'node:test';
import type { FileSystem } from '../../../src/store/file/file-system.ts';
import { realFileSystem } from '../../../src/store/file/file-system.ts';
import {
  type Contents,
  compactedBytes,
  fillDataFile,
  readDataFile,
  withDataFile,
} from '../../../src/store/file/offline.ts';
import type { Tables } from '../../../src/store/memory/tables.ts';
import type { User } from '../../../src/store/open.ts';
import { contentsOf, dataFile, traceOf } from '../../support/disk/data-files.ts';
import { fillStore } from '../../support/disk/exports.ts';
import { faultyFileSystem, systemError } from '../../support/disk/faulty-file-system.ts';
import { linesWith, linesWithUsers } from '../../support/disk/records.ts';
import { openFor, rejects, userNamed } from '../../support/disk/stores.ts';
import { temporaryFolder } from '../../support/disk/temporary-folder.ts';

async function putMatt(tables: Tables): Promise<void> {
  const row: User = { id: 1, version: 1, ...userNamed('matt') };
  tables.apply([[{ put: 'users', row }]]);
}

describe('readDataFile', () => {
  const unused = () => assert.fail('the file is damaged');

  it('returns the rows, the last change, and the length of the good part', async (t) => {
    const content = linesWithUsers('matt', 'elie').join('');
    await readDataFile(dataFile(t, `${content}torn`), async ({ tables, seq, bytes, goodBytes }) => {
      assert.deepEqual(
        { seq, bytes, goodBytes },
        { seq: 2, bytes: content.length + 4, goodBytes: content.length },
      );
      assert.equal(tables.count('users'), 2);
    });
  });

  it('never returns fewer bytes than good bytes, even if another process appends meanwhile', async (t) => {
    const [header = '', first = '', second = ''] = linesWithUsers('matt', 'elie');
    const path = dataFile(t, header + first);
    let sizes = 0;
    const growing: FileSystem = {
      ...realFileSystem,
      open: async (...args) => {
        const file = await realFileSystem.open(...args);
        const size = async () => {
          const before = await file.size();
          if (++sizes === 1) appendFileSync(path, second);
          return before;
        };
        return { ...file, size };
      },
    };
    const read = async (contents: Contents) => contents;
    const { seq, bytes, goodBytes } = await readDataFile(path, read, { fileSystem: growing });
    assert.deepEqual([seq, bytes, goodBytes], [2, statSync(path).size, statSync(path).size]);
  });

  it('passes the rows before the damage to onDamage', async (t) => {
    const [header = '', first = '', second = '', third = ''] = linesWithUsers('matt', 'elie', 'tim');
    const path = dataFile(t, header + first + second.replace('elie', 'Elie') + third);
    const counts: number[] = [];
    const onDamage = (tables: Tables) => counts.push(tables.count('users'));
    await rejects(readDataFile(path, unused, { onDamage }), 'unavailable');
    assert.deepEqual(counts, [1]);
  });

  it('closes the file after the callback, also if the callback fails or the file is damaged', async (t) => {
    let open = 0;
    const counting: FileSystem = {
      ...realFileSystem,
      open: async (...args) => {
        const file = await realFileSystem.open(...args);
        open++;
        return { ...file, close: () => file.close().finally(() => open--) };
      },
    };
    const options = { fileSystem: counting };
    const sound = dataFile(t, linesWith().join(''));
    await readDataFile(sound, async () => assert.equal(open, 1), options);
    await assert.rejects(
      readDataFile(sound, () => Promise.reject(systemError('EIO')), options),
      { code: 'EIO' },
    );
    await rejects(readDataFile(dataFile(t, 'Dear diary,\n'), unused, options), 'unavailable');
    assert.equal(open, 0);
  });
});

describe('compactedBytes', () => {
  it('returns the length of the file that a compaction leaves', async (t) => {
    const path = `${temporaryFolder(t)}/jot.jsonl`;
    const store = await openFor(t, `file:${path}`);
    await fillStore(store);
    const { bytesAfter } = await store.compact();
    assert.equal(await readDataFile(path, async ({ tables }) => compactedBytes(tables)), bytesAfter);
  });
});

describe('withDataFile', () => {
  it('holds the lock of the file only while the callback runs', async (t) => {
    const path = dataFile(t, linesWith().join(''));
    const result = await withDataFile(path, async (realPath) => {
      await rejects(
        withDataFile(path, async () => 'never'),
        'unavailable',
      );
      return realPath;
    });
    assert.equal(result, path);
    const error = systemError('EIO');
    await assert.rejects(
      withDataFile(path, () => Promise.reject(error)),
      (thrown) => thrown === error,
    );
    await openFor(t, `file:${path}`);
  });

  it('creates no folder', async (t) => {
    const folder = temporaryFolder(t);
    await rejects(
      withDataFile(`${folder}/none/jot.jsonl`, async () => 'never'),
      'unavailable',
    );
    assert.deepEqual(readdirSync(folder), []);
  });
});

describe('fillDataFile', () => {
  it('creates the file and its folder, with modes for the owner alone', async (t) => {
    const path = `${temporaryFolder(t)}/data/jot.jsonl`;
    await fillDataFile(path, putMatt);
    const modes = [dirname(path), path].map((each) => (statSync(each).mode & 0o777).toString(8));
    assert.deepEqual(modes, ['700', '600']);
    assert.equal((await contentsOf(path)).rows.users.length, 1);
  });

  it('keeps the number of the last change and the ids of an empty store', async (t) => {
    const path = `${temporaryFolder(t)}/jot.jsonl`;
    const store = await openFor(t, `file:${path}`);
    await store.users.create(userNamed('tim'));
    await store.users.remove(1);
    await store.close();
    await fillDataFile(path, async () => undefined);
    const found = await readDataFile(path, async ({ seq, tables }) => [seq, tables.nextId('users')]);
    assert.deepEqual(found, [2, 2]);
  });

  it('leaves the folder as it was if it fails: without a file, or with the old one', async (t) => {
    const fails = () => Promise.reject(systemError('EIO'));
    const full = faultyFileSystem({ writeAsync: () => Promise.reject(systemError('ENOSPC')) });
    const path = `${temporaryFolder(t)}/jot.jsonl`;
    await assert.rejects(fillDataFile(path, fails), { code: 'EIO' });
    const message = `Can't write the data file ${path}: ENOSPC: no space left on device`;
    await rejects(fillDataFile(path, putMatt, { fileSystem: full }), 'unavailable', message);
    assert.deepEqual(readdirSync(dirname(path)), []);

    writeFileSync(path, linesWith().join(''));
    const before = traceOf(path);
    await assert.rejects(fillDataFile(path, fails), { code: 'EIO' });
    await rejects(fillDataFile(path, putMatt, { fileSystem: full }), 'unavailable');
    assert.deepEqual(traceOf(path), before);
    await fillDataFile(path, putMatt);
    assert.notEqual(readFileSync(path, 'utf8'), before.content);
  });

  it('names the file in its errors by the given path, also through a link', async (t) => {
    const path = dataFile(t, 'Dear diary,\n');
    const link = `${temporaryFolder(t)}/link.jsonl`;
    symlinkSync(path, link);
    const message = `${link} is not a Jot data file, or damaged at line 1, byte 0: it does not begin with {"format":"jot"`;
    await rejects(fillDataFile(link, putMatt), 'unavailable', message);
  });

  it('rejects a dangling link and leaves it', async (t) => {
    const folder = temporaryFolder(t);
    symlinkSync('none.jsonl', `${folder}/link.jsonl`);
    const message = `${folder}/link.jsonl is a link to a missing file`;
    await rejects(fillDataFile(`${folder}/link.jsonl`, putMatt), 'unavailable', message);
    assert.deepEqual(readdirSync(folder), ['link.jsonl']);
    writeFileSync(`${folder}/none.jsonl`, '');
    await fillDataFile(`${folder}/link.jsonl`, putMatt);
    assert.equal((await contentsOf(`${folder}/none.jsonl`)).rows.users.length, 1);
  });

  it('rejects a file that is not a data file', async (t) => {
    const path = dataFile(t, 'Dear diary,\n');
    const message = `${path} is not a Jot data file, or damaged at line 1, byte 0: it does not begin with {"format":"jot"`;
    await rejects(fillDataFile(path, putMatt), 'unavailable', message);
  });
});
