// The tutorial that this server comes from: each of its requests, and each of its mistakes made good.

import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import {
  assertFailure,
  assertFields,
  assertHas,
  assertUnauthorized,
  partsOf,
} from '../support/server/answers.ts';
import { createPerson } from '../support/server/person.ts';
import { START_MS, startServer } from '../support/server/server.ts';

const CREATED = 'Mon, 23 Nov 2026 12:00:00 -0000';

async function startWithUsers(t: TestContext) {
  const server = await startServer(t);
  for (const [username, password] of [
    ['matt', 'foo'],
    ['elie', 'bar'],
    ['tim', 'baz'],
  ] as const) {
    await server.signUp(username, password);
  }
  return server;
}

describe('The tutorial: a user API', () => {
  it('GET /users lists ids and usernames, and no passwords', async (t) => {
    const { call } = await startWithUsers(t);
    const { status, json } = await call('GET', '/users');
    assert.equal(status, 200);
    assertHas(json, [
      { id: 1, username: 'matt' },
      { id: 2, username: 'elie' },
      { id: 3, username: 'tim' },
    ]);
  });

  it('POST /users creates a user', async (t) => {
    const { call } = await startWithUsers(t);
    const { status, headers, json } = await call('POST', '/users', {
      body: '{"username": "janey", "password": "boom"}',
      headers: { 'Content-Type': 'application/json' },
    });
    assert.equal(status, 201);
    assert.equal(headers.location, '/users/4');
    assertHas(json, { id: 4, username: 'janey', created: CREATED, posts: [] });
    assertHas((await call('GET', '/users?after=3')).json, [{ id: 4, username: 'janey' }]);
  });
});

describe('The tutorial: working with JWTs', () => {
  it('POST /auth with invalid credentials returns the JSON of the tutorial', async (t) => {
    const { call } = await startWithUsers(t);
    const { status, json } = await call('POST', '/auth', {
      body: '{"username": "matt", "password": "alwkjef"}',
      headers: { 'Content-Type': 'application/json' },
    });
    assert.equal(status, 401);
    assertHas(json, { description: 'Invalid credentials', error: 'Bad Request', status_code: 401 });
  });

  it('POST /auth with valid credentials returns a token with the header and payload of the tutorial', async (t) => {
    const { call } = await startWithUsers(t);
    const { status, json } = await call('POST', '/auth', {
      body: '{"username": "matt", "password": "foo"}',
      headers: { 'Content-Type': 'application/json' },
    });
    assert.equal(status, 200);
    const { header, payload } = partsOf(json.access_token);
    assert.equal(header.typ, 'JWT');
    assert.equal(header.alg, 'HS256');
    const { identity, nbf, iat, exp } = payload;
    const seconds = START_MS / 1000;
    assert.deepEqual(
      { identity, nbf, iat, exp },
      { identity: 1, nbf: seconds, iat: seconds, exp: seconds + 300 },
    );
  });

  it('GET /users/:id with `Authorization: JWT <token>` returns the caller', async (t) => {
    const { call, signIn } = await startWithUsers(t);
    const { access } = await signIn('matt', 'foo');
    const { status, json } = await call('GET', '/users/1', { headers: { Authorization: `JWT ${access}` } });
    assert.equal(status, 200);
    assertHas(json, { id: 1, username: 'matt', created: CREATED, posts: [] });
    assertUnauthorized(
      await call('GET', '/users/1'),
      'Authorization Required',
      'Request does not contain an access token',
    );
  });

  for (const method of ['PATCH', 'PUT']) {
    it(`${method} /users/:id changes one's own name and password`, async (t) => {
      const { call, signIn } = await startWithUsers(t);
      const { access } = await signIn('matt', 'foo');
      const credentials = { username: 'matthew', password: 'new' };
      const { status, json } = await call(method, '/users/1', { token: access, json: credentials });
      assert.equal(status, 200);
      assertHas(json, { id: 1, username: 'matthew', created: CREATED, posts: [] });
      assert.equal((await call('POST', '/auth', { json: credentials })).status, 200);
      assert.equal(
        (await call('POST', '/auth', { json: { username: 'matt', password: 'foo' } })).status,
        401,
      );
    });
  }
});

