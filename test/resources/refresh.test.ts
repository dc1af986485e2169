// POST /auth/refresh: a refresh token works once, and what happens when it comes back.

import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { sign } from '../../src/auth/jwt.ts';
import { keysFromSecrets } from '../../src/auth/keys.ts';
import { assertFields, assertUnauthorized, partsOf } from '../support/server/answers.ts';
import { createPerson, type Person } from '../support/server/person.ts';
import { type Answer, START_MS, startServer, type TestServer } from '../support/server/server.ts';

const REVOKED = ['Invalid token', 'Token has been revoked'] as const;
const SECRET = 'a secret of 32 bytes or even more';
const DAY_MS = 86_400_000;

async function startWithPerson(t: TestContext, settings: Record<string, string> = {}) {
  const server = await startServer(t, { JWT_SECRET_KEY: SECRET, ...settings });
  const matt = await createPerson(server, 'matt');
  return { server, matt, refresh: (token: unknown) => refreshOn(server, token) };
}

function refreshOn({ call }: TestServer, refresh_token: unknown): Promise<Answer> {
  return call('POST', '/auth/refresh', { json: { refresh_token } });
}

async function assertLive(server: TestServer, ...tokens: string[]): Promise<void> {
  for (const token of tokens) assert.equal((await server.call('GET', '/auth', { token })).status, 200);
}

async function assertEnded(server: TestServer, { access }: Pick<Person, 'access'>, refresh: string) {
  assertUnauthorized(await server.call('GET', '/auth', { token: access }), ...REVOKED);
  assertUnauthorized(await refreshOn(server, refresh), ...REVOKED);
}

describe('POST /auth/refresh', () => {
  it('returns a new pair whose access token is not fresh, in the same session', async (t) => {
    const { server, matt, refresh } = await startWithPerson(t);
    server.clock.ms += 60_000;
    const { status, headers, json } = await refresh(matt.refresh);
    assert.equal(status, 200);
    assert.equal(headers['cache-control'], 'no-store');
    const { access_token, refresh_token, ...rest } = json;
    assert.deepEqual(rest, { token_type: 'JWT', expires_in: 300 });
    const iat = START_MS / 1000 + 60;
    const { sid } = partsOf(matt.access).payload;
    const times = { iat, nbf: iat, exp: iat + 300 };
    assert.deepEqual(partsOf(access_token).payload, { identity: 1, ...times, sid, fresh: false });
    const { payload } = partsOf(refresh_token);
    assert.deepEqual(payload, { identity: 1, ...times, exp: iat + 30 * 86_400, sid, generation: 1 });
    await assertLive(server, matt.access, access_token);
  });

  it('needs no access token, and accepts a form', async (t) => {
    const { server, matt } = await startWithPerson(t);
    server.clock.ms += 600_000;
    const form = { refresh_token: matt.refresh };
    assert.equal((await server.call('POST', '/auth/refresh', { form })).status, 200);
  });

  it('keeps a session alive for as long as it is refreshed in time', async (t) => {
    const { server, matt, refresh } = await startWithPerson(t);
    let token = matt.refresh;
    for (let round = 1; round <= 5; round++) {
      server.clock.ms += 29 * DAY_MS;
      const { status, json } = await refresh(token);
      assert.equal(status, 200);
      assert.equal(partsOf(json.refresh_token).payload.generation, round);
      token = json.refresh_token;
    }
  });

  it('returns the same successor for a token reused within JWT_REFRESH_REUSE_LEEWAY', async (t) => {
    const { server, matt, refresh } = await startWithPerson(t, { JWT_REFRESH_REUSE_LEEWAY: '20s' });
    server.clock.ms += 1_234;
    const first = await refresh(matt.refresh);
    server.clock.ms += 19_999;
    const again = await refresh(matt.refresh);
    assert.equal(again.status, 200);
    assert.equal(again.json.refresh_token, first.json.refresh_token);
    assert.equal(partsOf(again.json.access_token).payload.fresh, false);
    await assertLive(server, first.json.access_token, again.json.access_token);
    assert.equal((await refresh(again.json.refresh_token)).status, 200);
  });

  it('ends the session if a spent token is reused after the leeway', async (t) => {
    const { server, matt, refresh } = await startWithPerson(t);
    const { json } = await refresh(matt.refresh);
    server.clock.ms += 10_000;
    assertUnauthorized(await refresh(matt.refresh), ...REVOKED);
    await assertEnded(server, matt, json.refresh_token);
    await assertEnded(server, { access: json.access_token }, matt.refresh);
  });

  it('ends it immediately if JWT_REFRESH_REUSE_LEEWAY is 0', async (t) => {
    const { server, matt, refresh } = await startWithPerson(t, { JWT_REFRESH_REUSE_LEEWAY: '0' });
    const { json } = await refresh(matt.refresh);
    assertUnauthorized(await refresh(matt.refresh), ...REVOKED);
    await assertEnded(server, matt, json.refresh_token);
  });

  it("ends it if a token older than the newest token's predecessor is reused, inside the leeway too", async (t) => {
    const { server, matt, refresh } = await startWithPerson(t);
    const second = await refresh(matt.refresh);
    const third = await refresh(second.json.refresh_token);
    assert.equal(third.status, 200);
    assertUnauthorized(await refresh(matt.refresh), ...REVOKED);
    await assertEnded(server, matt, third.json.refresh_token);
  });

  it("measures the leeway from the predecessor's own spending", async (t) => {
    const { server, matt, refresh } = await startWithPerson(t);
    const second = await refresh(matt.refresh);
    server.clock.ms += 60_000;
    const third = await refresh(second.json.refresh_token);
    server.clock.ms += 9_999;
    const again = await refresh(second.json.refresh_token);
    assert.equal(again.status, 200);
    assert.equal(again.json.refresh_token, third.json.refresh_token);
  });

  it("ends one session only, and no other user's session", async (t) => {
    const { server, matt, refresh } = await startWithPerson(t);
    const other = await server.signIn('matt');
    const elie = await createPerson(server, 'elie');
    await refresh(matt.refresh);
    server.clock.ms += 10_000;
    assert.equal((await refresh(matt.refresh)).status, 401);
    await assertLive(server, other.access, elie.access);
    assert.equal((await refresh(other.refresh)).status, 200);
  });

  it('returns the same refresh token for concurrent requests', async (t) => {
    const { matt, refresh } = await startWithPerson(t);
    const answers = await Promise.all(Array.from({ length: 8 }, () => refresh(matt.refresh)));
    assert.deepEqual(
      answers.map(({ status }) => status),
      answers.map(() => 200),
    );
    assert.equal(new Set(answers.map(({ json }) => json.refresh_token)).size, 1);
    assert.equal(partsOf(answers[0]?.json.refresh_token).payload.generation, 1);
  });

  it('accepts only one of the requests without a leeway, and then ends the session', async (t) => {
    const { server, matt, refresh } = await startWithPerson(t, { JWT_REFRESH_REUSE_LEEWAY: '0' });
    const answers = await Promise.all([refresh(matt.refresh), refresh(matt.refresh)]);
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 401]);
    assert.equal((await server.call('GET', '/auth', { token: matt.access })).status, 401);
  });
});

