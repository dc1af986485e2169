// Keys are rotated and retired while the server runs. Old tokens stay valid, and are rejected as
// soon as their key is retired.

import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { describe, it, type TestContext } from 'node:test';
import { openKeyFile, rotateKeyFile } from '../../src/auth/key-file.ts';
import type { Command } from '../../src/commands/command.ts';
import { listKeys, retireKeys, rotateKeys } from '../../src/commands/keys.ts';
import { callRunning } from '../../src/store/file/offline.ts';
import { type Cleanup, temporaryFolder } from '../support/disk/temporary-folder.ts';
import { jot, serve } from '../support/process/command.ts';
import { runCommand, withoutPlace } from '../support/process/world.ts';
import { assertHas } from '../support/server/answers.ts';
import { START_MS, send, startServer, type TestServer, type Tokens } from '../support/server/server.ts';

const DAY_MS = 86_400_000;
const INVALID = { status_code: 401, error: 'Invalid token', description: 'Signature verification failed' };

interface Place {
  readonly folder: string;
  readonly settings: Record<string, string>;
  readonly keyFile: string;
}

function placeFor(t: Cleanup): Place {
  const folder = temporaryFolder(t);
  const DATABASE_URL = `file:${folder}/jot.jsonl`;
  return { folder, settings: { DATABASE_URL }, keyFile: `${folder}/jot.keys.json` };
}

/** A place in which there are these many keys, each made a day after the one before. */
async function placeWithKeys(t: Cleanup, count: number): Promise<Place & { kids: string[] }> {
  const place = placeFor(t);
  await openKeyFile(place.keyFile, () => START_MS);
  for (let day = 1; day < count; day++) await rotateKeyFile(place.keyFile, () => START_MS + day * DAY_MS);
  return { ...place, kids: kidsIn(place.keyFile) };
}

function kidsIn(keyFile: string): string[] {
  return JSON.parse(readFileSync(keyFile, 'utf8')).keys.map(({ kid }: { kid: string }) => kid);
}

function kidOf(token: string): string {
  return JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()).kid;
}

/** The status that each token of a pair gets; spends the refresh token. */
async function statusesOf(
  { port }: { readonly port: number },
  { access, refresh }: Tokens,
): Promise<number[]> {
  const asked = await send(port, 'GET', '/auth', { token: access });
  const refreshed = await send(port, 'POST', '/auth/refresh', { json: { refresh_token: refresh } });
  for (const { status, json } of [asked, refreshed]) if (status !== 200) assertHas(json, INVALID);
  return [asked.status, refreshed.status];
}

async function startWithMatt(t: TestContext, place: Place): Promise<TestServer> {
  const server = await startServer(t, place.settings);
  await server.signUp('matt');
  return server;
}

/** Asserts that the command rejects with this reason and does not change the key file. */
async function refuses(command: Command, args: string[], place: Place, settings: object, reason: RegExp) {
  const before = readFileSync(place.keyFile, 'utf8');
  const refused = runCommand(command, args, { settings: { ...place.settings, ...settings } });
  await assert.rejects(refused, { name: 'JotError', message: reason });
  assert.equal(readFileSync(place.keyFile, 'utf8'), before);
}

