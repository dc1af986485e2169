// A login is work and takes time: what happens when the password changes meanwhile, when hashes are to be dearer than
// they were, and when there are more logins than can be served.

import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Gate } from '../../src/auth/gate.ts';
import { type Cost, hash } from '../../src/auth/password.ts';
import { PasswordHasher } from '../../src/auth/password-hasher.ts';
import { LoginGuard } from '../../src/limit/login-guard.ts';
import { signIn } from '../../src/resources/sign-in.ts';
import type { User } from '../../src/store/collections.ts';
import type { Change } from '../../src/store/memory/tables.ts';
import { dataFile } from '../support/disk/data-files.ts';
import { linesWith } from '../support/disk/records.ts';
import { openFor, rejects, userNamed } from '../support/disk/stores.ts';
import { temporaryFolder } from '../support/disk/temporary-folder.ts';
import { assertFailure, headerOf } from '../support/server/answers.ts';
import { createPerson } from '../support/server/person.ts';
import { type Answer, START_MS, startServer } from '../support/server/server.ts';

const OLD = { username: 'matt', password: 'old' };
// A salt, and the hash of no known password.
const HASHED = 'c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaA';
const NEW = { username: 'matt', password: 'new' };

/** The newest hash of the only user in a data file. */
function hashIn(path: string): string {
  const hashes = [...readFileSync(path, 'utf8').matchAll(/"password_hash":"([^"]+)"/g)];
  return hashes.at(-1)?.[1] ?? '';
}

describe('POST /auth after a change of PASSWORD_COST', () => {
  it('hashes again at the next valid login, once, and changes nothing visible', async (t) => {
    const path = `${temporaryFolder(t)}/jot.jsonl`;
    const settings = { DATABASE_URL: `file:${path}` };
    const before = await startServer(t, settings);
    const matt = await createPerson(before, 'matt', 'foo');
    const tag = headerOf(await matt.call('GET', matt.path), 'etag');
    const oldHash = hashIn(path);
    assert.ok(oldHash.startsWith('$scrypt$ln=1,r=1,p=1$'));
    await before.signIn('matt', 'foo');
    assert.equal(hashIn(path), oldHash);
    await before.close();

    const after = await startServer(t, { ...settings, PASSWORD_COST: 'ln=2,r=1,p=1' });
    const login = (password: string) => after.call('POST', '/auth', { json: { username: 'matt', password } });
    assert.equal((await login('wrong')).status, 401);
    assert.equal(hashIn(path), oldHash);
    assert.equal((await login('foo')).status, 200);
    const newHash = hashIn(path);
    assert.ok(newHash.startsWith('$scrypt$ln=2,r=1,p=1$'));
    assert.equal((await login('foo')).status, 200);
    assert.equal(hashIn(path), newHash);
    assert.equal((await login('wrong')).status, 401);

    const self = await after.call('GET', matt.path, { token: matt.access });
    assert.equal(self.status, 200);
    assert.equal(self.headers.etag, tag);
    await after.close();
  });

  it('accepts all concurrent logins', async (t) => {
    const path = `${temporaryFolder(t)}/jot.jsonl`;
    const settings = { DATABASE_URL: `file:${path}` };
    const before = await startServer(t, settings);
    await before.signUp('matt', 'foo');
    await before.close();
    const after = await startServer(t, { ...settings, PASSWORD_COST: 'ln=2,r=1,p=1' });
    const json = { username: 'matt', password: 'foo' };
    const logins = Array.from({ length: 10 }, () => after.call('POST', '/auth', { json }));
    for (const { status } of await Promise.all(logins)) assert.equal(status, 200);
    assert.ok(hashIn(path).startsWith('$scrypt$ln=2,r=1,p=1$'));
    await after.close();
  });
});

describe('A start with hashes that a login cannot use', () => {
  const warnings = [
    {
      reason: 'too expensive, and malformed',
      hashes: [`$scrypt$ln=10,r=8,p=262144$${HASHED}`, '$2b$12$abc', `$scrypt$ln=1,r=1,p=1$${HASHED}`],
      message: 'password hashes are malformed or too expensive, so their users cannot sign in',
      fields: { users: 2 },
    },
    {
      reason: 'of more costs than are hidden',
      hashes: [2, 3, 4, 5].map((ln) => `$scrypt$ln=${ln},r=1,p=1$${HASHED}`),
      message: 'the time of a failed login may reveal users whose hashes are of the rarest costs',
      fields: { older_costs: 4, hidden: 3 },
    },
    {
      reason: 'of as many costs as are hidden',
      hashes: [1, 2, 3, 4].map((ln) => `$scrypt$ln=${ln},r=1,p=1$${HASHED}`),
    },
  ];
  for (const { reason, hashes, message, fields } of warnings) {
    it(`${message === undefined ? 'logs nothing' : 'logs a warning'}: ${reason}`, async (t) => {
      const changes = hashes.map((password_hash, index): Change => {
        const row: User = { id: index + 1, version: 1, ...userNamed(`user ${index}`), password_hash };
        return [{ put: 'users', row }];
      });
      const DATABASE_URL = `file:${dataFile(t, linesWith(...changes).join(''))}`;
      const server = await startServer(t, { DATABASE_URL });
      const warned = server.log.map((line) => JSON.parse(line)).filter(({ level }) => level === 'warn');
      const expected = message === undefined ? [] : [{ level: 'warn', message, ...fields }];
      assert.deepEqual(
        warned.map(({ time, ...line }) => line),
        expected,
      );
      const json = { username: 'user 0', password: 'secret' };
      assertFailure(await server.call('POST', '/auth', { json }), 401, 'Bad Request', 'Invalid credentials');
      await server.close();
    });
  }
});

