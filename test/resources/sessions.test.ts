// Sessions: listed, ended, limited in number, and kept over a restart.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { newSession } from '../../src/resources/sessions.ts';
import { temporaryFolder } from '../support/disk/temporary-folder.ts';
import { assertFailure, assertHas, assertUnauthorized, partsOf } from '../support/server/answers.ts';
import { createPerson } from '../support/server/person.ts';
import { heapOf } from '../support/server/resources.ts';
import { type CallOptions, START_MS, startServer, type TestServer } from '../support/server/server.ts';

const REVOKED = ['Invalid token', 'Token has been revoked'] as const;
const DAY_MS = 86_400_000;

function sidOf(token: string): string {
  return partsOf(token).payload.sid;
}

async function statusWith({ call }: TestServer, token: string): Promise<number> {
  return (await call('GET', '/auth', { token })).status;
}

async function refresh({ call }: TestServer, refresh_token: string) {
  const { status, json } = await call('POST', '/auth/refresh', { json: { refresh_token } });
  return { status, access: json.access_token, refresh: json.refresh_token };
}

async function sidsOf({ call }: TestServer, token: string): Promise<string[]> {
  const { json } = await call('GET', '/auth/sessions', { token });
  return json.map(({ id }: { id: string }) => id);
}

describe('GET /auth/sessions', () => {
  it("lists the user's own sessions, oldest first, and marks the calling session", async (t) => {
    const server = await startServer(t);
    await server.signUp('matt');
    const login = (userAgent: string) =>
      server.call('POST', '/auth', {
        json: { username: 'matt', password: 'secret' },
        headers: { 'User-Agent': userAgent },
      });
    const first = (await login('curl/8.5.0')).json;
    server.clock.ms += 3_600_000;
    const second = (await login('x'.repeat(300))).json;
    await createPerson(server, 'elie');
    server.clock.ms += 60_000;
    const refreshed = await refresh(server, first.refresh_token);

    const { status, headers, json } = await server.call('GET', '/auth/sessions', { token: refreshed.access });
    assert.equal(status, 200);
    assert.equal(headers['cache-control'], 'private, no-cache');
    assertHas(json, [
      {
        id: sidOf(first.access_token),
        created: 'Mon, 23 Nov 2026 12:00:00 -0000',
        last_used: 'Mon, 23 Nov 2026 13:01:00 -0000',
        expires: 'Wed, 23 Dec 2026 13:01:00 -0000',
        user_agent: 'curl/8.5.0',
        current: true,
      },
      {
        id: sidOf(second.access_token),
        created: 'Mon, 23 Nov 2026 13:00:00 -0000',
        last_used: 'Mon, 23 Nov 2026 13:00:00 -0000',
        expires: 'Wed, 23 Dec 2026 13:00:00 -0000',
        user_agent: 'x'.repeat(256),
        current: false,
      },
    ]);
  });

  it('lists a User-Agent as it was sent in UTF-8, without its control characters', async (t) => {
    const server = await startServer(t);
    const { access } = await createPerson(server, 'matt');
    const login = (userAgent: string) =>
      server.call('POST', '/auth', {
        // Bytes: with a body of text, Node encodes the headers as UTF-8 a second time.
        body: Buffer.from(JSON.stringify({ username: 'matt', password: 'secret' })),
        headers: {
          'Content-Type': 'application/json',
          'User-Agent': Buffer.from(userAgent).toString('latin1'),
        },
      });
    await login('Škoda \u009b31m\u202eapp');
    const { json } = await server.call('GET', '/auth/sessions', { token: access });
    assert.equal(json[1].user_agent, 'Škoda 31mapp');
  });

  it('lists a session without User-Agent, and no expired session', async (t) => {
    const server = await startServer(t, { JWT_REFRESH_EXPIRATION_DELTA: '1d' });
    await server.signUp('matt');
    await server.signIn('matt');
    server.clock.ms += DAY_MS - 1;
    const { access } = await server.signIn('matt');
    assert.equal((await sidsOf(server, access)).length, 2);
    server.clock.ms += 1;
    const { json } = await server.call('GET', '/auth/sessions', { token: access });
    assert.deepEqual(
      json.map(({ id, user_agent }: { id: string; user_agent: string }) => [id, user_agent]),
      [[sidOf(access), '']],
    );
  });

  it('lists a session until its access token expires, if that outlives the refresh token', async (t) => {
    const server = await startServer(t, { JWT_EXPIRATION_DELTA: '2d', JWT_REFRESH_EXPIRATION_DELTA: '1d' });
    const matt = await createPerson(server, 'matt');
    server.clock.ms += 2 * DAY_MS - 1;
    assert.deepEqual(await sidsOf(server, matt.access), [sidOf(matt.access)]);
  });
});

