// The resources on a disk that fails or takes its time: a write is answered only once it is on the disk, and otherwise
// leaves no trace.

import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { createIdentify } from '../../src/api/identify.ts';
import { Metrics } from '../../src/api/metrics.ts';
import { Gate } from '../../src/auth/gate.ts';
import { randomKey } from '../../src/auth/keys.ts';
import { hash } from '../../src/auth/password.ts';
import { PasswordHasher } from '../../src/auth/password-hasher.ts';
import { Tokens } from '../../src/auth/tokens.ts';
import { parseConfig } from '../../src/config.ts';
import { LoginGuard } from '../../src/limit/login-guard.ts';
import { auth } from '../../src/resources/auth.ts';
import { posts } from '../../src/resources/posts.ts';
import { sessions } from '../../src/resources/sessions.ts';
import { system } from '../../src/resources/system.ts';
import { users } from '../../src/resources/users.ts';
import {
  type Faults,
  faultyFileSystem,
  HeldSyncs,
  openOn,
  systemError,
} from '../support/disk/faulty-file-system.ts';
import { temporaryFolder } from '../support/disk/temporary-folder.ts';
import { assertFailure } from '../support/server/answers.ts';
import { startPipeline } from '../support/server/pipeline.ts';
import { type CallOptions, START_MS } from '../support/server/server.ts';

const RIGHT = { username: 'matt', password: 'secret' };
const COST = { ln: 1, r: 1, p: 1 };
const LOGIN_RATE = { tokens: 1, windowMs: 3_600_000 };

/** A server whose disk has these faults, with matt signed up and in, and with one post. */
async function startOn(t: TestContext, faults: Faults) {
  const store = await openOn(faultyFileSystem(faults), `${temporaryFolder(t)}/jot.jsonl`);
  t.after(() => store.close());
  const { authPrefixes, tokens: settings } = parseConfig({});
  const looks = { count: 0 };
  const now = () => START_MS;
  const tokens = new Tokens([randomKey()], settings, now);
  const passwords = new PasswordHasher(COST, new Gate({ concurrency: 1, queueMax: 10 }));
  const options = { store, lifetimeMs: 86_400_000, reuseLeewayMs: 10_000, now };
  // A new session's time is asked for just before it is written.
  const countedNow = () => {
    looks.count++;
    return START_MS;
  };
  const rest = { tokens, passwords, expirationMs: 300_000, authPrefixes };
  const endpoints = [
    ...auth({ ...options, ...rest, now: countedNow, loginGuard: new LoginGuard(LOGIN_RATE, now) }),
    ...sessions(options),
    ...users({ ...options, ...rest, signup: true, passwordLengthMin: 1 }),
    ...posts({ store, now }),
    ...system({
      ...{ version: '1', endpoints: () => [], document: () => '', uptimeSeconds: () => 1 },
      ...{ metrics: new Metrics(), readiness: () => store.status() },
    }),
  ];
  const identify = createIdentify({ store, tokens, authPrefixes, now });
  const server = await startPipeline(t, endpoints, { identify });
  await server.call('POST', '/users', { json: RIGHT });
  const { json: pair } = await server.call('POST', '/auth', { json: RIGHT });
  const call = (method: string, path: string, callOptions: CallOptions = {}) =>
    server.call(method, path, { token: pair.access_token, ...callOptions });
  await call('POST', '/users/1/posts', { json: { title: 'First', body: 'Hello' } });
  return { ...server, call, store, looks, refreshToken: pair.refresh_token };
}

