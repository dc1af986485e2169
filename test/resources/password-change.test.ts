// A password change ends every session and starts one, whose tokens are in the response. A thief
// may have a copy of any older token, so none of them may work again.

import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { Endpoint } from '../../src/api/endpoint.ts';
import type { Principal } from '../../src/api/principal.ts';
import { Gate } from '../../src/auth/gate.ts';
import { randomKey } from '../../src/auth/keys.ts';
import { hash } from '../../src/auth/password.ts';
import { PasswordHasher } from '../../src/auth/password-hasher.ts';
import { Tokens } from '../../src/auth/tokens.ts';
import { parseConfig } from '../../src/config.ts';
import { LoginGuard } from '../../src/limit/login-guard.ts';
import { auth } from '../../src/resources/auth.ts';
import { users } from '../../src/resources/users.ts';
import { type Faults, faultyFileSystem, HeldSyncs, openOn } from '../support/disk/faulty-file-system.ts';
import { outcomesOf, sessionOf, userNamed } from '../support/disk/stores.ts';
import { temporaryFolder } from '../support/disk/temporary-folder.ts';
import { assertHas, assertUnauthorized, partsOf } from '../support/server/answers.ts';
import { createPerson } from '../support/server/person.ts';
import { type Tokens as Pair, startServer, type TestServer } from '../support/server/server.ts';

const REVOKED = ['Invalid token', 'Token has been revoked'] as const;
const CHANGE = { username: 'matt', password: 'new' };
const PAIR = ['access_token', 'refresh_token', 'token_type', 'expires_in'];

function refresh({ call }: TestServer, refresh_token: string) {
  return call('POST', '/auth/refresh', { json: { refresh_token } });
}

async function assertEnded(server: TestServer, pair: Pair): Promise<void> {
  assertUnauthorized(await server.call('GET', '/auth', { token: pair.access }), ...REVOKED);
  assertUnauthorized(await refresh(server, pair.refresh), ...REVOKED);
}

async function sessionsOf({ call }: TestServer, token: string) {
  return (await call('GET', '/auth/sessions', { token })).json;
}

describe('PUT and PATCH /users/:id: a password change', () => {
  for (const method of ['PUT', 'PATCH']) {
    it(`by ${method} ends every session of the user and starts one, which can do what a login can`, async (t) => {
      const server = await startServer(t);
      const matt = await createPerson(server, 'matt');
      const elie = await createPerson(server, 'elie');
      const other = await server.signIn('matt');
      server.clock.ms += 60_000;
      const headers = { 'User-Agent': 'changer' };
      const changed = await matt.call(method, matt.path, { json: CHANGE, headers });
      assert.equal(changed.status, 200);
      assert.equal(changed.headers['cache-control'], 'no-store');
      for (const pair of [matt, other]) await assertEnded(server, pair);

      const { access_token: token, refresh_token, ...user } = changed.json;
      assertHas(user, { id: 1, username: 'matt', token_type: 'JWT', expires_in: 300 });
      assertHas(await sessionsOf(server, token), [
        { created: 'Mon, 23 Nov 2026 12:01:00 -0000', user_agent: 'changer', current: true },
      ]);
      assert.notEqual(partsOf(token).payload.sid, partsOf(matt.access).payload.sid);
      assert.equal((await refresh(server, refresh_token)).status, 200);
      assert.equal((await server.call(method, matt.path, { json: CHANGE, token })).status, 200);
      assert.equal((await server.call('GET', '/auth', { token: elie.access })).status, 200);
    });
  }

  it('returns the ETag that the next GET returns', async (t) => {
    const server = await startServer(t);
    const matt = await createPerson(server, 'matt');
    const changed = await matt.call('PATCH', matt.path, { json: { password: 'new' } });
    const read = await matt.call('GET', matt.path);
    assert.equal(changed.headers.etag, read.headers.etag);
    const headers = { 'If-None-Match': String(changed.headers.etag) };
    assert.equal((await matt.call('GET', matt.path, { headers })).status, 304);
  });

  it('leaves no successor to a refresh token that was spent a moment ago', async (t) => {
    const server = await startServer(t);
    const matt = await createPerson(server, 'matt');
    const { json: newest } = await refresh(server, matt.refresh);
    assert.equal((await matt.call('PATCH', matt.path, { json: { password: 'new' } })).status, 200);
    for (const token of [matt.refresh, newest.refresh_token]) {
      assertUnauthorized(await refresh(server, token), ...REVOKED);
    }
  });

  it('holds after a restart', async (t) => {
    const settings = { DATABASE_URL: `file:${temporaryFolder(t)}/jot.jsonl` };
    const before = await startServer(t, settings);
    const matt = await createPerson(before, 'matt');
    const { json } = await matt.call('PATCH', matt.path, { json: { password: 'new' } });
    await before.close();
    const after = await startServer(t, settings);
    await assertEnded(after, matt);
    assert.equal((await after.call('GET', '/auth', { token: json.access_token })).status, 200);
    assert.equal((await refresh(after, json.refresh_token)).status, 200);
    await after.close();
  });

  it('that is refused keeps every session', async (t) => {
    const server = await startServer(t);
    const matt = await createPerson(server, 'matt');
    await server.signUp('elie');
    const refused = await matt.call('PATCH', matt.path, { json: { username: 'elie', password: 'new' } });
    assert.equal(refused.status, 409);
    assert.equal((await sessionsOf(server, matt.access)).length, 1);
  });

  it('of the name alone keeps every session and returns no tokens', async (t) => {
    const server = await startServer(t);
    const matt = await createPerson(server, 'matt');
    const other = await server.signIn('matt');
    const { status, json } = await matt.call('PATCH', matt.path, { json: { username: 'matthew' } });
    assert.equal(status, 200);
    assert.deepEqual(
      PAIR.filter((name) => name in json),
      [],
    );
    assert.equal((await sessionsOf(server, other.access)).length, 2);
  });

  it('is documented with a pair of tokens that may be missing', async (t) => {
    const server = await startServer(t);
    const { paths } = (await server.call('GET', '/openapi.json')).json;
    for (const method of ['put', 'patch']) {
      const { schema } = paths['/users/{id}'][method].responses[200].content['application/json'];
      assert.deepEqual(
        PAIR.filter((name) => name in schema.properties),
        PAIR,
      );
      assert.deepEqual(
        PAIR.filter((name) => schema.required.includes(name)),
        [],
      );
    }
  });
});

