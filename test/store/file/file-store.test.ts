import assert from 'node:assert/strict';
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { createLog } from '../../../src/lib/log.ts';
import { type FileSystem, realFileSystem } from '../../../src/store/file/file-system.ts';
import { encodeChange, encodeHeader } from '../../../src/store/file/record.ts';
import { openStore } from '../../../src/store/open.ts';
import { type Faults, faultyFileSystem, openOn, systemError } from '../../support/disk/faulty-file-system.ts';
import { linesWith, linesWithUsers, sealedLine, TIME } from '../../support/disk/records.ts';
import { namesIn, openFor, rejects, userNamed } from '../../support/disk/stores.ts';
import { temporaryFolder } from '../../support/disk/temporary-folder.ts';

function modeOf(path: string): string {
  return (statSync(path).mode & 0o777).toString(8);
}

function linesOf(path: string): string[] {
  return readFileSync(path, 'utf8').split(/(?<=\n)/);
}

/** The names in a folder but for those of locks. */
function filesIn(folder: string): string[] {
  return readdirSync(folder).filter((name) => !name.includes('.lock-'));
}

describe('openFileStore of a new file', () => {
  it('creates the file with mode 0600 and missing folders with 0700', async (t) => {
    const folder = temporaryFolder(t);
    await openFor(t, `file:${folder}/a/b/jot.jsonl`);
    assert.equal(modeOf(`${folder}/a/b/jot.jsonl`), '600');
    assert.deepEqual([modeOf(`${folder}/a`), modeOf(`${folder}/a/b`)], ['700', '700']);
    assert.deepEqual(filesIn(`${folder}/a/b`), ['jot.jsonl']);
  });

  it('leaves the mode of an existing folder as it is', async (t) => {
    const folder = temporaryFolder(t);
    mkdirSync(`${folder}/data`, { mode: 0o755 });
    const before = modeOf(`${folder}/data`);
    await openFor(t, `file:${folder}/data/jot.jsonl`);
    assert.equal(modeOf(`${folder}/data`), before);
  });

  it('writes a header, and one line for each change', async (t) => {
    const folder = temporaryFolder(t);
    const path = `${folder}/jot.jsonl`;
    const store = await openStore(`file:${path}`, { now: () => TIME });
    t.after(() => store.close());
    assert.deepEqual(linesOf(path), linesWith());
    await store.users.create(userNamed('matt'));
    await store.users.create(userNamed('elie'));
    assert.deepEqual(linesOf(path), linesWithUsers('matt', 'elie'));
    await store.write([
      { remove: 'users', id: 1 },
      { discard: 'users', id: 2 },
    ]);
    assert.equal(linesOf(path).length, 4);
  });

  it('reads the real clock by default', async (t) => {
    const path = `${temporaryFolder(t)}/jot.jsonl`;
    const store = await openFor(t, `file:${path}`);
    const before = Date.now();
    await store.users.create(userNamed('matt'));
    const { time } = JSON.parse(linesOf(path)[1] ?? '');
    assert.ok(time >= before && time <= Date.now());
  });

  it('publishes the file under its name only when all of it is on the disk', async (t) => {
    const folder = temporaryFolder(t);
    const calls: string[] = [];
    const note = <T>(call: string, result: T) => {
      calls.push(call);
      return result;
    };
    const faulty = faultyFileSystem({
      write: (file, bytes, position) => note('write', file.write(bytes, position)),
      sync: (file) => note('sync', file.sync()),
    });
    const fileSystem: FileSystem = {
      ...faulty,
      rename: (from, to) => note('rename', realFileSystem.rename(from, to)),
    };
    const store = await openOn(fileSystem, `${folder}/jot.jsonl`);
    await store.close();
    assert.deepEqual(calls, ['write', 'sync', 'rename']);
  });

  it('starts again from an empty file or an unfinished header, as a crash leaves them', async (t) => {
    const folder = temporaryFolder(t);
    writeFileSync(`${folder}/jot.jsonl`, '');
    writeFileSync(`${folder}/.jot.jsonl.new`, '{"format":');
    const store = await openFor(t, `file:${folder}/jot.jsonl`);
    await store.users.create(userNamed('matt'));
    assert.equal(linesOf(`${folder}/jot.jsonl`).length, 2);
    assert.deepEqual(filesIn(folder), ['jot.jsonl']);
  });

  it('warns of an empty file, since a failed copy of a data file is one, but not of a missing file', async (t) => {
    const path = `${temporaryFolder(t)}/jot.jsonl`;
    const warnings: string[] = [];
    const warn = (message: string) => void warnings.push(message);
    const log = { info: () => undefined, warn, error: () => undefined };
    await (await openStore(`file:${path}`, { log })).close();
    assert.deepEqual(warnings, []);
    truncateSync(path);
    await (await openStore(`file:${path}`, { log })).close();
    const warning =
      'the data file is empty, as a failed copy leaves it; if it had data, stop Jot and restore a backup';
    assert.deepEqual(warnings, [warning]);
  });
});