describe('ENOSPC from the disk', () => {
  it('makes every write 503 with Retry-After and without effect, while reads succeed', async (t) => {
    const faults: Faults = {};
    const server = await startOn(t, faults);
    const reads = ['/users', '/users/1', '/users/1/posts', '/users/1/posts/1', '/auth', '/auth/sessions'];
    const readAll = async () => {
      const texts = [];
      for (const path of reads) {
        const { status, text } = await server.call('GET', path);
        assert.equal(status, 200, path);
        texts.push(text);
      }
      return texts;
    };
    const before = await readAll();
    const writes: [method: string, path: string, json?: object][] = [
      ['POST', '/users', { username: 'elie', password: 'x' }],
      ['POST', '/signup', { username: 'elie', password: 'x' }],
      ['POST', '/auth', RIGHT],
      ['POST', '/auth/refresh', { refresh_token: server.refreshToken }],
      ['POST', '/auth/logout'],
      ['DELETE', '/auth/sessions'],
      ['PUT', '/users/1', { username: 'matthew', password: 'new' }],
      ['PATCH', '/users/1', { password: 'new' }],
      ['POST', '/users/1/posts', { title: 'T', body: 'B' }],
      ['PUT', '/users/1/posts/1', { title: 'T', body: 'B' }],
      ['PATCH', '/users/1/posts/1', { title: 'T' }],
      ['DELETE', '/users/1/posts/1'],
      ['DELETE', '/users/1'],
    ];
    faults.write = () => {
      throw systemError('ENOSPC');
    };
    for (const [method, path, json] of writes) {
      const answer = await server.call(method, path, json === undefined ? {} : { json });
      assert.deepEqual([method, path, answer.status], [method, path, 503]);
      assert.match(String(answer.headers['retry-after']), /^[1-9]\d*$/);
      assert.doesNotMatch(answer.text, /ENOSPC|jsonl|device/);
      assert.equal(answer.headers.location, undefined);
      assert.equal(answer.headers.etag, undefined);
    }
    for (const { status, text } of await Promise.all(
      Array.from({ length: 8 }, () => server.call('GET', '/readyz')),
    )) {
      assert.equal(status, 503);
      assert.doesNotMatch(text, /ENOSPC|jsonl|device/);
    }
    assert.equal((await server.call('GET', '/healthz')).status, 200);
    assert.deepEqual(await readAll(), before);

    faults.write = undefined;
    assert.equal(
      (await server.call('POST', '/users', { json: { username: 'elie', password: 'x' } })).json.id,
      2,
    );
    assert.equal(
      (await server.call('POST', '/users/1/posts', { json: { title: 'T', body: 'B' } })).json.id,
      2,
    );
    assert.equal((await server.call('GET', '/readyz')).status, 200);
    // The login that could not be written was no failed one: the only one that may fail is still to be had.
    assert.equal((await server.call('POST', '/auth', { json: RIGHT })).status, 200);
    assert.equal((await server.call('POST', '/auth', { json: { ...RIGHT, password: 'x' } })).status, 401);
    assert.equal((await server.call('POST', '/auth', { json: RIGHT })).status, 429);
  });
});

describe('A slow fsync', () => {
  /** A login whose session is on its way to the disk, in one trip with what the test writes next. */
  async function startLogin(t: TestContext) {
    const faults: Faults = {};
    const server = await startOn(t, faults);
    const syncs = new HeldSyncs();
    faults.sync = syncs.sync;
    const post = server.call('POST', '/users/1/posts', { json: { title: 'Second', body: '' } });
    const first = await syncs.next();
    const { count } = server.looks;
    const login = server.call('POST', '/auth', { json: RIGHT });
    while (server.looks.count === count) await server.call('GET', '/healthz');
    const finish = async () => {
      faults.sync = undefined;
      await first.finish();
      assert.equal((await post).status, 201);
    };
    return { ...server, login, finish };
  }

  it('delays the response to a login until its session is on disk', async (t) => {
    const { call, login, finish } = await startLogin(t);
    assert.equal((await call('GET', '/auth/sessions')).json.length, 1);
    await finish();
    const { status, json } = await login;
    assert.equal(status, 200);
    assert.equal((await call('GET', '/auth', { token: json.access_token })).status, 200);
  });

  it('makes a login fail if a password change overtakes it', async (t) => {
    const { call, store, login, finish } = await startLogin(t);
    const user = await store.users.get(1);
    const change = { password_hash: await hash('new', COST) };
    const written = store.write([
      { update: 'users', id: user.id, change },
      { discardOwned: 'sessions', owner: user.id },
    ]);
    await finish();
    await written;
    assertFailure(await login, 401, 'Bad Request', 'Invalid credentials');
    assert.equal((await call('POST', '/auth', { json: { ...RIGHT, password: 'new' } })).status, 200);
  });

  it('hides a write from all readers until it is on disk', async (t) => {
    const faults: Faults = {};
    const { call } = await startOn(t, faults);
    const syncs = new HeldSyncs();
    faults.sync = syncs.sync;
    const written = call('PATCH', '/users/1/posts/1', { json: { title: 'Second' } });
    const sync = await syncs.next();
    assert.equal((await call('GET', '/users/1/posts/1')).json.title, 'First');
    assert.equal((await call('GET', '/users/1/posts')).json[0].title, 'First');
    await sync.finish();
    assert.equal((await written).json.title, 'Second');
    assert.equal((await call('GET', '/users/1/posts')).json[0].title, 'Second');
  });
});
