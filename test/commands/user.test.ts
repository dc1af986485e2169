// Users are added, helped and deleted by whoever runs the server, on a running server and without one, by the rules that hold
// over HTTP too, and without the password being anywhere but where it is typed.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { PassThrough } from 'node:stream';
import { describe, it, type TestContext } from 'node:test';
import { hash } from '../../src/auth/password.ts';
import type { Command } from '../../src/commands/command.ts';
import { changePassword, createUser, deleteUser } from '../../src/commands/user.ts';
import { userRequests } from '../../src/commands/user-requests.ts';
import { createLog } from '../../src/lib/log.ts';
import { callRunning } from '../../src/store/file/offline.ts';
import type { Store } from '../../src/store/open.ts';
import { formsOf } from '../support/cases/secret-forms.ts';
import { everythingIn, openFor, rejects, sessionOf, userNamed } from '../support/disk/stores.ts';
import { type Cleanup, temporaryFolder } from '../support/disk/temporary-folder.ts';
import { jot, serve } from '../support/process/command.ts';
import { createWorld, runCommand, runIn, withoutPlace } from '../support/process/world.ts';
import { assertHas } from '../support/server/answers.ts';
import { createPerson } from '../support/server/person.ts';
import { START_MS, send, startServer, type TestServer } from '../support/server/server.ts';

const PASSWORD_COST = 'ln=1,r=1,p=1';
const CHEAP = '$scrypt$ln=1,r=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g';

interface Place {
  readonly folder: string;
  readonly path: string;
  readonly settings: Record<string, string>;
}

function placeFor(t: Cleanup): Place {
  const folder = temporaryFolder(t);
  const path = `${folder}/jot.jsonl`;
  return { folder, path, settings: { DATABASE_URL: `file:${path}`, PASSWORD_COST } };
}

/** Two ways to the same end: a server that runs, and none that does. */
const ways = ['a running server', 'no server'] as const;

/** Starts a server for a while, or for all of the test. */
async function during(
  t: TestContext,
  way: (typeof ways)[number],
  place: Place,
  before: (server: TestServer) => Promise<void>,
): Promise<() => Promise<TestServer>> {
  const server = await startServer(t, place.settings);
  await before(server);
  if (way === 'a running server') return async () => server;
  await server.close();
  return () => startServer(t, place.settings);
}

async function statusOfLogin(server: TestServer, username: string, password: string): Promise<number> {
  return (await server.call('POST', '/auth', { json: { username, password } })).status;
}

/** A stream that says that a person sits at it. */
function typing(text: string): PassThrough {
  const stdin = Object.assign(new PassThrough(), { isTTY: true, setRawMode: () => undefined });
  stdin.write(text);
  return stdin;
}