describe('newSession', () => {
  it('keeps 256 bytes of the User-Agent, and the rest not even in memory', () => {
    const options = { lifetimeMs: 1, now: () => START_MS };
    const { bytes, made } = heapOf(() =>
      Array.from({ length: 1_000 }, (_, index) => {
        const userAgent = Buffer.alloc(16_000, `é${index} `, 'latin1').toString('latin1');
        return newSession(options, 1, { address: '::1', userAgent }).user_agent;
      }),
    );
    assert.ok(bytes < 1_000_000, `${bytes} bytes`);
    assert.equal(
      (made as string[]).every((text) => text.startsWith('é') && text.length === 256),
      true,
    );
  });
});

describe('POST /auth/logout', () => {
  it('ends this session and no other, for access and refresh tokens alike', async (t) => {
    const server = await startServer(t);
    const matt = await createPerson(server, 'matt');
    const other = await server.signIn('matt');
    const answer = await matt.call('POST', '/auth/logout');
    assert.equal(answer.status, 204);
    assert.equal(answer.text, '');
    assertUnauthorized(await matt.call('GET', '/auth'), ...REVOKED);
    assertUnauthorized(await matt.call('POST', '/auth/logout'), ...REVOKED);
    assert.equal((await refresh(server, matt.refresh)).status, 401);
    assert.equal(await statusWith(server, other.access), 200);
    assert.deepEqual(await sidsOf(server, other.access), [sidOf(other.access)]);
  });
});

describe('DELETE /auth/sessions/:id', () => {
  it('ends that session', async (t) => {
    const server = await startServer(t);
    const matt = await createPerson(server, 'matt');
    const other = await server.signIn('matt');
    const path = `/auth/sessions/${sidOf(other.access)}`;
    assert.equal((await matt.call('DELETE', path)).status, 204);
    assert.equal(await statusWith(server, other.access), 401);
    assert.equal(await statusWith(server, matt.access), 200);
    assertFailure(await matt.call('DELETE', path), 404, 'Not Found', 'There is no such session');
  });

  it('ends the calling session too', async (t) => {
    const server = await startServer(t);
    const matt = await createPerson(server, 'matt');
    assert.equal((await matt.call('DELETE', `/auth/sessions/${sidOf(matt.access)}`)).status, 204);
    assertUnauthorized(await matt.call('GET', '/auth'), ...REVOKED);
  });

  it("answers the same 404 for another user's session and for a missing session", async (t) => {
    const server = await startServer(t);
    const matt = await createPerson(server, 'matt');
    const elie = await createPerson(server, 'elie');
    for (const id of [sidOf(elie.access), 'nothing', '1', 'a%2Fb']) {
      const answer = await matt.call('DELETE', `/auth/sessions/${id}`);
      assertFailure(answer, 404, 'Not Found', 'There is no such session');
    }
    assert.equal(await statusWith(server, elie.access), 200);
  });
});

describe('DELETE /auth/sessions/:id of an expired session', () => {
  it('is the same 404, from that millisecond on', async (t) => {
    const server = await startServer(t, { JWT_REFRESH_EXPIRATION_DELTA: '1d' });
    await server.signUp('matt');
    const [first, second] = [await server.signIn('matt'), await server.signIn('matt')];
    server.clock.ms += DAY_MS - 1;
    const { access } = await server.signIn('matt');
    const end = ({ access: ended }: Login) =>
      server.call('DELETE', `/auth/sessions/${sidOf(ended)}`, { token: access });
    assert.equal((await end(first)).status, 204);
    server.clock.ms += 1;
    assertFailure(await end(second), 404, 'Not Found', 'There is no such session');
  });
});

describe('DELETE /auth/sessions', () => {
  it("ends every session of the user, and no other user's session", async (t) => {
    const server = await startServer(t);
    const matt = await createPerson(server, 'matt');
    const other = await server.signIn('matt');
    const elie = await createPerson(server, 'elie');
    assert.equal((await matt.call('DELETE', '/auth/sessions')).status, 204);
    for (const { access } of [matt, other]) assert.equal(await statusWith(server, access), 401);
    for (const each of [matt, other]) assert.equal((await refresh(server, each.refresh)).status, 401);
    assert.equal(await statusWith(server, elie.access), 200);
    assert.equal((await server.signIn('matt')).access.split('.').length, 3);
  });
});