describe('openFileStore of an existing file', () => {
  async function openNoting(path: string, failing: string): Promise<string[]> {
    const calls: string[] = [];
    const note = async <T>(call: string, real: () => Promise<T>) => {
      calls.push(call);
      if (call === failing) throw systemError('EIO');
      return real();
    };
    const fileSystem: FileSystem = {
      ...realFileSystem,
      syncFolder: (folder) => note('syncFolder', () => realFileSystem.syncFolder(folder)),
      async open(...args) {
        const file = await realFileSystem.open(...args);
        const read: typeof file.read = (...to) => note('read', () => file.read(...to));
        return { ...file, read, sync: () => note('sync', () => file.sync()) };
      },
    };
    await (await openOn(fileSystem, path)).close();
    return calls;
  }

  it('syncs the file before it reads it: a killed process may not have synced it', async (t) => {
    const path = `${temporaryFolder(t)}/jot.jsonl`;
    writeFileSync(path, linesWithUsers('matt').join(''));
    assert.deepEqual(await openNoting(path, ''), ['sync', 'syncFolder', 'read', 'read']);
  });

  for (const call of ['sync', 'syncFolder']) {
    it(`rejects the file if ${call} fails, and leaves it as it was`, async (t) => {
      const path = `${temporaryFolder(t)}/jot.jsonl`;
      const content = linesWithUsers('matt').join('');
      writeFileSync(path, content);
      await rejects(
        openNoting(path, call),
        'unavailable',
        `Can't open the data file ${path}: EIO: i/o error`,
      );
      assert.equal(readFileSync(path, 'utf8'), content);
    });
  }
});

