// Access tokens that are good: whom they speak for, for how long, and under which scheme.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assertFailure, assertUnauthorized } from '../support/server/answers.ts';
import { createPerson } from '../support/server/person.ts';
import { startServer } from '../support/server/server.ts';

describe('GET /auth', () => {
  it('returns the user of the token, as GET /users/:id does', async (t) => {
    const server = await startServer(t);
    await server.signUp('elie');
    const matt = await createPerson(server, 'matt');
    for (const title of ['One', 'Two', 'Three']) await matt.post(title);
    for (const query of ['', '?limit=2', '?after=1&order=asc', '?order=desc&limit=1']) {
      const own = await matt.call('GET', `${matt.path}${query}`);
      const { status, json, headers } = await matt.call('GET', `/auth${query}`);
      assert.equal(status, 200);
      assert.deepEqual(json, own.json);
      assert.equal(headers.link, own.headers.link);
    }
  });
});

describe('access_token: exp and nbf', () => {
  it('are refused from exp and JWT_LEEWAY on, and not before', async (t) => {
    const server = await startServer(t, { JWT_EXPIRATION_DELTA: '90s', JWT_LEEWAY: '5' });
    const matt = await createPerson(server, 'matt');
    server.clock.ms += 94_999;
    assert.equal((await matt.call('GET', '/auth')).status, 200);
    server.clock.ms += 1;
    assertUnauthorized(await matt.call('GET', '/auth'), 'Invalid token', 'Signature has expired');
  });

  it('last five minutes and ten seconds by default', async (t) => {
    const server = await startServer(t);
    const matt = await createPerson(server, 'matt');
    server.clock.ms += 309_999;
    assert.equal((await matt.call('GET', '/auth')).status, 200);
    server.clock.ms += 1;
    assert.equal((await matt.call('GET', '/auth')).status, 401);
  });

  it('begin JWT_NOT_BEFORE_DELTA after the login, less the leeway', async (t) => {
    const server = await startServer(t, { JWT_NOT_BEFORE_DELTA: '20s' });
    const matt = await createPerson(server, 'matt');
    server.clock.ms += 9_999;
    assertUnauthorized(await matt.call('GET', '/auth'), 'Invalid token', 'The token is not yet valid (nbf)');
    server.clock.ms += 1;
    assert.equal((await matt.call('GET', '/auth')).status, 200);
  });
});

describe('JWT_AUTH_HEADER_PREFIX', () => {
  it('lists the accepted schemes; challenges name the first', async (t) => {
    const server = await startServer(t, { JWT_AUTH_HEADER_PREFIX: 'Bearer' });
    await server.signUp('matt');
    const { json } = await server.call('POST', '/auth', { json: { username: 'matt', password: 'secret' } });
    assert.equal(json.token_type, 'Bearer');
    const withScheme = (scheme: string) =>
      server.call('GET', '/auth', { headers: { Authorization: `${scheme} ${json.access_token}` } });
    assert.equal((await withScheme('Bearer')).status, 200);
    assert.equal((await withScheme('bearer')).status, 200);
    const refused = await withScheme('JWT');
    assertFailure(refused, 401, 'Invalid JWT header', 'Unsupported authorization type');
    assert.equal(refused.headers['www-authenticate'], 'Bearer realm="Login Required"');
  });
});
