// A token is believed when a request begins, and its body may come much later. What was revoked in between must not count any
// more.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { posts } from '../../src/resources/posts.ts';
import { openFor, postOf, rejects, sessionOf, userNamed } from '../support/disk/stores.ts';
import { START_MS, startServer, type TestServer } from '../support/server/server.ts';
import { Wire } from '../support/server/wire.ts';

/** A request that is known and admitted, but whose last byte has not come yet. */
async function startSlowly(server: TestServer, method: string, path: string, token: string, body: string) {
  const lines = [
    `${method} ${path} HTTP/1.1`,
    'Host: localhost',
    `Authorization: JWT ${token}`,
    'Content-Type: application/json',
    'Expect: 100-continue',
    `Content-Length: ${body.length}`,
  ];
  const wire = await Wire.open(server.port, `${lines.join('\r\n')}\r\n\r\n`);
  assert.equal((await wire.answer()).status, 100);
  wire.write(body.slice(0, -1));
  return async () => {
    wire.write(body.slice(-1));
    const { status } = await wire.answer();
    wire.end();
    return status;
  };
}

const PASSWORD = JSON.stringify({ password: 'evil' });
const POST = JSON.stringify({ title: 'Late', body: '' });

describe('PATCH, PUT and POST with a session that ends during the request', () => {
  for (const [method, path, body, status] of [
    ['PATCH', '/users/1', PASSWORD, 200],
    ['PUT', '/users/1', JSON.stringify({ username: 'matt', password: 'evil' }), 200],
    ['POST', '/users/1/posts', POST, 201],
    ['PUT', '/users/1/posts/1', POST, 200],
  ] as const) {
    it(`${method} ${path} is 401`, async (t) => {
      const server = await startServer(t);
      await server.signUp('matt');
      const [stolen, own] = [await server.signIn('matt'), await server.signIn('matt')];
      await server.call('POST', '/users/1/posts', { token: own.access, json: { title: 'First', body: '' } });
      const finish = await startSlowly(server, method, path, stolen.access, body);
      const change = { token: own.access, json: { password: 'better' } };
      const changed = await server.call('PATCH', '/users/1', change);
      assert.equal(changed.status, 200);
      assert.equal(await finish(), 401);
      const token = changed.json.access_token;
      assert.equal((await server.call('GET', '/users/1', { token })).json.posts[0].title, 'First');
      assert.equal(
        (await server.call('POST', '/auth', { json: { username: 'matt', password: 'better' } })).status,
        200,
      );
    });

    it(`${method} ${path} is ${status} if the session does not end`, async (t) => {
      const server = await startServer(t);
      await server.signUp('matt');
      const { access } = await server.signIn('matt');
      await server.call('POST', '/users/1/posts', { token: access, json: { title: 'First', body: '' } });
      const finish = await startSlowly(server, method, path, access, body);
      assert.equal(await finish(), status);
    });
  }
});

// No body is waited for here, so the time between the two is too short to hit from outside.
describe('DELETE /users/:user_id/posts/:id with a session that ends after the check of its token', () => {
  for (const [isEnded, outcome] of [
    [true, 'is refused as revoked and keeps the post'],
    [false, 'deletes the post if the session does not end'],
  ] as const) {
    it(outcome, async (t) => {
      const store = await openFor(t, 'memory:');
      const user = await store.users.create(userNamed('matt'));
      const session = await store.sessions.create(sessionOf(1, 'stolen'));
      await store.posts.create(postOf(1));
      const remove = posts({ store, now: () => START_MS }).find(({ method }) => method === 'DELETE');
      assert.ok(remove !== undefined);
      if (isEnded) await store.sessions.remove(session.id);
      const deletion = remove.handle({
        principal: { user, session, fresh: true },
        parents: {},
        params: { user_id: 1, id: 1 },
        query: {},
        body: undefined,
        client: { address: '::1', userAgent: '' },
        ifVersion: undefined,
      });
      if (isEnded) await rejects(deletion, 'token_revoked', 'Token has been revoked');
      else await deletion;
      assert.equal(await store.posts.count(), isEnded ? 1 : 0);
    });
  }
});

describe('POST /auth during a rename', () => {
  it('does not fail', async (t) => {
    const server = await startServer(t, { PASSWORD_COST: 'ln=12,r=8,p=1', HASH_CONCURRENCY: '1' });
    await server.signUp('matt');
    const { access } = await server.signIn('matt');
    const login = server.call('POST', '/auth', { json: { username: 'matt', password: 'secret' } });
    const rename = await server.call('PATCH', '/users/1', { token: access, json: { username: 'MATT' } });
    assert.deepEqual([rename.status, (await login).status], [200, 200]);
  });
});

describe('RATE_LIMIT_LOGIN with concurrent valid logins', () => {
  it('never counts them as failures', async (t) => {
    const server = await startServer(t, { RATE_LIMIT_LOGIN: '3/h' });
    await server.signUp('matt');
    const json = { username: 'matt', password: 'secret' };
    const answers = await Promise.all(
      Array.from({ length: 12 }, () => server.call('POST', '/auth', { json })),
    );
    for (const { status, headers } of answers) {
      assert.equal([200, 503].includes(status), true, `status ${status}`);
      if (status === 503) assert.equal(headers['retry-after'], '1');
    }
    assert.equal(
      answers.some(({ status }) => status === 200),
      true,
    );
    for (let count = 0; count < 5; count++) {
      assert.equal((await server.call('POST', '/auth', { json })).status, 200);
    }
  });
});