describe('openFileStore of a torn file', () => {
  it('sets the last change aside, cut off at any byte, logs it, and keeps all before it', async (t) => {
    const good = linesWithUsers('matt', 'elie').join('');
    const goodBytes = good.length;
    const content = Buffer.from(
      good + encodeChange({ seq: 3, time: TIME, changes: [{ remove: 'users', id: 2 }] }),
    );
    const path = `${temporaryFolder(t)}/jot.jsonl`;
    for (let length = goodBytes + 1; length < content.length; length++) {
      writeFileSync(path, content.subarray(0, length));
      const logged: string[] = [];
      const now = () => TIME + length;
      const log = createLog({ format: 'json', write: (line) => logged.push(line), now });
      const store = await openStore(`file:${path}`, { now, log });

      assert.deepEqual(await namesIn(store), ['matt', 'elie']);
      const aside = `${path}.torn-${new Date(now()).toISOString().replaceAll(':', '')}`;
      assert.deepEqual(readFileSync(aside), content.subarray(goodBytes, length));
      assert.equal(readFileSync(path, 'utf8'), good);
      assert.equal(modeOf(aside), '600');
      const time = new Date(now()).toISOString();
      const message = 'the last change in the data file was not finished and is set aside';
      assert.deepEqual(
        logged.map((line) => JSON.parse(line)).filter(({ level }) => level === 'warn'),
        [{ time, level: 'warn', message, path: aside, bytes: length - goodBytes }],
      );
      await store.users.remove(2);
      await store.close();
      assert.equal(readFileSync(path, 'utf8').length, content.length, 'and goes on where the good part ends');
    }
    assert.deepEqual(await namesIn(await openFor(t, `file:${path}`)), ['matt']);
  });

  for (const [what, cut] of [
    ['finished', 0],
    ['not there at all', 1],
  ] as const) {
    it(`sets nothing aside when the last change is ${what}`, async (t) => {
      const folder = temporaryFolder(t);
      const lines = linesWithUsers('matt', 'elie');
      writeFileSync(`${folder}/jot.jsonl`, lines.slice(0, lines.length - cut).join(''));
      const warned: string[] = [];
      const log = createLog({ format: 'text', write: (line) => warned.push(line), now: () => TIME });
      const store = await openStore(`file:${folder}/jot.jsonl`, { log });
      t.after(() => store.close());
      assert.equal(await store.users.count(), 2 - cut);
      assert.deepEqual([warned, filesIn(folder)], [[], ['jot.jsonl']]);
    });
  }

  it('sets it aside also without a log', async (t) => {
    const folder = temporaryFolder(t);
    const content = linesWithUsers('matt', 'elie').join('');
    writeFileSync(`${folder}/jot.jsonl`, content.slice(0, -1));
    assert.equal(await (await openFor(t, `file:${folder}/jot.jsonl`)).users.count(), 1);
    assert.equal(filesIn(folder).filter((name) => name.startsWith('jot.jsonl.torn-')).length, 1);
  });

  it('serves reads while there is no space to set it aside, and writes again when there is', async (t) => {
    const folder = temporaryFolder(t);
    const path = `${folder}/jot.jsonl`;
    const [header = '', matt = '', elie = ''] = linesWithUsers('matt', 'elie');
    const content = header + matt + elie.slice(0, -20);
    writeFileSync(path, content);
    const faults: Faults = { writeAsync: () => Promise.reject(systemError('ENOSPC')) };
    const clock = { ms: TIME };
    const store = await openOn(faultyFileSystem(faults), path, clock);
    t.after(() => store.close());
    assert.deepEqual(await namesIn(store), ['matt']);
    await rejects(store.users.create(userNamed('tim')), 'unavailable');
    const reason = 'Changes cannot be stored at the moment; the log has the reason';
    assert.deepEqual(await store.status(), { ok: false, reason });
    await rejects(store.compact(), 'unavailable');
    assert.equal(readFileSync(path, 'utf8'), content);
    assert.deepEqual(filesIn(folder), ['jot.jsonl']);

    faults.writeAsync = undefined;
    clock.ms += 1_000;
    assert.deepEqual(await store.status(), { ok: true });
    assert.equal(readFileSync(path, 'utf8'), header + matt);
    const [, aside = ''] = filesIn(folder).sort();
    assert.equal(readFileSync(`${folder}/${aside}`, 'utf8'), elie.slice(0, -20));
    await store.users.create(userNamed('tim'));
    assert.deepEqual(await namesIn(store), ['matt', 'tim']);
  });
});