for (const way of ways) {
  describe(`jot user with ${way}`, () => {
    it('create adds a user who can sign in with any form of name and password', async (t) => {
      const place = placeFor(t);
      const after = await during(t, way, place, async () => undefined);
      const stdin = 'pa\u0308ss wörd\n';
      const { code, stdout, stderr } = await runCommand(createUser, ['E\u0301lie'], { ...place, stdin });
      const by = way === 'no server' ? 'no server was running' : `through the server, process ${process.pid}`;
      const report = `jot: data file ${place.path}; ${by}\n`;
      assert.deepEqual([code, stdout, stderr], [0, 'Élie is user 1\n', report]);
      const server = await after();
      assert.equal(await statusOfLogin(server, 'éLIE', 'päss wo\u0308rd'), 200);
      assert.equal(await statusOfLogin(server, 'éLIE', 'pass word'), 401);
      const { json } = await server.call('GET', '/users');
      assert.deepEqual(json, [{ id: 1, username: 'Élie' }]);
    });

    it('create rejects a name that is taken in another form', async (t) => {
      const place = placeFor(t);
      const after = await during(
        t,
        way,
        place,
        async (server) => void (await server.signUp('straße', 'foo')),
      );
      const created = runCommand(createUser, ['STRASSE'], { ...place, stdin: 'bar\n' });
      await assert.rejects(created, { name: 'JotError', message: 'Username already exists' });
      const server = await after();
      assert.equal(await statusOfLogin(server, 'strasse', 'foo'), 200);
      assert.equal((await server.call('GET', '/users')).json.length, 1);
    });

    it('password replaces the password, and ends all sessions of that user only', async (t) => {
      const place = placeFor(t);
      const people: { access: string; refresh: string; path: string; etag: string }[] = [];
      const after = await during(t, way, place, async (server) => {
        for (const name of ['matt', 'elie']) {
          await server.signUp(name, 'old');
          const id = people.length + 1;
          const tokens = await server.signIn(name, 'old');
          const { headers } = await server.call('GET', `/users/${id}`, { token: tokens.access });
          people.push({ ...tokens, path: `/users/${id}`, etag: String(headers.etag) });
        }
        await server.signIn('matt', 'old');
      });
      const now = () => people.length + 1_795_437_313_000;
      const { code, stdout } = await runCommand(changePassword, ['MATT'], { ...place, stdin: 'new\n', now });
      assert.deepEqual([code, stdout], [0, 'matt, user 1, has a new password; ended: 2 sessions\n']);
      const server = await after();
      const [matt, elie] = people;
      const revoked = { status_code: 401, error: 'Invalid token', description: 'Token has been revoked' };
      const asked = await server.call('GET', '/auth', { token: matt?.access ?? '' });
      const refreshed = await server.call('POST', '/auth/refresh', {
        json: { refresh_token: matt?.refresh },
      });
      assertHas([asked.json, refreshed.json], [revoked, revoked]);
      assert.equal((await server.call('GET', '/auth', { token: elie?.access ?? '' })).status, 200);
      assert.deepEqual(
        [await statusOfLogin(server, 'matt', 'old'), await statusOfLogin(server, 'matt', 'new')],
        [401, 200],
      );
      const { access } = await server.signIn('matt', 'new');
      const { headers } = await server.call('GET', '/users/1', { token: access });
      assert.notEqual(headers.etag, matt?.etag, 'what was based on the older password is stale');
    });

    it('delete also deletes the posts and sessions of the user, and no others', async (t) => {
      const place = placeFor(t);
      let tokens: string[] = [];
      const after = await during(t, way, place, async (server) => {
        const [matt, elie] = [await createPerson(server, 'matt'), await createPerson(server, 'elie')];
        for (const person of [matt, elie]) await person.post();
        tokens = [matt.access, elie.access];
      });
      const { code, stdout } = await runCommand(deleteUser, ['--yes', 'Matt'], place);
      assert.deepEqual([code, stdout], [0, 'matt, user 1, is gone, with all posts and sessions\n']);
      const server = await after();
      const [matt, elie] = await Promise.all(tokens.map((token) => server.call('GET', '/auth', { token })));
      assert.equal(matt?.json.description, 'User does not exist');
      assert.deepEqual([elie?.json.username, elie?.json.posts.length], ['elie', 1]);
      await server.close();
      const [users, posts, sessions] = await everythingIn(
        await openFor(t, place.settings.DATABASE_URL ?? ''),
      );
      assert.deepEqual(
        [users, posts, sessions].map((rows) => rows?.map(({ id }) => id)),
        [[2], [2], [2]],
      );
    });

    it('password and delete reject an unknown user', async (t) => {
      const place = placeFor(t);
      await during(t, way, place, async () => undefined);
      const message = 'There is no user "nobody"';
      const attempts: readonly [Command, string[]][] = [
        [changePassword, ['nobody']],
        [deleteUser, ['--yes', 'nobody']],
      ];
      for (const [command, args] of attempts) {
        const attempt = runCommand(command, args, { ...place, stdin: 'foo\n' });
        await assert.rejects(attempt, { name: 'JotError', message });
      }
    });
  });
}

