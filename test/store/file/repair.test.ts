import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, it } from 'node:test';
import { check } from '../../../src/commands/check.ts';
import { type DataFile, type FileSystem, realFileSystem } from '../../../src/store/file/file-system.ts';
import { repairDataFile } from '../../../src/store/file/repair.ts';
import { SCHEMA } from '../../../src/store/lift.ts';
import { dataFile, traceOf } from '../../support/disk/data-files.ts';
import { systemError } from '../../support/disk/faulty-file-system.ts';
import { linesWithSnapshot, linesWithUsers, sealedLine, TIME } from '../../support/disk/records.ts';
import { ASIDE, now, userOf } from '../../support/disk/repaired.ts';
import { openFor, rejects } from '../../support/disk/stores.ts';
import { temporaryFolder } from '../../support/disk/temporary-folder.ts';
import { runCommand } from '../../support/process/world.ts';

describe('repairDataFile has nothing to do', () => {
  const lines = linesWithUsers('matt', 'elie');
  const rows: readonly (readonly [reason: string, content: string])[] = [
    ['for a sound file', lines.join('')],
    ['for an empty one', ''],
    ['for one with an end that is not finished: every start sets that aside', lines.join('').slice(0, -9)],
  ];
  for (const [reason, content] of rows) {
    it(`${reason}, and leaves it as it is`, async (t) => {
      const path = dataFile(t, content);
      const before = traceOf(path);
      assert.equal(await repairDataFile(path, { now }), null);
      assert.deepEqual(traceOf(path), before);
    });
  }
});

describe('repairDataFile', () => {
  it('keeps the rows of a file whose version is lost', async (t) => {
    const content = linesWithUsers('matt').join('').replace('"version"', '"vers1on"');
    const repaired = await repairDataFile(dataFile(t, content), { now });
    assert.deepEqual([repaired?.lossCount, repaired?.tables.count('users')], [1, 1]);
  });
});

describe('repairDataFile rejects', () => {
  const [header = '', first = '', second = ''] = linesWithUsers('matt', 'elie');
  const damaged = header + first.replace('matt', 'Matt') + second;

  const rows: readonly (readonly [reason: string, content: string | Uint8Array, why: string])[] = [
    [
      'a file of which only the first line is left',
      `${linesWithSnapshot([userOf(1, 'matt')])[0]}`,
      'nothing in it can be read',
    ],
    [
      'a newer version, that may mean something else by the same words',
      sealedLine({ format: 'jot', version: 4, seq: 0, next: {} }) + first,
      'a newer Jot wrote it: its format is version 4, and this Jot reads versions 1 to 3',
    ],
    [
      'a newer schema, also where the file is damaged',
      `${header}damage\n${sealedLine({ seq: 2, schema: SCHEMA + 1, time: TIME, changes: [{ put: 'new', row: { id: 1 } }] })}`,
      `a newer Jot wrote it: its schema is number ${SCHEMA + 1}, and this Jot's is ${SCHEMA}`,
    ],
    [
      'a field that it does not know',
      `${header}damage\n${sealedLine({ seq: 2, time: TIME, changes: [{ put: 'users', row: { ...userOf(1, 'matt'), horoscope: '' } }] })}`,
      `a newer Jot wrote it: it has "horoscope" of users, a field unknown to this Jot; its schema is number ${SCHEMA}, and this Jot's is ${SCHEMA}`,
    ],
  ];
  for (const [reason, content, why] of rows) {
    it(`${reason}, and leaves it as it is`, async (t) => {
      const path = dataFile(t, content);
      const before = traceOf(path);
      await rejects(
        repairDataFile(path, { now }),
        'unavailable',
        `The data file ${path} can't be repaired: ${why}`,
      );
      assert.deepEqual(traceOf(path), before);
    });
  }

  const foreign: readonly (readonly [what: string, content: string | Uint8Array])[] = [
    ['a diary', 'Dear diary,\nnothing happened.\n'],
    ['a picture', Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 10, 255])],
    ['a package.json', '{\n  "name": "jot"\n}\n'],
    ['a list', '[{"id": 1, "username": "matt"}]\n'],
  ];
  for (const [what, content] of foreign) {
    it(`${what}, which is no damaged data file, and leaves it as it is`, async (t) => {
      const path = dataFile(t, content);
      const before = traceOf(path);
      const message = `${path} is not a Jot data file, or damaged at line 1, byte 0: it does not begin with {"format":"jot"`;
      await rejects(repairDataFile(path, { now }), 'unavailable', message);
      assert.deepEqual(traceOf(path), before);
    });
  }

  it('a missing file, and creates nothing', async (t) => {
    const folder = temporaryFolder(t);
    for (const path of [`${folder}/jot.jsonl`, `${folder}/none/jot.jsonl`]) {
      await rejects(repairDataFile(path, { now }), 'unavailable');
    }
    mkdirSync(`${folder}/folder`);
    await rejects(repairDataFile(`${folder}/folder`, { now }), 'unavailable');
    assert.deepEqual(readdirSync(folder), ['folder']);
  });

  it('a file that a server holds', async (t) => {
    const path = `${temporaryFolder(t)}/jot.jsonl`;
    const store = await openFor(t, `file:${path}`);
    const message = `The data file ${path} is in use by process ${process.pid}; stop it first`;
    await rejects(repairDataFile(path, { now }), 'unavailable', message);
    await store.close();
    assert.equal(await repairDataFile(path, { now }), null);
  });

  it('to overwrite a damaged file that was kept earlier', async (t) => {
    const path = dataFile(t, damaged);
    writeFileSync(`${dirname(path)}/${ASIDE}`, 'kept');
    const before = traceOf(path);
    await rejects(repairDataFile(path, { now }), 'unavailable');
    assert.deepEqual(traceOf(path), before);
    assert.equal(readFileSync(`${dirname(path)}/${ASIDE}`, 'utf8'), 'kept');
  });

  it('nothing else: through a link it repairs the target', async (t) => {
    const path = dataFile(t, damaged);
    const link = `${temporaryFolder(t)}/link.jsonl`;
    symlinkSync(path, link);
    chmodSync(path, 0o600);
    assert.equal((await repairDataFile(link, { now }))?.original, `${dirname(path)}/${ASIDE}`);
    assert.equal((await runCommand(check, [path])).code, 0);
  });
});

