import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import type * as Checking from '../../src/commands/check.ts';
import { check as oldCheck } from '../../src/commands/check.ts';
import type { Command } from '../../src/commands/command.ts';
import type { Log } from '../../src/lib/log.ts';
import type * as FileStore from '../../src/store/file/file-store.ts';
import { type FileSystem, realFileSystem } from '../../src/store/file/file-system.ts';
import { repairDataFile } from '../../src/store/file/repair.ts';
import { migrations } from '../../src/store/migrations.ts';
import type { Repository, Store } from '../../src/store/open.ts';
import { contentsOf, dataFile, traceOf } from '../support/disk/data-files.ts';
import { evolved, evolvedSource, SCHEMA, WITH_GREMLINS } from '../support/disk/evolved-source.ts';
import { FailingDisk } from '../support/disk/failing-disk.ts';
import { sealedLine, TIME } from '../support/disk/records.ts';
import { postOf, userNamed } from '../support/disk/stores.ts';
import { type Cleanup, folderInMemory } from '../support/disk/temporary-folder.ts';
import { patchedSource } from '../support/process/patched-source.ts';
import { runCommand, withoutPlace } from '../support/process/world.ts';
import { assertHas } from '../support/server/answers.ts';

/** The schema of the source. */
const TODAY = migrations.at(-1)?.number ?? 0;

type Row = Readonly<Record<string, unknown>>;
type Rows = Readonly<Record<string, readonly Row[]>>;
type Evolved = Store & { readonly notes: Repository<{ id: number; version: number; heading: string }> };

const KEPT = ['version-1', 'plain', 'compacted', 'torn'] as const;

function kept(name: string): Buffer {
  return readFileSync(fileURLToPath(new URL(`file/before/${name}`, import.meta.url)));
}

describe('migrations', () => {
  it('are numbered from 1', () => {
    assert.deepEqual(
      migrations.map(({ number }) => number),
      migrations.map((_, index) => index + 1),
    );
  });
});