describe('jot user without a server', () => {
  it('create creates the data file, as the first start would', async (t) => {
    const place = placeFor(t);
    const settings = { ...place.settings, DATABASE_URL: `file:${place.folder}/new/jot.jsonl` };
    const { code, stderr } = await runCommand(createUser, ['matt'], { settings, stdin: 'foo\n' });
    const path = `${place.folder}/new/jot.jsonl`;
    const report = `jot: data file ${path}; no server was running\n`;
    assert.deepEqual([code, stderr], [0, report]);
    const server = await startServer(t, settings);
    assert.equal(await statusOfLogin(server, 'matt', 'foo'), 200);
  });

  it('password and delete create none', async (t) => {
    const place = placeFor(t);
    for (const command of [changePassword, deleteUser]) {
      const args = command === deleteUser ? ['--yes', 'matt'] : ['matt'];
      await assert.rejects(runCommand(command, args, { ...place, stdin: 'foo\n' }), {
        name: 'JotError',
        message: /^There is no data file \S+; a start of the server makes the one that DATABASE_URL names$/,
      });
    }
    assert.equal(existsSync(place.path), false);
  });

  it('create, password and delete reject a store in memory before they ask for a password', async () => {
    const settings = { DATABASE_URL: 'memory:' };
    for (const command of [createUser, changePassword, deleteUser]) {
      const world = createWorld({ settings, stdin: typing('foo\rfoo\r') });
      await assert.rejects(runIn(world, command, ['matt']), { name: 'JotError', message: /store in memory/ });
      assert.deepEqual(world.output, { stdout: '', stderr: '' });
    }
  });
});

describe('jot user create and jot user password: the password', () => {
  const long = 'x'.repeat(1_025);
  const rows: readonly [stdin: string | Uint8Array, settings: object, message: RegExp, reason: string][] = [
    ['', {}, /^There is no password on standard input/, 'standard input is closed'],
    ['\n', {}, /^There is no password on standard input/, 'the line is empty'],
    ['4711word\n', { PASSWORD_MIN_LENGTH: '9' }, /^"password" must be at least 9 characters/, 'too short'],
    ['4711wor\n', { NODE_ENV: 'production' }, /^"password" must be at least 8 characters/, 'for production'],
    ['471e\u0301\n', { PASSWORD_MIN_LENGTH: '5' }, /must be at least 5 characters/, 'too short in NFC'],
    [`${long}\n`, {}, /^"password" must be at most 1024 bytes long$/, 'too long'],
    ['4711word\n4711again\n', {}, /^There is more than one line on standard input; nothing was/, 'two lines'],
    ['4711\0word\n', {}, /^"password" must not contain U\+0000$/, 'a character that HMAC ignores'],
    [Buffer.from([0x34, 0xff, 0x0a]), {}, /^The line is not UTF-8/, 'bytes that are not UTF-8'],
    [`4711${'x'.repeat(9_000)}\n`, {}, /^The line is too long$/, 'too long a line'],
  ];
  for (const [stdin, settings, message, reason] of rows) {
    it(`is rejected: ${reason}`, async (t) => {
      const place = placeFor(t);
      const server = await startServer(t, { ...place.settings, PASSWORD_MIN_LENGTH: '1' });
      await server.signUp('matt', 'old');
      await server.close();
      const options = { settings: { ...place.settings, ...settings }, stdin };
      for (const [command, name] of [
        [createUser, 'elie'],
        [changePassword, 'matt'],
      ] as const) {
        await assert.rejects(runCommand(command, [name], options), (error: Error) => {
          assert.match(error.message, message);
          assert.equal(error.message.includes('4711'), false);
          return error.name === 'JotError';
        });
      }
      const again = await startServer(t, place.settings);
      assert.equal(await statusOfLogin(again, 'matt', 'old'), 200);
      assert.equal((await again.call('GET', '/users')).json.length, 1);
    });
  }

  it('is checked by the rules of the running server, not of the command', async (t) => {
    const place = placeFor(t);
    const server = await startServer(t, {
      ...place.settings,
      PASSWORD_MIN_LENGTH: '5',
      PASSWORD_COST: 'ln=2,r=1,p=1',
    });
    const attempt = (password: string, PASSWORD_MIN_LENGTH: string) =>
      runCommand(createUser, ['matt'], {
        settings: { ...place.settings, PASSWORD_MIN_LENGTH },
        stdin: `${password}\n`,
      });
    const message = '"password" must be at least 5 characters long';
    await assert.rejects(attempt('four', '1'), { name: 'JotError', message });
    assert.equal((await attempt('fives', '200')).code, 0);
    assert.equal(await statusOfLogin(server, 'matt', 'fives'), 200);
  });

  it('is accepted if typed twice at a terminal', async (t) => {
    const place = placeFor(t);
    const world = createWorld({ ...place, stdin: typing('foo\rfoo\r') });
    assert.equal(await runIn(world, createUser, ['matt']), 0);
    assert.equal(withoutPlace(world.output.stderr), 'Password: \nOnce more: \n');
    const different = runCommand(changePassword, ['matt'], { ...place, stdin: typing('bar\rbaz\r') });
    await assert.rejects(different, {
      name: 'JotError',
      message: 'The two passwords differ; nothing was changed',
    });
    const nothing = runCommand(changePassword, ['matt'], { ...place, stdin: typing('\r\r') });
    await assert.rejects(nothing, { message: /"password" must be at least 1 character/ });
    const server = await startServer(t, place.settings);
    assert.equal(await statusOfLogin(server, 'matt', 'foo'), 200);
  });
});