describe('jot keys list', () => {
  it('prints when each key was created, whether it signs, and until when its tokens may be valid', async (t) => {
    const { settings, keyFile, kids } = await placeWithKeys(t, 3);
    const now = () => START_MS + 2 * DAY_MS;
    const { code, stdout, stderr } = await runCommand(listKeys, [], { settings, now });
    const [third = '', second = '', first = ''] = kids;
    // Ten seconds of leeway, and ten in which a server was told.
    assert.deepEqual(stdout.split('\n'), [
      'kid       created               signs                       access tokens until         refresh tokens until',
      `${third}  2026-11-25T12:00:00Z  yes`,
      `${second}  2026-11-24T12:00:00Z  until 2026-11-25T12:00:00Z  2026-11-25T12:05:20Z        2026-12-25T12:00:20Z`,
      `${first}  2026-11-23T12:00:00Z  until 2026-11-24T12:00:00Z  2026-11-24T12:05:20Z, past  2026-12-24T12:00:20Z`,
      '',
    ]);
    assert.deepEqual([code, stderr], [0, '']);
    for (const { secret } of JSON.parse(readFileSync(keyFile, 'utf8')).keys) {
      assert.equal(stdout.includes(secret), false);
    }
  });

  it('uses the configured lifetimes', async (t) => {
    const { settings } = await placeWithKeys(t, 2);
    const lifetimes = { JWT_EXPIRATION_DELTA: '1h', JWT_REFRESH_EXPIRATION_DELTA: '2h', JWT_LEEWAY: '0' };
    const { stdout } = await runCommand(listKeys, [], { settings: { ...settings, ...lifetimes } });
    assert.match(stdout, /until 2026-11-24T12:00:00Z {2}2026-11-24T13:00:10Z.* {2}2026-11-24T14:00:10Z/);
  });

  it('prints a question mark for a time that the file does not contain', async (t) => {
    const place = await placeWithKeys(t, 2);
    const { keys } = JSON.parse(readFileSync(place.keyFile, 'utf8'));
    const bare = keys.map(({ kid, secret }: Record<string, string>) => ({ kid, secret }));
    writeFileSync(place.keyFile, JSON.stringify({ keys: bare }));
    const { stdout } = await runCommand(listKeys, [], { settings: place.settings });
    const lines = stdout.split('\n').slice(1, 3);
    assert.deepEqual(
      lines.map((line) => line.trim().split(/ {2,}/).slice(1)),
      [
        ['?', 'yes'],
        ['?', 'no', '?', '?'],
      ],
    );
  });
});

describe('jot keys rotate', () => {
  it('changes only the file without a server, for the next start', async (t) => {
    const place = await placeWithKeys(t, 1);
    const [first] = kidsIn(place.keyFile);
    const { code, stdout, stderr } = await runCommand(rotateKeys, [], { settings: place.settings });
    const [second, ...others] = kidsIn(place.keyFile);
    const where = `jot: key file ${place.keyFile}; no server was running\n`;
    assert.deepEqual([code, stderr, others], [0, where, [first]]);
    assert.match(stdout, new RegExp(`key ${second} after the next start; no server is running\\.`));
    assert.deepEqual(readdirSync(place.folder), ['jot.keys.json']);
  });

  it('makes a running server sign with the new key, and accept tokens of the older one', async (t) => {
    const place = placeFor(t);
    const server = await startWithMatt(t, place);
    const before = await server.signIn('matt');
    const { stdout } = await runCommand(rotateKeys, [], { settings: place.settings });
    const [second, first] = kidsIn(place.keyFile);
    assert.ok(stdout.includes(`key ${second} by process ${process.pid} from now on.`), stdout);
    const after = await server.signIn('matt');
    assert.deepEqual([before.access, before.refresh].map(kidOf), [first, first]);
    assert.deepEqual([after.access, after.refresh].map(kidOf), [second, second]);
    assert.deepEqual(await statusesOf(server, before), [200, 200]);
    const logged = server.log.map((line) => JSON.parse(line)).find(({ kids }) => kids !== undefined);
    assert.deepEqual([logged.message, logged.kids], ['reloaded the key file', [second, first]]);
  });

  it('reports that the server reads another key file, if its data file has another name', async (t) => {
    const place = await placeWithKeys(t, 1);
    await startServer(t, place.settings);
    symlinkSync(`${place.folder}/jot.jsonl`, `${place.folder}/link.jsonl`);
    await openKeyFile(`${place.folder}/link.keys.json`, () => START_MS);
    const settings = { DATABASE_URL: `file:${place.folder}/link.jsonl` };
    const message = 'The running server does not use the keys of the file: it uses another key file';
    await assert.rejects(runCommand(rotateKeys, [], { settings }), { name: 'JotError', message });
  });

  it('reports that the server reads its keys from JWT_SECRET_KEY', async (t) => {
    const place = await placeWithKeys(t, 1);
    await startServer(t, { ...place.settings, JWT_SECRET_KEY: 'short' });
    const message =
      'The running server does not use the keys of the file: JWT_SECRET_KEY is set for the server, so it uses no key file';
    await assert.rejects(runCommand(rotateKeys, [], place), { name: 'JotError', message });
  });

  it('loses no key in concurrent rotations, with a server and without', async (t) => {
    for (const isServed of [false, true]) {
      const place = await placeWithKeys(t, 1);
      const server = isServed ? await startWithMatt(t, place) : null;
      const options = { cwd: place.folder, env: place.settings };
      const rotations = await Promise.all(
        Array.from({ length: 6 }, () => jot(t, ['keys', 'rotate'], options).ended),
      );
      assert.deepEqual(
        rotations.map(({ code, stderr }) => [code, withoutPlace(stderr)]),
        Array(6).fill([0, '']),
      );
      const made = rotations.map(({ stdout }) => /key ([\w-]+) /.exec(stdout)?.[1]);
      const kids = kidsIn(place.keyFile);
      assert.equal(kids.length, 7);
      assert.deepEqual([...kids.slice(0, 6)].sort(), [...made].sort());
      if (server !== null) assert.equal(kidOf((await server.signIn('matt')).access), kids[0]);
    }
  });
});