describe('repairDataFile on a failing disk', () => {
  const [header = '', first = '', second = ''] = linesWithUsers('matt', 'elie');
  const damaged = header + first.replace('matt', 'Matt') + second;

  /** The real file system, but for one call: the one with this number fails. */
  function failingAt(number: number) {
    const calls: string[] = [];
    const count = <T>(call: string, use: () => T): T => {
      calls.push(call);
      if (calls.length === number) throw systemError('EIO');
      return use();
    };
    const counted = (file: DataFile): DataFile => ({
      ...file,
      size: async () => count('size', () => file.size()),
      read: async (buffer, position) => count('read', () => file.read(buffer, position)),
      write: (bytes, position) => count('write', () => file.write(bytes, position)),
      writeAsync: async (bytes, position) => count('writeAsync', () => file.writeAsync(bytes, position)),
      sync: async () => count('sync', () => file.sync()),
      close: async () => {
        await file.close();
        count('close', () => undefined);
      },
    });
    const fileSystem: FileSystem = {
      ...realFileSystem,
      open: async (path, access) =>
        count('open', async () => counted(await realFileSystem.open(path, access))),
      rename: async (from, to) => {
        await count('rename', () => realFileSystem.rename(from, to));
        count('rename that has happened', () => undefined);
      },
    };
    return { fileSystem, calls };
  }

  it('leaves only the damaged file, or the new file and a copy of the damaged one', async (t) => {
    const places = { before: 0, after: 0 };
    for (let number = 1; ; number++) {
      const path = dataFile(t, damaged);
      const { fileSystem, calls } = failingAt(number);
      const outcome = await repairDataFile(path, { now, fileSystem }).catch((error) => error);
      const names = readdirSync(dirname(path)).sort();
      if (calls.length < number) {
        assert.equal(outcome.lines, 3, 'no call failed');
        assert.deepEqual(names, ['jot.jsonl', ASIDE]);
        break;
      }
      const failed = `call ${number}, ${calls[number - 1]}`;
      assert.match(outcome.message, /EIO: i\/o error$/, failed);
      if (readFileSync(path, 'utf8') === damaged) {
        places.before++;
        assert.deepEqual(names, ['jot.jsonl'], failed);
        continue;
      }
      places.after++;
      assert.deepEqual(names, ['jot.jsonl', ASIDE], failed);
      assert.equal(readFileSync(`${dirname(path)}/${ASIDE}`, 'utf8'), damaged, failed);
      assert.equal((await runCommand(check, [path])).code, 0, failed);
    }
    assert.ok(places.before > 10 && places.after > 0, JSON.stringify(places));
  });
});