describe('jot user: the command line', () => {
  const secret = 'hunter-4711';
  const surplus = /^there are too many arguments$/;
  const rows: readonly [command: Command, args: string[], message: RegExp][] = [
    [createUser, [], /^<username> is missing$/],
    [createUser, ['matt', secret], surplus],
    [changePassword, ['matt', secret], surplus],
    [deleteUser, ['matt', secret], surplus],
    [createUser, ['matt', `--password=${secret}`], /^Unknown option '--password'/],
    [createUser, ['matt', '--password', secret], /^Unknown option '--password'/],
    [changePassword, ['--yes', 'matt'], /^Unknown option '--yes'/],
    [deleteUser, ['matt'], /^without a terminal to ask at, a user is deleted only with --yes$/],
  ];
  for (const [command, args, message] of rows) {
    it(`jot ${command.name} ${args.join(' ')} is a usage error, which repeats no password`, async (t) => {
      const place = placeFor(t);
      await (await openFor(t, place.settings.DATABASE_URL ?? '')).users.create(userNamed('matt'));
      await assert.rejects(runCommand(command, args, place), (error: Error) => {
        assert.match(error.message, message);
        assert.equal(error.message.includes('4711'), false);
        return error.name === 'UsageError';
      });
    });
  }

  for (const [name, message] of [
    ['', /"username" must be 1 to 64 characters long/],
    ['x'.repeat(65), /"username" must be 1 to 64 characters long/],
    [' matt', /"username" must not start or end with white space/],
    ['ma\u0007tt', /"username" must not contain control characters/],
    ['ma\u202ett', /"username" must not contain bidirectional controls/],
    ['\u200b', /"username" must not consist of invisible characters/],
    ['bad\ufffd', /The username must be UTF-8, and must not contain U\+FFFD/],
  ] as const) {
    it(`rejects the name ${JSON.stringify(name.slice(0, 10))} before it asks for a password`, async (t) => {
      const world = createWorld({ ...placeFor(t), stdin: typing('foo\rfoo\r') });
      await assert.rejects(runIn(world, createUser, [name]), { name: 'JotError', message });
      assert.equal(world.output.stderr, '');
    });
  }

  it('delete asks at a terminal for the name, in any of its forms', async (t) => {
    const place = placeFor(t);
    const store = await openFor(t, place.settings.DATABASE_URL ?? '');
    await store.users.create(userNamed('Matt'));
    await store.close();
    for (const typed of ['\n', 'mat\n', 'yes\n', '']) {
      const stdin = typing(typed);
      if (typed === '') stdin.end();
      const refused = runCommand(deleteUser, ['matt'], { ...place, stdin });
      await assert.rejects(refused, {
        name: 'JotError',
        message: 'That is another name; nothing was deleted',
      });
    }
    const world = createWorld({ ...place, stdin: typing('MATT\n') });
    assert.equal(await runIn(world, deleteUser, ['matt']), 0);
    const asked = 'Everything of matt will be gone. Type the username to go on: ';
    assert.equal(world.output.stderr, `${asked}jot: data file ${place.path}; no server was running\n`);
    assert.equal(await (await openFor(t, place.settings.DATABASE_URL ?? '')).users.count(), 0);
  });
});