/** Two sessions of a user, and what their requests do once their tokens have been checked. */
async function openWithSessions(t: TestContext) {
  const faults: Faults = {};
  const store = await openOn(faultyFileSystem(faults), `${temporaryFolder(t)}/jot.jsonl`);
  t.after(() => store.close());
  const cost = { ln: 1, r: 1, p: 1 };
  const user = await store.users.create({ ...userNamed('matt'), password_hash: await hash('old', cost) });
  const [session, another] = [
    await store.sessions.create(sessionOf(1, 'a')),
    await store.sessions.create(sessionOf(1, 'b')),
  ];
  const now = () => session.last_used;
  const { tokens: settings, authPrefixes } = parseConfig({});
  const tokens = new Tokens([randomKey()], settings, now);
  const passwords = new PasswordHasher(cost, new Gate({ concurrency: 1, queueMax: 10 }));
  const times = { lifetimeMs: 1_000, reuseLeewayMs: 1_000, expirationMs: 1_000, now };
  const parts = { store, tokens, passwords, authPrefixes, signup: true, passwordLengthMin: 1, ...times };
  const endpoints = [...auth({ ...parts, loginGuard: new LoginGuard(null, now) }), ...users(parts)];
  const run = (method: string, path: string, principal: Principal | null, body?: object) => () =>
    endpointOf(endpoints, method, path).handle({
      ...{ principal, body, params: { id: 1 }, query: {}, parents: {}, ifVersion: undefined },
      client: { address: '::1', userAgent: '' },
    });
  const self = { user, session, fresh: true };
  return {
    store,
    change: run('PATCH', '/users/:id', self, { password: 'new' }),
    rivals: {
      refresh: run('POST', '/auth/refresh', null, { refresh_token: tokens.refresh(session) }),
      logout: run('POST', '/auth/logout', self),
      login: run('POST', '/auth', null, { username: 'matt', password: 'old' }),
      'password change of the same session': run('PATCH', '/users/:id', self, { password: 'another' }),
      'password change of another session': run(
        'PATCH',
        '/users/:id',
        { ...self, session: another },
        { password: 'another' },
      ),
      deletion: run('DELETE', '/users/:id', self),
    },
    /** Resolves to both outcomes; the second begins while the first is on its way to the disk. */
    async race(first: () => Promise<unknown>, second: () => Promise<unknown>) {
      const held = new HeldSyncs();
      faults.sync = held.sync;
      const firstRun = first();
      const sync = await held.next();
      delete faults.sync;
      const outcomes = outcomesOf([firstRun, second()]);
      await sync.finish();
      return outcomes;
    },
  };
}

function endpointOf(endpoints: readonly Endpoint[], method: string, path: string): Endpoint {
  const found = endpoints.find((each) => each.method === method && each.path === path);
  assert.ok(found);
  return found;
}

describe('A password change that races with', () => {
  const races = [
    { rival: 'refresh', rivalFirst: ['done', 'done'], changeFirst: ['done', 'token_revoked'], left: 1 },
    { rival: 'logout', rivalFirst: ['done', 'token_revoked'], changeFirst: ['done', 'done'], left: 1 },
    { rival: 'login', rivalFirst: ['done', 'done'], changeFirst: ['done', 'invalid_credentials'], left: 1 },
    {
      rival: 'password change of the same session',
      rivalFirst: ['done', 'token_revoked'],
      changeFirst: ['done', 'token_revoked'],
      left: 1,
    },
    {
      rival: 'password change of another session',
      rivalFirst: ['done', 'token_revoked'],
      changeFirst: ['done', 'token_revoked'],
      left: 1,
    },
    {
      rival: 'deletion',
      rivalFirst: ['done', 'token_revoked'],
      changeFirst: ['done', 'token_revoked'],
      left: 0,
    },
  ] as const;
  for (const { rival, rivalFirst, changeFirst, left } of races) {
    it(`a ${rival} that is earlier: ${rivalFirst.join(', ')}`, async (t) => {
      const { store, change, rivals, race } = await openWithSessions(t);
      assert.deepEqual(await race(rivals[rival], change), rivalFirst);
      assert.equal(await store.sessions.count(), left);
    });

    it(`a ${rival} that is later: ${changeFirst.join(', ')}`, async (t) => {
      const { store, change, rivals, race } = await openWithSessions(t);
      assert.deepEqual(await race(change, rivals[rival]), changeFirst);
      assert.equal(await store.sessions.count(), 1);
    });
  }
});