describe('POST /auth/refresh rejects', () => {
  const fields: [given: object, problem: string, reason: string][] = [
    [{}, 'is required', 'nothing'],
    [{ refresh_token: 1 }, 'must be a string', 'a number'],
    [{ refresh_token: null }, 'must be a string', 'null'],
    [{ refresh_token: ['x'] }, 'must be a string', 'a list'],
    [{ token: 'x' }, 'is required', 'another key'],
  ];
  for (const [json, problem, reason] of fields) {
    it(`${reason} with 400`, async (t) => {
      const { call } = await startServer(t);
      assertFields(await call('POST', '/auth/refresh', { json }), { refresh_token: problem });
    });
  }

  it('no body at all with 400', async (t) => {
    const { call } = await startServer(t);
    assertFields(await call('POST', '/auth/refresh'), { refresh_token: 'is required' });
  });

  const forged: [reason: string, from: (token: string) => string, description: string][] = [
    ['an empty one', () => '', 'Not enough segments'],
    ['a malformed one', () => 'abc', 'Not enough segments'],
    [
      'one with a changed signature',
      (token) => `${token.slice(0, -9)}AAAAAAAAA`,
      'Signature verification failed',
    ],
    [
      'one signed by somebody else',
      (token) => sign(partsOf(token).payload, 'x'.repeat(32), { typ: 'refresh+jwt' }),
      'Signature verification failed',
    ],
    [
      'one of a generation that is no number',
      (token) => signed({ ...partsOf(token).payload, generation: '0' }),
      'Token is missing the "generation" claim',
    ],
    [
      'one without an identity',
      (token) => signed({ ...partsOf(token).payload, identity: undefined }),
      'Token is missing the "identity" claim',
    ],
    [
      'one of no session',
      (token) => signed({ ...partsOf(token).payload, sid: 'x' }),
      'Token has been revoked',
    ],
    [
      'one from the future, as after putting back an old data file',
      (token) => signed({ ...partsOf(token).payload, generation: 7 }),
      'Token has been revoked',
    ],
  ];
  for (const [reason, from, description] of forged) {
    it(`${reason} with 401, and ends nothing`, async (t) => {
      const { server, matt, refresh } = await startWithPerson(t);
      assertUnauthorized(await refresh(from(matt.refresh)), 'Invalid token', description);
      await assertLive(server, matt.access);
      assert.equal((await refresh(matt.refresh)).status, 200);
    });
  }

  it('a token with the session of another user, and ends nothing', async (t) => {
    const { server, matt, refresh } = await startWithPerson(t);
    const elie = await createPerson(server, 'elie');
    const { sid } = partsOf(elie.refresh).payload;
    assertUnauthorized(await refresh(signed({ ...partsOf(matt.refresh).payload, sid })), ...REVOKED);
    await assertLive(server, matt.access, elie.access);
  });

  it('an expired token with 401, after JWT_REFRESH_EXPIRATION_DELTA and the leeway', async (t) => {
    const { server, matt, refresh } = await startWithPerson(t, { JWT_REFRESH_EXPIRATION_DELTA: '1d' });
    server.clock.ms += DAY_MS + 10_000;
    assertUnauthorized(await refresh(matt.refresh), 'Invalid token', 'Signature has expired');
    server.clock.ms -= 1;
    assert.equal((await refresh(matt.refresh)).status, 200);
  });

  it('a token of an ended session with 401', async (t) => {
    const { server, matt } = await startWithPerson(t);
    assert.equal((await matt.call('POST', '/auth/logout')).status, 204);
    await assertEnded(server, matt, matt.refresh);
  });
});

function signed(claims: object): string {
  const [key] = keysFromSecrets([SECRET]);
  assert.ok(key);
  return sign({ ...claims }, key, { typ: 'refresh+jwt' });
}