describe('userRequests in a running server', () => {
  const rows: readonly [name: string, value: unknown, answer: RegExp, reason: string][] = [
    [
      'user create',
      { username: 'elie', password_hash: CHEAP },
      /^ok \{"id":2,"username":"elie"\}$/,
      'it is right',
    ],
    ['user create', undefined, /^no "value" must be an object$/, 'there is no value'],
    ['user create', { username: 'elie' }, /^no "password_hash" is required$/, 'there is no hash'],
    [
      'user create',
      { username: ' x', password_hash: 'x' },
      /"username" must not .*; "password_hash" must be/,
      'both',
    ],
    [
      'user create',
      { username: 'elie', password_hash: 'foo' },
      /must be a scrypt hash in PHC format, with N · r · p of at most 2\^21$/,
      'no hash',
    ],
    [
      'user password',
      { username: 'matt', password_hash: CHEAP.replace('ln=1,r=1,p=1', 'ln=10,r=8,p=262144') },
      /^no "password_hash" must be a scrypt hash in PHC format, with N · r · p of at most 2\^21$/,
      'a hash that would take a day',
    ],
    [
      'user create',
      { username: 'elie', password_hash: CHEAP.replace('ln=1', 'ln=2') },
      /^no PASSWORD_COST is ln=1,r=1,p=1 for the server/,
      'a hash whose check takes another time',
    ],
    ['user password', { username: 'matt', password_hash: '' }, /must be a scrypt hash/, 'an empty hash'],
    ['user password', { username: 5, password_hash: CHEAP }, /"username" must be a string/, 'no name'],
    ['user delete', { id: 1 }, /^no "username" is required$/, 'an id'],
    ['user list', {}, /^no There is no such request$/, 'what is read from the file'],
  ];
  for (const [name, value, answer, reason] of rows) {
    it(`check their values: ${name}, ${reason}`, async (t) => {
      const place = placeFor(t);
      const server = await startServer(t, place.settings);
      await server.signUp('matt', 'old');
      assert.match((await callRunning(place.path, name, value))?.response ?? '', answer);
      assert.equal(await statusOfLogin(server, 'matt', 'old'), 200);
    });
  }

  it('log that the operator acted, with the id of the user', async (t) => {
    const place = placeFor(t);
    const server = await startServer(t, place.settings);
    await runCommand(createUser, ['matt'], { ...place, stdin: 'foo\n' });
    await runCommand(changePassword, ['matt'], { ...place, stdin: 'bar\n' });
    await runCommand(deleteUser, ['--yes', 'matt'], place);
    const lines = server.log.map((line) => JSON.parse(line)).map(({ message, user }) => [message, user]);
    assert.deepEqual(lines, [
      ['data file made', undefined],
      ['the operator added a user', 1],
      ['the operator changed a password', 1],
      ['the operator deleted a user', 1],
    ]);
  });

  it('reveal the password nowhere', async (t) => {
    const place = placeFor(t);
    const server = await startServer(t, place.settings);
    const secret = 'Pass 4711 wörd/"+?';
    const said: string[] = [];
    for (const command of [createUser, createUser, changePassword]) {
      const world = createWorld({ ...place, stdin: `${secret}\n` });
      const code = await runIn(world, command, ['matt']).catch(
        (error) => `${error.stack} ${JSON.stringify(error)}`,
      );
      said.push(String(code), world.output.stdout, world.output.stderr);
    }
    said.push(...server.log, readFileSync(place.path, 'utf8'));
    const shownIn = (text: string) => formsOf(secret).filter((form) => text.includes(form));
    assert.deepEqual(said.flatMap(shownIn), []);
    assert.ok(shownIn(JSON.stringify({ secret })).length > 0, 'it would be found');
    assert.equal(await statusOfLogin(server, 'matt', secret), 200);
    const output = said.slice(0, -1).join();
    assert.equal(output.includes('$scrypt$'), false, 'nor its hash, but for the data file');
  });
});

