import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Writable } from 'node:stream';
import { describe, it, type TestContext } from 'node:test';
import { exportRows } from '../../src/commands/export.ts';
import { importRows } from '../../src/commands/import.ts';
import { type Contents, contentsOf, dataFile, traceOf } from '../support/disk/data-files.ts';
import { FOO_HASH, fillStore } from '../support/disk/exports.ts';
import { linesWithUsers } from '../support/disk/records.ts';
import { openFor, rejects, userNamed } from '../support/disk/stores.ts';
import { temporaryFolder } from '../support/disk/temporary-folder.ts';
import { createWorld, runCommand, runIn, withoutOthers, withoutPlace } from '../support/process/world.ts';
import { startServer } from '../support/server/server.ts';

/** A data file with rows of all kinds that nobody has open. */
async function filled(t: TestContext): Promise<string> {
  const path = `${temporaryFolder(t)}/jot.jsonl`;
  const store = await openFor(t, `file:${path}`);
  await fillStore(store);
  await store.close();
  return path;
}

async function exported(path: string, ...options: string[]): Promise<string> {
  const { code, stdout, stderr } = await runCommand(exportRows, [...options, path]);
  const warning = 'jot: without password hashes; --with-secrets prints them too\n';
  assert.deepEqual([code, stderr], [0, options.includes('--with-secrets') ? '' : warning]);
  return stdout;
}

// biome-ignore lint/suspicious/noExplicitAny: a line of an export is any JSON.
function linesIn(text: string): any[] {
  const lines = text.split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line));
}

function usersIn(text: string): { readonly password_hash?: string }[] {
  return linesIn(text).flatMap(({ users }) => (users === undefined ? [] : [users]));
}

/** Imports into a file that is not there yet. */
async function imported(t: TestContext, text: string): Promise<{ path: string; report: string }> {
  const path = `${temporaryFolder(t)}/jot.jsonl`;
  const settings = { DATABASE_URL: `file:${path}` };
  const { code, stdout, stderr } = await runCommand(importRows, [], { settings, stdin: text });
  assert.deepEqual([code, withoutPlace(stderr)], [0, '']);
  return { path, report: withoutOthers(stdout) };
}

describe('jot export', () => {
  it('prints a header and one row per line, and leaves the file as it is', async (t) => {
    const path = await filled(t);
    const before = traceOf(path);
    const text = await exported(path);
    assert.deepEqual(traceOf(path), before);
    const { rows, next } = await contentsOf(path);
    const [header, ...lines] = linesIn(text);
    assert.deepEqual(header, { ...header, format: 'jot-export', version: 2, next, rows: lines.length });
    const all = Object.entries(rows).flatMap(([name, list]) => list.map((row) => ({ [name]: row })));
    assert.deepEqual(
      lines,
      JSON.parse(JSON.stringify(all, (key, value) => (key === 'password_hash' ? undefined : value))),
    );
    assert.ok(text.endsWith('}\n'), text);
  });

  it('omits password hashes by default', async (t) => {
    const path = await filled(t);
    assert.equal((await exported(path)).includes('scrypt'), false);
    const users = usersIn(await exported(path, '--with-secrets'));
    assert.deepEqual(
      users.map(({ password_hash }) => password_hash),
      [FOO_HASH, FOO_HASH, FOO_HASH],
    );
  });

  it('prints an importable export of an empty file', async (t) => {
    const text = await exported(dataFile(t, ''));
    const [{ next, rows }, ...lines] = linesIn(text);
    assert.deepEqual([next.users, rows, lines], [1, 0, []]);
    const { report } = await imported(t, text);
    assert.match(withoutOthers(report), /: 0 users, 0 posts, 0 sessions imported\n$/);
  });

  it('omits an unfinished end', async (t) => {
    const content = linesWithUsers('matt', 'elie').join('').slice(0, -1);
    assert.equal(usersIn(await exported(dataFile(t, content))).length, 1);
  });

  it('prints nothing for a damaged file and names the place', async (t) => {
    const [header = '', first = '', second = ''] = linesWithUsers('matt', 'elie');
    const path = dataFile(t, header + first.replace('matt', 'Matt') + second);
    const world = createWorld();
    await assert.rejects(runIn(world, exportRows, [path]), {
      code: 'unavailable',
      message: `The data file ${path} is damaged at line 2, byte ${header.length}: its checksum does not match`,
    });
    assert.equal(world.output.stdout, '');
  });

  it('prints nothing for a missing file and creates nothing', async (t) => {
    const path = `${temporaryFolder(t)}/none/jot.jsonl`;
    await rejects(runIn(createWorld(), exportRows, [path]), 'unavailable');
    assert.throws(() => traceOf(path), { code: 'ENOENT' });
  });

  it('reads a file in use by a store', async (t) => {
    const path = `${temporaryFolder(t)}/jot.jsonl`;
    const store = await openFor(t, `file:${path}`);
    await store.users.create(userNamed('matt'));
    assert.equal(usersIn(await exported(path)).length, 1);
  });

  it('waits for a slow reader', async (t) => {
    const names = Array.from({ length: 500 }, (_, index) => `user ${index}`);
    const path = dataFile(t, linesWithUsers(...names).join(''));
    const held: (() => void)[] = [];
    const slow = new Writable({
      highWaterMark: 1_000,
      write(_chunk, _encoding, done) {
        held.push(done);
        slow.emit('held');
      },
    });
    const running = runIn({ ...createWorld(), stdout: slow }, exportRows, [path]);
    await once(slow, 'held');
    for (let turns = 0; turns < 100; turns++) await new Promise(setImmediate);
    assert.ok(slow.writableLength < 2_000, `${slow.writableLength}`);
    slow.on('held', () => held.shift()?.());
    held.shift()?.();
    assert.equal(await running, 0);
  });
});