describe('signIn with a hash of an older cost', () => {
  const old: Cost = { ln: 1, r: 1, p: 1 };
  const today: Cost = { ln: 2, r: 1, p: 1 };

  for (const [change, reason, isIn] of [
    ['none', 'hashes again', true],
    ['username', 'hashes again although another field has changed', true],
    ['hash', 'verifies again if another login has renewed the hash', true],
    ['password', 'never puts the old password back over one that came meanwhile', false],
  ] as const) {
    it(`${reason} (change meanwhile: ${change})`, async (t) => {
      const store = await openFor(t, 'memory:');
      await store.users.create({ ...userNamed('matt'), password_hash: await hash('old', old) });
      const gate = new Gate({ concurrency: 1, queueMax: 1 });
      const passwords = new PasswordHasher(today, gate, [old]);
      const now = () => START_MS;
      const loginGuard = new LoginGuard(null, now);
      const options = { store, passwords, loginGuard, now, lifetimeMs: 1_000, reuseLeewayMs: 0 };
      const login = (password: string) =>
        signIn(options, { username: 'matt', password }, { address: '::1', userAgent: '' });

      // The login has read the user, and is in line to check the password, for as long as this takes.
      const place = new EventEmitter();
      const before = gate.run('another caller', () => once(place, 'free'));
      const underWay = login('old');
      while (gate.queued === 0) await nextTurn();
      const password_hash = await hash('new', today);
      if (change === 'password') await store.users.update(1, { password_hash });
      if (change === 'username') await store.users.update(1, { username: 'MATT' });
      if (change === 'hash') await store.users.update(1, { password_hash: await hash('old', today) });
      place.emit('free');
      await before;

      if (isIn) assert.equal((await underWay).user_id, 1);
      else await rejects(underWay, 'invalid_credentials');
      const kept = (await store.users.get(1)).password_hash;
      assert.ok(kept.startsWith('$scrypt$ln=2,r=1,p=1$'));
      const [right, wrong] = isIn ? ['old', 'new'] : ['new', 'old'];
      assert.equal((await login(right)).user_id, 1);
      await rejects(login(wrong), 'invalid_credentials');
    });
  }
});

describe('POST /auth during a password change', () => {
  const stores: [name: string, urlOf: (folder: string) => string][] = [
    ['memory:', () => 'memory:'],
    ['file:', (folder) => `file:${folder}/jot.jsonl`],
  ];
  for (const [name, urlOf] of stores) {
    it(`never creates a session that outlasts the old password (${name})`, async (t) => {
      const DATABASE_URL = urlOf(temporaryFolder(t));
      // Slow enough for logins to begin before the change and end after it.
      const server = await startServer(t, { DATABASE_URL, PASSWORD_COST: 'ln=10,r=8,p=1' });
      await server.signUp('matt', 'old');
      const first = await server.signIn('matt', 'old');
      const login = () => server.call('POST', '/auth', { json: OLD });
      const change = server.call('PUT', '/users/1', { json: NEW, token: first.access });
      const logins = await Promise.all([...Array.from({ length: 8 }, login), change.then(login)]);

      assert.equal((await change).status, 200);
      for (const answer of logins) {
        if (answer.status !== 200) {
          assert.equal(answer.status, 401, answer.text);
          continue;
        }
        const { access_token, refresh_token } = answer.json;
        assert.equal((await server.call('GET', '/auth', { token: access_token })).status, 401);
        assert.equal((await server.call('POST', '/auth/refresh', { json: { refresh_token } })).status, 401);
      }
      assertFailure(logins.at(-1) as Answer, 401, 'Bad Request', 'Invalid credentials');
      assert.equal((await server.call('POST', '/auth', { json: OLD })).status, 401);
      assert.equal((await server.call('POST', '/auth', { json: NEW })).status, 200);
      const { access_token: token } = (await change).json;
      assert.equal((await server.call('GET', '/auth/sessions', { token })).json.length, 2);
      await server.close();
    });
  }

  it('fails if the user is deleted meanwhile', async (t) => {
    const server = await startServer(t, { PASSWORD_COST: 'ln=10,r=8,p=1', HASH_CONCURRENCY: '1' });
    await server.signUp('matt', 'old');
    const { access } = await server.signIn('matt', 'old');
    const logins = Array.from({ length: 6 }, () => server.call('POST', '/auth', { json: OLD }));
    // Once the first one is through, the others are in line behind it.
    await Promise.race(logins);
    assert.equal((await server.call('DELETE', '/users/1', { token: access })).status, 204);
    for (const answer of await Promise.all(logins)) {
      if (answer.status === 200) {
        const token = answer.json.access_token;
        assertFailure(
          await server.call('GET', '/auth', { token }),
          401,
          'Invalid JWT',
          'User does not exist',
        );
      } else assertFailure(answer, 401, 'Bad Request', 'Invalid credentials');
    }
    assertFailure((await logins.at(-1)) as Answer, 401, 'Bad Request', 'Invalid credentials');
  });
});