describe('POST /auth/refresh: a refreshed token', () => {
  const calls: [method: string, options: CallOptions][] = [
    ['PUT', { json: { username: 'matt', password: 'new' } }],
    ['PATCH', { json: { username: 'matthew' } }],
    ['DELETE', {}],
  ];
  for (const [method, options] of calls) {
    it(`can't ${method} /users/:id; one from a login can`, async (t) => {
      const server = await startServer(t);
      const matt = await createPerson(server, 'matt');
      const { access } = await refresh(server, matt.refresh);
      const refused = await server.call(method, matt.path, { ...options, token: access });
      assertUnauthorized(refused, 'Fresh Token Required', 'Sign in again to do this');
      assert.deepEqual((await server.call('GET', '/users')).json, [{ id: 1, username: 'matt' }]);
      assert.equal((await server.call('GET', matt.path, { token: access })).status, 200);
      assert.ok((await matt.call(method, matt.path, options)).status < 300);
    });
  }

  it('is accepted everywhere else', async (t) => {
    const server = await startServer(t);
    const matt = await createPerson(server, 'matt');
    const { access } = await refresh(server, matt.refresh);
    const json = { title: 'First', body: '' };
    assert.equal((await server.call('POST', matt.posts, { token: access, json })).status, 201);
    assert.equal((await server.call('DELETE', `${matt.posts}/1`, { token: access })).status, 204);
    assert.equal((await server.call('POST', '/auth/logout', { token: access })).status, 204);
  });
});

describe('GET /auth after a restart', () => {
  it('accepts sessions of the same data file, and ended sessions stay ended', async (t) => {
    const settings = { DATABASE_URL: `file:${temporaryFolder(t)}/jot.jsonl` };
    const before = await startServer(t, settings);
    const matt = await createPerson(before, 'matt');
    const rotated = await refresh(before, (await before.signIn('matt')).refresh);
    const [loggedOut, ended] = [await before.signIn('matt'), await before.signIn('matt')];
    await before.call('POST', '/auth/logout', { token: loggedOut.access });
    await matt.call('DELETE', `/auth/sessions/${sidOf(ended.access)}`);
    await before.close();

    const after = await startServer(t, settings);
    assert.equal(await statusWith(after, matt.access), 200);
    assert.equal(await statusWith(after, rotated.access), 200);
    assert.equal((await refresh(after, rotated.refresh)).status, 200);
    for (const gone of [loggedOut, ended]) {
      assertUnauthorized(await after.call('GET', '/auth', { token: gone.access }), ...REVOKED);
      assert.equal((await refresh(after, gone.refresh)).status, 401);
    }
    assert.equal((await sidsOf(after, matt.access)).length, 2);
    await after.close();
  });

  it('rejects sessions of a store in memory, and of another key', async (t) => {
    const before = await startServer(t);
    const matt = await createPerson(before, 'matt');
    await before.close();
    const after = await startServer(t);
    await createPerson(after, 'matt');
    const answer = await after.call('GET', '/auth', { token: matt.access });
    assertUnauthorized(answer, 'Invalid token', 'Signature verification failed');
  });
});

describe('SESSIONS_PER_USER_MAX', () => {
  it('ends the least recently refreshed session', async (t) => {
    const server = await startServer(t);
    await server.signUp('matt');
    const elie = await createPerson(server, 'elie');
    const logins = [];
    for (let count = 0; count < 100; count++) {
      server.clock.ms += 1_000;
      logins.push(await server.signIn('matt'));
    }
    const [first, second, third] = logins as [Login, Login, Login];
    assert.equal((await sidsOf(server, third.access)).length, 100);
    server.clock.ms += 1_000;
    const refreshed = await refresh(server, first.refresh);

    const newest = await server.signIn('matt');
    assert.equal((await sidsOf(server, newest.access)).length, 100);
    assert.equal(await statusWith(server, refreshed.access), 200);
    assertUnauthorized(await server.call('GET', '/auth', { token: second.access }), ...REVOKED);
    assert.equal(await statusWith(server, third.access), 200);
    assert.equal(await statusWith(server, elie.access), 200);
    await server.signIn('matt');
    assert.equal(await statusWith(server, third.access), 401);
  });

  it('does not count expired sessions, which the next login prunes', async (t) => {
    const server = await startServer(t, { JWT_REFRESH_EXPIRATION_DELTA: '1d' });
    await server.signUp('matt');
    const kept = async () => {
      const { text } = await server.call('GET', '/metrics');
      return Number(/^jot_sessions (\d+)$/m.exec(text)?.[1]);
    };
    for (let count = 0; count < 5; count++) await server.signIn('matt');
    server.clock.ms += DAY_MS - 1;
    await server.signIn('matt');
    assert.equal(await kept(), 6);
    server.clock.ms += 1;
    await server.signIn('matt');
    assert.equal(await kept(), 2);
  });
});

type Login = Awaited<ReturnType<TestServer['signIn']>>;