describe('jot user with a server in another process', () => {
  it('adds a user who can sign in immediately, and ends old sessions', async (t) => {
    const { folder, settings } = placeFor(t);
    const options = { cwd: folder, env: { ...settings, PORT: '0', LOG: 'json' } };
    const { port, command } = await serve(t, options);
    const user = async (args: string[], stdin: string) => {
      const asked = jot(t, ['user', ...args], options);
      asked.stdin.end(stdin);
      return asked.ended;
    };
    const signIn = (password: string) =>
      send(port, 'POST', '/auth', { json: { username: 'matt', password } });

    assert.equal((await user(['create', 'matt'], 'one-4711\n')).stdout, 'matt is user 1\n');
    const { status, json } = await signIn('one-4711');
    assert.equal(status, 200);
    assert.equal((await user(['password', 'matt'], 'two-4711')).code, 0);
    const [access, refresh] = await Promise.all([
      send(port, 'GET', '/auth', { token: json.access_token }),
      send(port, 'POST', '/auth/refresh', { json: { refresh_token: json.refresh_token } }),
    ]);
    assert.deepEqual([access.status, refresh.status], [401, 401]);
    assert.deepEqual([(await signIn('one-4711')).status, (await signIn('two-4711')).status], [401, 200]);

    const taken = await user(['create', 'MATT'], 'three-4711\n');
    const report = { ...taken };
    assert.deepEqual(report, { code: 1, signal: null, stdout: '', stderr: 'jot: Username already exists\n' });
    const misspelt = await user(['crate', 'matt', 'four-4711'], '');
    assert.equal(misspelt.code, 2);
    assert.match(misspelt.stderr, /^jot: "user" is not the name of a command\n/);
    const closed = await user(['password', 'matt'], '');
    assert.deepEqual([closed.code, closed.stdout], [1, '']);
    command.kill('SIGTERM');
    const server = await command.ended;
    const all = [taken, misspelt, closed, server].map(({ stdout, stderr }) => stdout + stderr).join();
    assert.equal(all.includes('4711'), false);
  });
});

describe('jot user create: the hash', () => {
  it('has the configured cost', async (t) => {
    const place = placeFor(t);
    const settings = { ...place.settings, PASSWORD_COST: 'ln=2,r=1,p=1' };
    await runCommand(createUser, ['matt'], { settings, stdin: 'foo\n' });
    const user = await (await openFor(t, place.settings.DATABASE_URL ?? '')).users.get(1);
    assert.match(user.password_hash, /^\$scrypt\$ln=2,r=1,p=1\$/);
    assert.notEqual(user.password_hash, await hash('foo', { ln: 2, r: 1, p: 1 }), 'with a salt of its own');
  });
});

describe('userRequests during a change of the user', () => {
  const own = CHEAP.replace('c2Fsd', 'b3duc');

  async function start(t: Cleanup) {
    const store = await openFor(t, 'memory:');
    await store.users.create(userNamed('matt'));
    await store.sessions.create(sessionOf(1, 'a'));
    const now = () => START_MS;
    const log = createLog({ format: 'off', write: () => undefined, now });
    const cost = { ln: 1, r: 1, p: 1 };
    const answers = userRequests({ store, passwordLengthMin: 0, passwordCost: cost, now, log });
    const ask = async (name: string) =>
      answers[name]?.({ username: 'matt', ...(name === 'user password' && { password_hash: CHEAP }) });
    return { store, ask };
  }

  const changes: readonly [name: string, change: (store: Store) => Promise<unknown>, reason: string][] = [
    [
      'user password',
      ({ users }) => users.update(1, { password_hash: own }),
      'leaves the password that the user has chosen, and the sessions',
    ],
    [
      'user delete',
      ({ write }) =>
        write([
          { update: 'users', id: 1, change: { username: 'tim' } },
          { create: 'users', values: userNamed('matt') },
        ]),
      'deletes neither who had the name nor who has it now',
    ],
  ];
  for (const [name, change, reason] of changes) {
    it(`${name} ${reason}`, async (t) => {
      const { store, ask } = await start(t);
      // The user is read at once, and written only when this has happened.
      const asked = ask(name);
      const changed = change(store);
      await rejects(asked, 'precondition_failed');
      await changed;
      const found = await everythingIn(store);
      const { store: other } = await start(t);
      await change(other);
      assert.deepEqual(found, await everythingIn(other));
    });

    it(`${name} succeeds if nothing changes`, async (t) => {
      const { store, ask } = await start(t);
      const before = await store.users.get(1);
      await ask(name);
      const expected = name === 'user delete' ? null : { ...before, version: 2, password_hash: CHEAP };
      assert.deepEqual(await store.users.find(1), expected);
      assert.equal(await store.sessions.count(), 0);
    });
  }
});