describe('jot export and jot import', () => {
  it('restore the same rows and next ids with secrets', async (t) => {
    const path = await filled(t);
    const { path: copy, report } = await imported(t, await exported(path, '--with-secrets'));
    assert.deepEqual(await contentsOf(copy), await contentsOf(path));
    assert.equal(withoutOthers(report), `${copy}: 3 users, 4 posts, 1 session imported\n`);
    const [one, other] = await Promise.all([openFor(t, `file:${path}`), openFor(t, `file:${copy}`)]);
    const ids = await Promise.all([one, other].map((store) => store.users.create(userNamed('new'))));
    assert.deepEqual([ids[0]?.id, ids[1]?.id], [5, 5], 'that of tim is not given out again');
  });

  it('restore the same rows without secrets, but for the hashes, and count the users without a password', async (t) => {
    const path = await filled(t);
    const { path: copy, report } = await imported(t, await exported(path));
    const withoutHashes = ({ rows, next }: Contents) => ({
      rows: { ...rows, users: rows.users.map((user) => ({ ...user, password_hash: '' })) },
      next,
    });
    assert.deepEqual(withoutHashes(await contentsOf(copy)), withoutHashes(await contentsOf(path)));
    assert.match(
      withoutOthers(report),
      /1 session imported; 3 users without a password, who cannot sign in\n$/,
    );
  });

  it('make an identical export of an imported one, line by line', async (t) => {
    const text = await exported(await filled(t), '--with-secrets');
    const { path } = await imported(t, text);
    assert.deepEqual(linesIn(await exported(path, '--with-secrets')), linesIn(text));
  });

  it('let users with a hash sign in, and reject the others like a wrong password', async (t) => {
    const path = await filled(t);
    for (const [options, status] of [
      [['--with-secrets'], 200],
      [[], 401],
    ] as const) {
      const { path: copy } = await imported(t, await exported(path, ...options));
      const { call } = await startServer(t, { DATABASE_URL: `file:${copy}` });
      const answer = await call('POST', '/auth', { json: { username: 'matthew', password: 'foo' } });
      assert.equal(answer.status, status, answer.text);
      const wrong = await call('POST', '/auth', { json: { username: 'matthew', password: 'bar' } });
      assert.deepEqual([wrong.status, wrong.json.description], [401, 'Invalid credentials']);
    }
  });
});