describe('jot keys retire', () => {
  it('makes a running server reject tokens of that key immediately, and no others', async (t) => {
    const place = placeFor(t);
    const server = await startWithMatt(t, place);
    const before = await server.signIn('matt');
    await runCommand(rotateKeys, [], { settings: place.settings });
    const after = await server.signIn('matt');
    const [second = '', first = ''] = kidsIn(place.keyFile);
    const { stdout } = await runCommand(retireKeys, [first], { settings: place.settings });
    const who = `process ${process.pid} from now on`;
    assert.equal(stdout, `Key ${first} is retired. Its tokens are rejected by ${who}.\n`);
    assert.deepEqual(kidsIn(place.keyFile), [second]);
    assert.deepEqual(await statusesOf(server, before), [401, 401]);
    assert.deepEqual(await statusesOf(server, after), [200, 200]);
  });

  it('applies to the next start without a server, and accepts a kid that begins with a dash', async (t) => {
    for (const args of [['--', '-old']]) {
      const place = await placeWithKeys(t, 1);
      const { keys } = JSON.parse(readFileSync(place.keyFile, 'utf8'));
      writeFileSync(place.keyFile, JSON.stringify({ keys: [...keys, { ...keys[0], kid: '-old' }] }));
      const { code, stdout } = await runCommand(retireKeys, args, { settings: place.settings });
      assert.equal(code, 0);
      assert.match(stdout, /rejected after the next start; no server is running\.\n$/);
      assert.deepEqual(kidsIn(place.keyFile), [keys[0].kid]);
    }
  });

  it('rejects the signing key, the only key, and an unknown key', async (t) => {
    const two = await placeWithKeys(t, 2);
    await refuses(
      retireKeys,
      [two.kids[0] ?? ''],
      two,
      {},
      /^\S+ is the key that signs; `jot keys rotate` first$/,
    );
    await refuses(retireKeys, ['nope'], two, {}, /^There is no key "nope"$/);
    const one = await placeWithKeys(t, 1);
    await refuses(retireKeys, [one.kids[0] ?? ''], one, {}, /^\S+ is the only key; `jot keys rotate` first$/);
  });

  for (const args of [[], ['one', 'two']]) {
    it(`is a usage error with ${args.length} kids`, async (t) => {
      const { settings } = await placeWithKeys(t, 2);
      await assert.rejects(runCommand(retireKeys, args, { settings }), { name: 'UsageError' });
    });
  }
});