describe('POST /auth under load', () => {
  it('sheds excess logins with 503 and Retry-After, serves the rest, and keeps GET /healthz quick', async (t) => {
    // On a busy machine, no login may wait too long.
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const settings = { HASH_CONCURRENCY: '1', PASSWORD_COST: 'ln=11,r=8,p=1' };
    const server = await startServer(t, settings, { timeouts: { stallMs: 3_600_000 } });
    await server.signUp('matt', 'old');
    const outcomes: number[] = [];
    const logins = Array.from({ length: 100 }, async () => {
      const answer = await server.call('POST', '/auth', { json: OLD });
      outcomes.push(answer.status);
      return answer;
    });
    await Promise.race(logins);
    const health = await server.call('GET', '/healthz');
    const answeredBefore = outcomes.length;
    assert.equal(health.status, 200);
    assert.equal((await server.call('GET', '/users')).status, 200);

    const answers = await Promise.all(logins);
    assert.ok(answeredBefore < 100, 'health was answered while logins were waiting');
    const served = answers.filter(({ status }) => status === 200);
    const shed = answers.filter(({ status }) => status === 503);
    assert.equal(served.length + shed.length, 100);
    // One at work and 64 in line at least; who comes later may find a place again.
    assert.ok(served.length >= 65 && shed.length >= 1, `${served.length} served, ${shed.length} shed`);
    for (const answer of shed) {
      const description = 'Too many passwords are being checked right now';
      assertFailure(answer, 503, 'Service Unavailable', description);
      assert.equal(answer.headers['retry-after'], '1');
    }
    assert.equal((await server.call('POST', '/auth', { json: OLD })).status, 200);
  });

  it('does not count shed logins as failed ones', async (t) => {
    const server = await startServer(t, {
      HASH_CONCURRENCY: '1',
      PASSWORD_COST: 'ln=11,r=8,p=1',
      RATE_LIMIT_LOGIN: '5/h',
    });
    await server.signUp('matt', 'old');
    const signUps = Array.from({ length: 100 }, (_, index) =>
      server.call('POST', '/users', { json: { ...OLD, username: `user ${index}` } }),
    );
    const logins = Array.from({ length: 5 }, () => server.call('POST', '/auth', { json: OLD }));
    const statuses = (await Promise.all(logins)).map(({ status }) => status);
    assert.ok(statuses.includes(503), `${statuses}`);
    await Promise.all(signUps);
    const failed = { json: { ...OLD, password: 'wrong' } };
    for (let count = 0; count < 5; count++) {
      assert.equal((await server.call('POST', '/auth', failed)).status, 401);
    }
    assert.equal((await server.call('POST', '/auth', failed)).status, 429);
  });
});

describe('signIn from an address that the user has signed in from', () => {
  it('stays known if another field of the user changes', async (t) => {
    const server = await startServer(t, { RATE_LIMIT_LOGIN: '1/h', TRUST_PROXY: '127.0.0.1' });
    await server.signUp('matt', 'old');
    const loginFrom = (address: string, json: object) =>
      server.call('POST', '/auth', { json, headers: { 'X-Forwarded-For': address } });
    const { json } = await loginFrom('192.0.2.1', OLD);
    const rename = { json: { username: 'MATT' }, token: json.access_token };
    assert.equal((await server.call('PATCH', '/users/1', rename)).status, 200);
    for (let count = 0; count < 10; count++) await loginFrom(`198.51.100.${count}`, NEW);
    assert.equal((await loginFrom('192.0.2.2', OLD)).status, 429, 'too many have failed everywhere');
    assert.equal((await loginFrom('192.0.2.1', OLD)).status, 200);
  });
});
