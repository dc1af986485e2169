// RFC 9700, Best Current Practice for OAuth 2.0 Security: what its §4.14.2 asks of refresh tokens, against the running
// server. Jot is no OAuth server, but its refresh tokens are the same thing and can be stolen in the same ways.

import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { forge } from '../support/cases/forge.ts';
import { assertFailure, assertUnauthorized, partsOf } from '../support/server/answers.ts';
import { createPerson } from '../support/server/person.ts';
import { startServer } from '../support/server/server.ts';

const SECRET = 'a secret of 32 bytes or even more';
const REVOKED = ['Invalid token', 'Token has been revoked'] as const;
const DAY_MS = 86_400_000;

async function startWithMatt(t: TestContext) {
  const server = await startServer(t, { JWT_SECRET_KEY: SECRET });
  const matt = await createPerson(server, 'matt');
  const refresh = (refresh_token: string) =>
    server.call('POST', '/auth/refresh', { json: { refresh_token } });
  return { server, matt, refresh };
}

describe('RFC 9700 over HTTP', () => {
  it('§4.14.2 rotation: each refresh gives a new refresh token, and the old one is spent', async (t) => {
    const { server, matt, refresh } = await startWithMatt(t);
    const seen = new Set([matt.refresh]);
    let token = matt.refresh;
    for (let count = 1; count <= 5; count++) {
      server.clock.ms += 60_000;
      const { status, json } = await refresh(token);
      assert.equal(status, 200);
      token = json.refresh_token;
      seen.add(token);
    }
    assert.equal(seen.size, 6);
    server.clock.ms += 60_000;
    assert.equal((await refresh(token)).status, 200);
    server.clock.ms += 60_000;
    assertUnauthorized(await refresh(token), ...REVOKED);
  });

  it('§4.14.2 replay: a spent token that comes back ends the session of thief and owner, and is logged', async (t) => {
    const { server, matt, refresh } = await startWithMatt(t);
    const other = await server.signIn('matt');
    const { json: newer } = await refresh(matt.refresh);
    server.clock.ms += 10_000;
    assertUnauthorized(await refresh(matt.refresh), ...REVOKED);
    assertUnauthorized(await refresh(newer.refresh_token), ...REVOKED);
    for (const token of [matt.access, newer.access_token]) {
      assertUnauthorized(await server.call('GET', '/auth', { token }), ...REVOKED);
    }
    assert.equal((await refresh(other.refresh)).status, 200);
    const warnings = server.log.map((line) => JSON.parse(line)).filter(({ level }) => level === 'warn');
    assert.deepEqual(
      warnings.map(({ reason }) => reason),
      ['ended a session: a spent refresh token of user 1 was used again'],
    );
  });

  it('§4.14.2 retry: for ten seconds a lost answer can be had again, which opens no second line', async (t) => {
    const { server, matt, refresh } = await startWithMatt(t);
    const first = await refresh(matt.refresh);
    server.clock.ms += 9_999;
    const again = await refresh(matt.refresh);
    assert.equal(again.status, 200);
    assert.equal(again.json.refresh_token, first.json.refresh_token);
    // Older than the newest one's predecessor is no retry.
    assert.equal((await refresh(first.json.refresh_token)).status, 200);
    assertUnauthorized(await refresh(matt.refresh), ...REVOKED);
    assertUnauthorized(await refresh(first.json.refresh_token), ...REVOKED);
  });

  it('§4.14.2 binding: a refresh token buys less than the login did, for the same user and session', async (t) => {
    const { server, matt, refresh } = await startWithMatt(t);
    await createPerson(server, 'elie');
    const { json } = await refresh(matt.refresh);
    const [before, after] = [matt.access, json.access_token].map((token) => partsOf(token).payload);
    assert.deepEqual([after.identity, after.sid], [before.identity, before.sid]);
    const token = json.access_token;
    assert.equal((await server.call('GET', matt.path, { token })).status, 200);
    assert.equal((await server.call('GET', '/users/2', { token })).status, 403);
    assertFailure(
      await server.call('DELETE', matt.path, { token }),
      401,
      'Fresh Token Required',
      'Sign in again to do this',
    );
  });

  it('§4.14.2 integrity: nothing that a refresh token says can be changed, and trying ends nothing', async (t) => {
    const { server, matt, refresh } = await startWithMatt(t);
    await createPerson(server, 'elie');
    const { exp } = partsOf(matt.refresh).payload;
    const changes = [{ identity: 2 }, { sid: 'x' }, { generation: 1 }, { generation: -1 }, { exp: exp + 1 }];
    for (const claims of changes) {
      const forged = forge(matt.refresh, { claims, secret: 'the own key of an attacker' });
      assertUnauthorized(await refresh(forged), 'Invalid token', 'Signature verification failed');
    }
    // Signed by the server itself, a token still belongs to its user alone.
    const swapped = forge(matt.refresh, { claims: { identity: 2 }, secret: SECRET });
    assertUnauthorized(await refresh(swapped), ...REVOKED);
    assert.equal((await refresh(matt.refresh)).status, 200);
  });

  it('§4.14.2 revocation: a logout, a password change and the end of the account end refresh tokens', async (t) => {
    const { server, matt, refresh } = await startWithMatt(t);
    const second = await server.signIn('matt');
    const third = await server.signIn('matt');
    await server.call('POST', '/auth/logout', { token: second.access });
    assertUnauthorized(await refresh(second.refresh), ...REVOKED);
    assert.equal((await refresh(third.refresh)).status, 200);
    const { json: kept } = await matt.call('PATCH', matt.path, { json: { password: 'another' } });
    for (const { access, refresh: token } of [third, matt]) {
      assertUnauthorized(await refresh(token), ...REVOKED);
      assertUnauthorized(await server.call('GET', '/auth', { token: access }), ...REVOKED);
    }
    assert.equal((await refresh(kept.refresh_token)).status, 200);
    await matt.call('DELETE', matt.path);
    assertUnauthorized(await refresh(kept.refresh_token), 'Invalid JWT', 'User does not exist');
  });

  it('§4.14.2 inactivity: a refresh token that nobody uses expires, and each use starts the time anew', async (t) => {
    const { server, matt, refresh } = await startWithMatt(t);
    server.clock.ms += 30 * DAY_MS;
    const { status, json } = await refresh(matt.refresh);
    assert.equal(status, 200);
    server.clock.ms += 30 * DAY_MS + 10_000;
    const late = await refresh(json.refresh_token);
    assertUnauthorized(late, 'Invalid token', 'Signature has expired');
  });
});