describe('The tutorial: a 1:M relationship', () => {
  it('POST /signup creates a user, from JSON and from a form', async (t) => {
    const { call } = await startServer(t);
    const fromJson = await call('POST', '/signup', { json: { username: 'matt', password: 'foo' } });
    assert.equal(fromJson.status, 201);
    assert.equal(fromJson.headers.location, '/users/1');
    const fromForm = await call('POST', '/signup', { form: { username: 'elie', password: 'bar' } });
    assert.equal(fromForm.status, 201);
    assertHas(fromForm.json, { id: 2, username: 'elie', created: CREATED, posts: [] });
  });

  it('posts are created, listed, read, replaced and deleted', async (t) => {
    const server = await startServer(t);
    const matt = await createPerson(server, 'matt', 'foo');
    const post = { id: 1, title: 'First', body: 'Hello', created: CREATED, updated: CREATED };
    const shown = { ...post, user: { id: 1, username: 'matt' } };

    const created = await matt.call('POST', '/users/1/posts', { json: { title: 'First', body: 'Hello' } });
    assert.equal(created.status, 201);
    assert.equal(created.headers.location, '/users/1/posts/1');
    assertHas(created.json, shown);

    assert.deepEqual((await matt.call('GET', '/users/1/posts')).json, [created.json]);
    assert.deepEqual((await matt.call('GET', '/users/1/posts/1')).json, created.json);
    assert.deepEqual((await matt.call('GET', '/users/1')).json.posts, [created.json]);

    server.clock.ms += 5_000;
    const replaced = await matt.call('PUT', '/users/1/posts/1', { json: { title: 'Second', body: 'Bye' } });
    assert.equal(replaced.status, 200);
    assertHas(replaced.json, {
      ...shown,
      title: 'Second',
      body: 'Bye',
      updated: 'Mon, 23 Nov 2026 12:00:05 -0000',
    });
    assert.deepEqual((await matt.call('GET', '/users/1/posts/1')).json, replaced.json);

    const deleted = await matt.call('DELETE', '/users/1/posts/1');
    assert.equal(deleted.status, 204);
    assert.equal(deleted.text, '');
    assert.equal((await matt.call('GET', '/users/1/posts/1')).status, 404);
    assert.deepEqual((await matt.call('GET', '/users/1/posts')).json, []);
  });

  it('DELETE /users/:id deletes the caller', async (t) => {
    const server = await startWithUsers(t);
    const { access } = await server.signIn('matt', 'foo');
    const { status, text } = await server.call('DELETE', '/users/1', { token: access });
    assert.equal(status, 204);
    assert.equal(text, '');
    assert.deepEqual(
      (await server.call('GET', '/users')).json.map(({ id }: { id: number }) => id),
      [2, 3],
    );
  });
});