describe('jot keys list, rotate and retire', () => {
  const commands: readonly [Command, string[]][] = [
    [listKeys, []],
    [rotateKeys, []],
    [retireKeys, ['old']],
  ];
  for (const [command, args] of commands) {
    it(`${command.name}: reports that no key file is in use`, async (t) => {
      const place = await placeWithKeys(t, 2);
      await refuses(
        command,
        args,
        place,
        { JWT_SECRET_KEY: 'short' },
        /^No key file is in use: JWT_SECRET_KEY is set/,
      );
      await refuses(command, args, place, { DATABASE_URL: 'memory:' }, /data is in memory/);
      const elsewhere = { DATABASE_URL: `file:${place.folder}/none/jot.jsonl` };
      await refuses(command, args, place, elsewhere, /jot\.keys\.json: it does not exist/);
    });

    it(`${command.name}: prints nothing of a damaged key file`, async (t) => {
      const place = await placeWithKeys(t, 2);
      writeFileSync(place.keyFile, readFileSync(place.keyFile, 'utf8').slice(0, -3));
      await refuses(command, args, place, {}, /jot\.keys\.json: it is not JSON$/);
    });
  }
});

describe('keyRequests: keys reload', () => {
  for (const [reason, text] of [
    ['it is not JSON', '{"keys":'],
    ['"keys" must be a non-empty list', '{"keys":[]}'],
  ] as const) {
    it(`keeps the keys, responds with the reason and logs it: ${reason}`, async (t) => {
      const place = placeFor(t);
      const server = await startWithMatt(t, place);
      const before = await server.signIn('matt');
      writeFileSync(place.keyFile, text);
      const message = `Cannot use the key file ${place.keyFile}: ${reason}`;
      const said = await callRunning(`${place.folder}/jot.jsonl`, 'keys reload');
      assert.equal(said?.response, `no ${message}`);
      assert.deepEqual(await statusesOf(server, before), [200, 200]);
      assert.equal(kidOf((await server.signIn('matt')).access), kidOf(before.access));
      const logged = server.log.map((line) => JSON.parse(line)).find(({ level }) => level === 'error');
      assert.equal(logged.reason, message);
    });
  }

  it('creates no key file if it is missing', async (t) => {
    const place = placeFor(t);
    await startServer(t, place.settings);
    rmSync(place.keyFile);
    const said = await callRunning(`${place.folder}/jot.jsonl`, 'keys reload');
    assert.match(said?.response ?? '', /^no .*: it does not exist/);
    assert.equal(existsSync(place.keyFile), false);
  });
});

describe('jot keys with a server in another process', () => {
  it('rotates and retires without a restart', async (t) => {
    const place = placeFor(t);
    const env = { ...place.settings, PORT: '0', PASSWORD_COST: 'ln=1,r=1,p=1', LOG: 'json' };
    const options = { cwd: place.folder, env };
    const served = await serve(t, options);
    const json = { username: 'matt', password: 'foo' };
    assert.equal((await send(served.port, 'POST', '/users', { json })).status, 201);
    const signIn = async (): Promise<Tokens> => {
      const answer = await send(served.port, 'POST', '/auth', { json });
      return { access: answer.json.access_token, refresh: answer.json.refresh_token };
    };
    const keys = async (...args: string[]) => {
      const { code, stdout, stderr } = await jot(t, ['keys', ...args], options).ended;
      assert.deepEqual([code, withoutPlace(stderr)], [0, '']);
      return stdout;
    };

    const [kept, ended] = [await signIn(), await signIn()];
    const first = kidOf(kept.access);
    assert.ok((await keys('rotate')).includes(`by process ${served.command.pid} from now on`));
    assert.deepEqual(await statusesOf(served, kept), [200, 200]);
    const later = await signIn();
    assert.notEqual(kidOf(later.access), first);
    const listed = (await keys('list')).split('\n').map((line) => line.split(' ')[0]);
    assert.deepEqual(listed, ['kid', kidOf(later.access), first, '']);
    await keys('retire', first);
    assert.deepEqual(await statusesOf(served, ended), [401, 401]);
    assert.deepEqual(await statusesOf(served, later), [200, 200]);

    served.command.kill('SIGTERM');
    const { code, stdout } = await served.command.ended;
    assert.equal(code, 0);
    assert.equal(stdout.match(/"message":"reloaded the key file"/g)?.length, 2);
  });
});