describe('openFileStore next to files that killed processes left', () => {
  it('removes unfinished files, and logs the names of files that were set aside', async (t) => {
    const folder = temporaryFolder(t);
    const path = `${folder}/jot.jsonl`;
    await (await openStore(`file:${path}`)).close();
    const aside = ['jot.jsonl.damaged-2026-11-24T100000.000Z', 'jot.jsonl.torn-2026-11-24T100000.000Z'];
    const others = ['jot.jsonl.backup', 'other.jsonl.torn-1', '.other.jsonl.aside'];
    const unfinished = ['.jot.jsonl.new', '.jot.jsonl.aside'];
    for (const name of [...unfinished, ...aside, ...others]) writeFileSync(`${folder}/${name}`, 'hashes');
    const logged: Record<string, unknown>[] = [];
    const write = (line: string) => logged.push(JSON.parse(line));
    const log = createLog({ format: 'json', write, now: () => TIME });
    const store = await openStore(`file:${path}`, { log });
    t.after(() => store.close());
    assert.deepEqual(filesIn(folder).sort(), ['jot.jsonl', ...aside, ...others].sort());
    const message = 'files that were set aside hold data of users; remove them when they are not needed';
    assert.deepEqual(
      logged.map((line) => [line.message, line.names]),
      [[message, aside.join(', ')]],
    );
  });
});

const NOT_JOT =
  'is not a Jot data file, or damaged at line 1, byte 0: it does not begin with {"format":"jot"';