describe('The tutorial: its mistakes, corrected', () => {
  it('POST /auth for an unknown user is a refused login, not a crash', async (t) => {
    const { call } = await startWithUsers(t);
    const answer = await call('POST', '/auth', { json: { username: 'nobody', password: 'foo' } });
    assertUnauthorized(answer, 'Bad Request', 'Invalid credentials');
  });

  it("GET /users/:id checks the path's id: another user's is 403, not the caller", async (t) => {
    const { call, signIn } = await startWithUsers(t);
    const { access } = await signIn('matt', 'foo');
    for (const path of ['/users/2', '/users/2/posts']) {
      assertFailure(
        await call('GET', path, { token: access }),
        403,
        'Forbidden',
        'This belongs to another user',
      );
    }
    assert.equal((await call('GET', '/users/1', { token: access })).json.id, 1);
  });

  it('PATCH, PUT and DELETE /users/:id of another user do not change the caller', async (t) => {
    const { call, signIn } = await startWithUsers(t);
    const { access } = await signIn('matt', 'foo');
    const json = { username: 'hacked', password: 'hacked' };
    for (const method of ['PATCH', 'PUT']) {
      assert.equal((await call(method, '/users/2', { token: access, json })).status, 403);
    }
    assert.equal((await call('DELETE', '/users/2', { token: access })).status, 403);
    const names = (await call('GET', '/users')).json.map(({ username }: { username: string }) => username);
    assert.deepEqual(names, ['matt', 'elie', 'tim']);
  });

  it('POST /users/:user_id/posts needs a token, and that of the user in the path', async (t) => {
    const { call, signIn } = await startWithUsers(t);
    const matt = await signIn('matt', 'foo');
    const elie = await signIn('elie', 'bar');
    const json = { title: 'Not mine', body: '' };
    assert.equal((await call('POST', '/users/2/posts', { json })).status, 401);
    assert.equal((await call('POST', '/users/2/posts', { json, token: matt.access })).status, 403);
    assert.deepEqual((await call('GET', '/users/2/posts', { token: elie.access })).json, []);
    assert.equal((await call('POST', '/users/2/posts', { json, token: elie.access })).status, 201);
  });

  it("another user's post cannot be read, changed or deleted, under either user's path", async (t) => {
    const server = await startServer(t);
    const matt = await createPerson(server, 'matt');
    const elie = await createPerson(server, 'elie');
    const path = await elie.post('Secret', 'Diary');
    const { json: before } = await elie.call('GET', path);
    const json = { title: 'Hacked', body: '' };
    for (const method of ['GET', 'PUT', 'PATCH', 'DELETE']) {
      const options = method === 'GET' || method === 'DELETE' ? {} : { json };
      assert.equal((await matt.call(method, path, options)).status, 403);
      const underOwnAddress = await matt.call(method, `${matt.posts}/${before.id}`, options);
      assertFailure(underOwnAddress, 404, 'Not Found', 'There is no such post');
    }
    assert.deepEqual((await elie.call('GET', path)).json, before);
  });

  it('POST /signup with a taken name is 409 in the error shape, not 200 with a string', async (t) => {
    const { call } = await startWithUsers(t);
    for (const path of ['/signup', '/users']) {
      const answer = await call('POST', path, { json: { username: 'matt', password: 'other' } });
      assertFailure(answer, 409, 'Conflict', 'Username already exists');
    }
    assert.equal((await call('GET', '/users')).json.length, 3);
    assert.equal((await call('POST', '/auth', { json: { username: 'matt', password: 'foo' } })).status, 200);
  });

  it('PUT /users/:id writes the username, and ignores a field "name"', async (t) => {
    const server = await startServer(t);
    const matt = await createPerson(server, 'matt', 'foo');
    const wrong = await matt.call('PUT', matt.path, { json: { name: 'matthew', password: 'foo' } });
    assertFields(wrong, { username: 'is required' });
    const right = await matt.call('PUT', matt.path, { json: { username: 'matthew', password: 'foo' } });
    assert.equal(right.json.username, 'matthew');
    assert.equal('name' in right.json, false);
    assertHas((await server.call('GET', '/users')).json, [{ id: 1, username: 'matthew' }]);
  });

  it('PUT of a post writes title and body, and POST without them is 400', async (t) => {
    const server = await startServer(t);
    const matt = await createPerson(server, 'matt');
    const wrong = { title: 'is required', body: 'is required' };
    assertFields(await matt.call('POST', matt.posts, { json: { name: 'First' } }), wrong);
    const path = await matt.post('First', 'Hello');
    assertFields(await matt.call('PUT', path, { json: { name: 'Second' } }), wrong);
    assert.equal((await matt.call('GET', path)).json.title, 'First');
  });

  it("a deleted user's tokens are refused, also once the name is taken again", async (t) => {
    const server = await startServer(t);
    const matt = await createPerson(server, 'matt', 'foo');
    assert.equal((await matt.call('GET', '/auth')).status, 200);
    await matt.call('DELETE', matt.path);
    for (const again of [false, true]) {
      if (again) await server.signUp('matt', 'foo');
      assertUnauthorized(await matt.call('GET', '/auth'), 'Invalid JWT', 'User does not exist');
      const refreshed = await server.call('POST', '/auth/refresh', { json: { refresh_token: matt.refresh } });
      assertUnauthorized(refreshed, 'Invalid JWT', 'User does not exist');
    }
  });
});