describe('liftRow: a Jot with a later schema', () => {
  const cleanups: (() => unknown)[] = [];
  after(() => Promise.all(cleanups.map((done) => done())));
  const source = evolvedSource({ after: (done) => cleanups.push(done) });

  // A torn end that is set aside is named after the time, so it passes.
  let time = TIME;
  const silent: Log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  async function open(path: string, fileSystem: FileSystem = realFileSystem, log = silent) {
    const { openFileStore } = await source<typeof FileStore>('store/file/file-store.ts');
    return (await openFileStore(path, { now: () => time++, log, fileSystem })) as Evolved;
  }

  /** Runs a command of the later Jot. */
  async function run(name: string, args: readonly string[], options: object = {}) {
    const commands = Object.values(await source<object>(`commands/${name}.ts`)) as Command[];
    const command = commands.find((each) => each.name === name);
    assert.ok(command !== undefined);
    return runCommand(command, args, options);
  }

  /** Resolves to all rows that the later Jot reads from the file, by id. */
  async function rowsIn(path: string): Promise<Rows> {
    const { stdout } = await run('export', ['--with-secrets', path]);
    const rows: Record<string, Row[]> = { users: [], notes: [], sessions: [] };
    for (const line of stdout.trim().split('\n').slice(1)) {
      for (const [name, row] of Object.entries(JSON.parse(line) as Record<string, Row>)) {
        rows[name]?.push(row);
      }
    }
    for (const list of Object.values(rows)) list.sort((one, other) => Number(one.id) - Number(other.id));
    return rows;
  }

  const headerOf = (path: string) => JSON.parse(readFileSync(path, 'utf8').split('\n')[0] ?? '');

  for (const name of KEPT) {
    const content = kept(`${name}.jsonl`);

    it(`reads ${name}.jsonl in its own shape, and leaves the file as it is`, async (t) => {
      const path = dataFile(t, content);
      const { rows } = await contentsOf(path);
      const before = traceOf(path);
      assert.deepEqual(await rowsIn(path), evolved(rows as unknown as Rows));
      assert.match((await run('check', [path])).stdout, /: no damage\n/);
      assert.match((await run('repair', [path])).stdout, /: no damage to repair\n$/);
      assert.deepEqual(traceOf(path), before);
    });

    it(`appends to ${name}.jsonl, and reads lines of both schemas`, async (t) => {
      const path = dataFile(t, content);
      const { rows } = await contentsOf(path);
      const logged: unknown[] = [];
      const log = { ...silent, info: (...line: unknown[]) => logged.push(line) };
      let store = await open(path, realFileSystem, log);
      assert.deepEqual(logged, [
        [
          'the data file has an older schema; its next compaction writes the new one',
          { file_schema: 0, schema: SCHEMA },
        ],
      ]);
      const created = await store.users.create({ ...userNamed('new'), motto: 'x' } as never);
      assertHas(created, { horoscope: '', is_guest: false, motto: 'x' });
      const changed = await store.notes.update(1, { heading: 'New' });
      await store.close();
      const wanted = evolved(rows as unknown as Rows);
      const all = {
        ...wanted,
        users: [...(wanted.users ?? []), created],
        notes: (wanted.notes ?? []).map((row) => (row.id === 1 ? changed : row)),
      };
      assert.deepEqual(await rowsIn(path), all);
      assert.equal(headerOf(path).schema ?? 0, 0);
      const last = readFileSync(path, 'utf8').trim().split('\n').at(-1) ?? '';
      assert.equal(JSON.parse(last).schema, SCHEMA);

      // Today's Jot calls it newer, which is no damage, and does not touch it.
      const before = traceOf(path);
      const message = new RegExp(`newer Jot.*: its schema is number ${SCHEMA}, and this Jot's is ${TODAY}`);
      await assert.rejects(runCommand(oldCheck, [path]), { message });
      await assert.rejects(repairDataFile(path, { now: () => TIME, dropRows: true }), { message });
      assert.deepEqual(traceOf(path), before);

      store = await open(path);
      await store.compact();
      await store.users.remove(created.id);
      await store.close();
      assert.deepEqual(await rowsIn(path), { ...all, users: wanted.users });
      assert.equal(headerOf(path).schema, SCHEMA);
      await assert.rejects(runCommand(oldCheck, [path]), { message });
    });

    it(`repairs ${name}.jsonl line by line`, async (t) => {
      const lost = Buffer.from(content.toString().replace('"username":"zo', '"username":"Zo'));
      const path = dataFile(t, lost);
      const { rows } = await contentsOf(dataFile(t, content));
      await assert.rejects(contentsOf(path), /damaged at line/);
      assert.match((await run('repair', [path])).stdout, /: its checksum does not match\n/);
      const { users, notes } = evolved(rows as unknown as Rows);
      const left = await rowsIn(path);
      assert.deepEqual(
        left.users,
        users?.filter(({ id }) => id !== 3),
      );
      assert.deepEqual(
        left.notes,
        notes?.filter(({ user_id }) => user_id !== 3),
      );
      assert.match((await run('check', [path])).stdout, /: no damage\n/);
    });
  }

  it('repairs no file without its first line, and does not call it newer', async (t) => {
    const path = dataFile(t, kept('plain.jsonl').toString().replace('"format"', '"Format"'));
    const before = traceOf(path);
    await assert.rejects(run('repair', ['--drop-rows', path]), (error: Error) => {
      assert.match(
        error.message,
        /its first line is lost, and its rows have another schema; use the Jot that/,
      );
      assert.doesNotMatch(error.message, /newer/);
      return true;
    });
    assert.deepEqual(traceOf(path), before);
    assert.ok(await repairDataFile(path, { now: () => TIME }), 'a Jot of its schema repairs it');
  });

  for (const name of ['export.txt', 'export-2.txt', 'export-without-secrets.txt']) {
    it(`imports ${name} in its own shape`, async (t) => {
      const path = `${folderInMemory(t)}/jot.jsonl`;
      const settings = { DATABASE_URL: `file:${path}` };
      await run('import', [], { settings, stdin: kept(name) });
      const { rows } = await contentsOf(dataFile(t, kept('compacted.jsonl')));
      const { users, ...others } = await rowsIn(path);
      const { users: wanted, ...otherWanted } = evolved(rows as unknown as Rows);
      assert.deepEqual(others, otherWanted);
      const bare = (list: readonly Row[] = []) => list.map(({ password_hash: _, ...row }) => row);
      assert.deepEqual(bare(users), bare(wanted));
      const exported = await run('export', [path]);
      assert.equal(JSON.parse(exported.stdout.split('\n')[0] ?? '').schema, SCHEMA);
    });
  }

  it('drops the rows of a dropped collection, and nothing else', async (t) => {
    const gremlin = { id: 7, version: 1, text: 'x' };
    const path = dataFile(
      t,
      [
        {
          format: 'jot',
          version: 3,
          schema: WITH_GREMLINS,
          seq: 0,
          next: { users: 1, notes: 1, gremlins: 9 },
        },
        { seq: 1, time: TIME, changes: [{ put: 'users', row: { id: 1, version: 1, ...userNamed('matt') } }] },
        {
          seq: 2,
          time: TIME,
          changes: [
            { put: 'gremlins', row: gremlin },
            { remove: 'gremlins', id: 6 },
          ],
        },
        { seq: 3, schema: SCHEMA, time: TIME, changes: [] },
      ]
        .map(sealedLine)
        .join(''),
    );
    const { users, ...others } = await rowsIn(path);
    assert.deepEqual([users?.length, others], [1, { notes: [], sessions: [] }]);
    const late = { seq: 4, schema: SCHEMA, time: TIME, changes: [{ put: 'gremlins', row: gremlin }] };
    writeFileSync(path, readFileSync(path, 'utf8') + sealedLine(late));
    await assert.rejects(rowsIn(path), /newer Jot: it has "gremlins", a collection/);
  });

  it('names a row whose migration fails, and drops it only if asked to', async (t) => {
    const row = { id: 2, version: 2, ...postOf(3), title: 7 };
    const line = sealedLine({ seq: 14, time: TIME, changes: [{ put: 'posts', row }] });
    const path = dataFile(t, kept('plain.jsonl').toString() + line);
    const failed = `migration ${SCHEMA - 3} failed for row 2 of posts: title.split is not a function`;
    const { code, stderr } = await run('check', [path]);
    assert.deepEqual([code, stderr.includes(failed)], [1, true], stderr);
    const before = traceOf(path);
    const refused = await run('repair', [path]);
    assert.equal(refused.code, 1);
    assert.ok(refused.stderr.includes(`a repair with --drop-rows would drop:\n  ${failed}`), refused.stderr);
    assert.deepEqual(traceOf(path), before);
    assert.equal((await run('repair', ['--drop-rows', path])).code, 0);
    assert.equal((await rowsIn(path)).users?.length, 3);
  });

  describe('jot migrate', () => {
    it('shows the changes, applies them once, and has nothing to do then', async (t) => {
      const path = dataFile(t, kept('compacted.jsonl'));
      const before = traceOf(path);
      const wanted = await rowsIn(path);
      const shown = [
        `${path}: its schema is number 0, and this Jot's is ${SCHEMA}`,
        `  ${SCHEMA - 4}: Rename user_agent of sessions to client`,
        `  ${SCHEMA}: Drop gremlins`,
        'to change: 3 notes',
        'to change: 1 session',
      ];
      const pending = (await run('migrate', [path])).stdout;
      for (const line of shown) assert.match(pending, new RegExp(`^${line}(; default of .*)?$`, 'm'));
      assert.match(pending, /^to change: 4 users; default of .*horoscope, is_guest/m);
      assert.deepEqual(traceOf(path), before);
      const applied = await run('migrate', ['--apply', path]);
      const nothing = `nothing to change; its schema is number ${SCHEMA}, as is this Jot's\n`;
      assert.deepEqual([applied.code, applied.stdout], [0, `${pending}applied; ${nothing}`]);
      assert.deepEqual(await rowsIn(path), wanted);
      const again = await run('migrate', ['--apply', path]);
      assert.deepEqual([again.code, again.stdout, again.stderr], [0, `${path}: ${nothing}`, '']);
    });

    it('counts only rows that are not in the new shape yet', async (t) => {
      const path = dataFile(t, kept('plain.jsonl'));
      const store = await open(path);
      for (const id of [1, 2]) await store.notes.update(id, { heading: 'New' });
      await store.close();
      const { stdout } = await run('migrate', [path]);
      assert.match(stdout, /\nto change: 3 users; default of .*horoscope, is_guest/);
      assert.match(stdout, /\nto change: 1 session\n/);
      assert.doesNotMatch(stdout, /to change: .* notes?\n/);
    });

    it('asks the server that holds the file', async (t) => {
      const path = dataFile(t, kept('plain.jsonl'));
      const store = await open(path);
      t.after(() => store.close());
      const { code, stdout, stderr } = await run('migrate', ['--apply', path]);
      assert.deepEqual([code, withoutPlace(stderr)], [0, '']);
      assert.match(stderr, /through the server, process \d+\n/);
      assert.match(stdout, /\napplied; /);
      assert.equal(headerOf(path).schema, SCHEMA);
    });
  });

  describe('jot migrate on a disk on which any one call fails', () => {
    /** Starts on an old file, writes, and compacts; resolves to the acknowledged writes. */
    async function work(path: string, fileSystem: FileSystem): Promise<string[]> {
      const done: string[] = [];
      const store = await open(path, fileSystem).catch(() => null);
      if (store === null) return done;
      const step = (name: string, write: () => Promise<unknown>) =>
        write().then(
          () => done.push(name),
          () => undefined,
        );
      await step('user', () => store.users.create(userNamed('new')));
      await step('compaction', () => store.compact());
      await step('note', () => store.notes.update(1, { heading: 'New' }));
      await store.close().catch(() => undefined);
      return done;
    }

    async function judge(t: Cleanup, at: number, isDead: boolean): Promise<boolean> {
      const path = `${folderInMemory(t)}/jot.jsonl`;
      writeFileSync(path, kept('torn.jsonl'));
      const { rows } = await contentsOf(path);
      const wanted = evolved(rows as unknown as Rows);
      const disk = new FailingDisk({ at, failure: 'EIO', isDead });
      const done = await work(path, disk.fileSystem);
      const found = await rowsIn(path);
      const where = `call ${at}, ${disk.failed[0]}`;
      const isNew = found.users?.length === 5;
      const isChanged = found.notes?.[0]?.heading === 'New';
      assert.ok(isNew || !done.includes('user'), where);
      assert.ok(isChanged || !done.includes('note'), where);
      assert.deepEqual(found.users?.slice(0, 4), wanted.users, where);
      assert.deepEqual(found.notes?.slice(1), wanted.notes?.slice(1), where);
      assert.deepEqual(found.sessions, wanted.sessions, where);
      const { schema = 0 } = headerOf(path);
      assert.ok(schema === (done.includes('compaction') ? SCHEMA : schema), where);
      await (await open(path)).close();
      return disk.failed.length > 0;
    }

    for (const isDead of [false, true]) {
      it(`has the old or the new state, ${isDead ? 'if every later call fails, too' : 'and continues'}`, async (t) => {
        let at = 1;
        while (await judge(t, at, isDead)) at++;
        assert.ok(at > 30, `${at} calls`);
      });
    }
  });
});

describe('liftRow without migrations', () => {
  it('rejects the same file instead of reading it in an old shape', async (t) => {
    const source = patchedSource(t, {
      'store/collections.ts': [["title: { kind: 'text' },", "heading: { kind: 'text' },"]],
    });
    const { check } = await source<typeof Checking>('commands/check.ts');
    const path = dataFile(t, kept('plain.jsonl'));
    await assert.rejects(runCommand(check, [path]), /newer Jot: it has "title" of posts, a field/);
  });
});