describe('openFileStore rejects', () => {
  const lines = linesWithUsers('matt', 'elie', 'tim');
  const [header = '', first = '', second = '', third = ''] = lines;
  const damaged = header + first + second.replace('elie', 'Elie') + third;
  const noChange = sealedLine({ seq: 2, time: TIME });
  const files: readonly (readonly [what: string, content: string, reason: string])[] = [
    ['damage in the middle', damaged, `line 3, byte ${(header + first).length}: its checksum does not match`],
    ['a text', 'Dear diary,\nnothing happened.\n', NOT_JOT],
    ['a text of one line', 'Dear diary', NOT_JOT],
    ['another format', sealedLine({ format: 'tin' }), NOT_JOT],
    [
      'a newer version',
      sealedLine({ format: 'jot', version: 4, seq: 0, next: {} }),
      'was written by a newer Jot: its format is version 4, and this Jot reads versions 1 to 3 (line 1, byte 0)',
    ],
    ['a whole line that is no change', header + first + noChange + third, 'it holds no list of changes'],
  ];
  for (const [what, content, reason] of files) {
    it(`${what}, names the place, leaves the file as it is and closes it`, async (t) => {
      const folder = temporaryFolder(t);
      const path = `${folder}/jot.jsonl`;
      writeFileSync(path, content);
      for (let attempt = 1; attempt <= 2; attempt++) {
        await assert.rejects(openStore(`file:${path}`), (error: Error & { code?: string }) => {
          assert.equal(error.code, 'unavailable');
          assert.ok(error.message.includes(path) && error.message.endsWith(reason), error.message);
          return true;
        });
      }
      assert.equal(readFileSync(path, 'utf8'), content);
      assert.deepEqual(readdirSync(folder), ['jot.jsonl']);
    });
  }

  it('a file whose size cannot be read, and closes it', async (t) => {
    const path = `${temporaryFolder(t)}/jot.jsonl`;
    writeFileSync(path, linesWithUsers('matt').join(''));
    let closed = 0;
    const fileSystem: FileSystem = {
      ...realFileSystem,
      async open(...args) {
        const file = await realFileSystem.open(...args);
        const close = () => {
          closed++;
          return file.close();
        };
        return { ...file, close, size: () => Promise.reject(systemError('EIO')) };
      },
    };
    await rejects(
      openOn(fileSystem, path),
      'unavailable',
      `Can't open the data file ${path}: EIO: i/o error`,
    );
    assert.equal(closed, 1);
    assert.equal(await (await openFor(t, `file:${path}`)).users.count(), 1);
  });

  it('a folder that cannot be created, because a file has its name', async (t) => {
    const folder = temporaryFolder(t);
    writeFileSync(join(folder, 'data'), '');
    await assert.rejects(openStore(`file:${folder}/data/jot.jsonl`), {
      code: 'unavailable',
      message: new RegExp(`^Can't open the data file ${folder}/data/jot.jsonl: E`),
    });
  });

  it('a folder in place of the file', async (t) => {
    const folder = temporaryFolder(t);
    mkdirSync(join(folder, 'jot.jsonl'));
    await rejects(
      openStore(`file:${folder}/jot.jsonl`),
      'unavailable',
      `Can't open the data file ${folder}/jot.jsonl: EISDIR: illegal operation on a directory, open '${folder}/jot.jsonl'`,
    );
  });

  it('damage, naming the file by the given path', async (t) => {
    const folder = temporaryFolder(t);
    writeFileSync(`${folder}/jot.jsonl`, 'Dear diary,\n');
    symlinkSync('jot.jsonl', `${folder}/link.jsonl`);
    const path = `${folder}/link.jsonl`;
    await rejects(openStore(`file:${path}`), 'unavailable', `${path} ${NOT_JOT}`);
  });

  it('a dangling link: a new file would replace it', async (t) => {
    const folder = temporaryFolder(t);
    symlinkSync('none.jsonl', `${folder}/link.jsonl`);
    const message = `${folder}/link.jsonl is a link to a missing file`;
    await rejects(openStore(`file:${folder}/link.jsonl`), 'unavailable', message);
    assert.deepEqual(readdirSync(folder), ['link.jsonl']);
    writeFileSync(`${folder}/none.jsonl`, '');
    await openFor(t, `file:${folder}/link.jsonl`);
    assert.equal(linesOf(`${folder}/none.jsonl`).length, 1);
  });

  it('a link that leads in a circle', async (t) => {
    const folder = temporaryFolder(t);
    symlinkSync('jot.jsonl', join(folder, 'jot.jsonl'));
    await assert.rejects(openStore(`file:${folder}/jot.jsonl`), {
      code: 'unavailable',
      message: new RegExp(`^Can't open the data file ${folder}/jot.jsonl: ELOOP`),
    });
  });

  it('a new file on a full disk, but not once there is space', async (t) => {
    const folder = temporaryFolder(t);
    const path = join(folder, 'jot.jsonl');
    const fileSystem = faultyFileSystem({
      write: (file, bytes, at) => (at > 9 ? 0 : file.write(bytes.subarray(0, 5), at)),
    });
    const message = `Can't write the data file ${path}: no space left on the device`;
    await rejects(openOn(fileSystem, path), 'unavailable', message);
    assert.equal(filesIn(folder).includes('jot.jsonl'), false);

    const piecewise = faultyFileSystem({ write: (file, bytes, at) => file.write(bytes.subarray(0, 5), at) });
    const store = await openOn(piecewise, path);
    t.after(() => store.close());
    assert.deepEqual(linesOf(path), linesWith());
  });
});

describe('openFileStore without free ids', () => {
  it('rejects another row, and opens the file again', async (t) => {
    const path = `${temporaryFolder(t)}/jot.jsonl`;
    const last = Number.MAX_SAFE_INTEGER;
    writeFileSync(path, encodeHeader({ seq: 0, next: { users: last } }));
    const store = await openFor(t, `file:${path}`);
    assert.equal((await store.users.create(userNamed('matt'))).id, last);
    await rejects(store.users.create(userNamed('elie')), 'unavailable', 'There are no ids left');
    await store.close();
    assert.deepEqual(await namesIn(await openFor(t, `file:${path}`)), ['matt']);
  });
});

describe('openFileStore after a torn end', () => {
  it('assigns a torn id again, since its write was never acknowledged', async (t) => {
    const path = `${temporaryFolder(t)}/jot.jsonl`;
    const content = linesWithUsers('matt', 'elie').join('');
    writeFileSync(path, content);
    truncateSync(path, content.length - 2);
    const store = await openFor(t, `file:${path}`);
    assert.equal((await store.users.create(userNamed('tim'))).id, 2);
  });
});
