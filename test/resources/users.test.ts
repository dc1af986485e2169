// /users and /users/:id: the list that anyone sees, and the user who is there for that user alone.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { temporaryFolder } from '../support/disk/temporary-folder.ts';
import { assertFailure, assertFields, assertHas } from '../support/server/answers.ts';
import { createPerson } from '../support/server/person.ts';
import { type CallOptions, startServer } from '../support/server/server.ts';

const CREATED = 'Mon, 23 Nov 2026 12:00:00 -0000';
const NEW = { username: 'matthew', password: 'new' };

describe('GET /users', () => {
  it('lists ids and usernames for anyone, ascending by id', async (t) => {
    const { call, signUp } = await startServer(t);
    assert.deepEqual((await call('GET', '/users')).json, []);
    for (const username of ['tim', 'elie', 'matt']) await signUp(username);
    const { status, json } = await call('GET', '/users');
    assert.equal(status, 200);
    assertHas(json, [
      { id: 1, username: 'tim' },
      { id: 2, username: 'elie' },
      { id: 3, username: 'matt' },
    ]);
  });

  it('ignores a token, a bad one too', async (t) => {
    const { call } = await startServer(t);
    assert.equal((await call('GET', '/users', { token: 'junk' })).status, 200);
  });
});

describe('GET /users/:id', () => {
  it('returns the caller with a page of posts', async (t) => {
    const server = await startServer(t);
    const matt = await createPerson(server, 'matt');
    await matt.post('First', 'Hello');
    const { status, json } = await matt.call('GET', '/users/1');
    assert.equal(status, 200);
    const post = { id: 1, title: 'First', body: 'Hello', created: CREATED, updated: CREATED };
    const posts = [{ ...post, user: { id: 1, username: 'matt' } }];
    assertHas(json, { id: 1, username: 'matt', created: CREATED, posts });
  });

  it('shows the new name in the posts as well', async (t) => {
    const server = await startServer(t);
    const matt = await createPerson(server, 'matt');
    const path = await matt.post();
    await matt.call('PATCH', matt.path, { json: { username: 'matthew' } });
    const user = { id: 1, username: 'matthew' };
    assert.deepEqual((await matt.call('GET', matt.path)).json.posts[0].user, user);
    assert.deepEqual((await matt.call('GET', path)).json.user, user);
    assert.deepEqual((await matt.call('GET', matt.posts)).json[0].user, user);
  });
});

describe('PUT and PATCH /users/:id', () => {
  for (const method of ['PUT', 'PATCH']) {
    it(`${method} changes name and password, and answers as GET does`, async (t) => {
      const server = await startServer(t);
      const matt = await createPerson(server, 'matt');
      for (let count = 0; count < 51; count++) await matt.post(`Post ${count}`);
      const changed = await matt.call(method, matt.path, { json: NEW });
      const read = await matt.call('GET', matt.path);
      assert.equal(changed.status, 200);
      assert.equal(changed.json.username, 'matthew');
      assert.equal(changed.json.posts.length, 50);
      assertHas(changed.json, read.json);
      assert.equal(changed.headers.etag, read.headers.etag);
      assert.equal(changed.headers.link, read.headers.link);
      assert.equal((await server.call('POST', '/auth', { json: NEW })).status, 200);
      const old = { username: 'matt', password: 'secret' };
      assert.equal((await server.call('POST', '/auth', { json: old })).status, 401);
    });

    it(`${method} accepts a form`, async (t) => {
      const server = await startServer(t);
      const matt = await createPerson(server, 'matt');
      assert.equal((await matt.call(method, matt.path, { form: NEW })).json.username, 'matthew');
    });

    it(`${method} accepts another spelling of the user's own name, but no other user's name`, async (t) => {
      const server = await startServer(t);
      const matt = await createPerson(server, 'matt');
      await server.signUp('elie');
      const rename = (username: string) =>
        matt.call(method, matt.path, { json: { username, password: 'secret' } });
      assert.equal((await rename('MATT')).json.username, 'MATT');
      assertFailure(await rename('ELIE'), 409, 'Conflict', 'Username already exists');
      const names = (await server.call('GET', '/users')).json.map(
        (user: { username: string }) => user.username,
      );
      assert.deepEqual(names, ['MATT', 'elie']);
    });

    it(`${method} answered with 409 keeps the password and the other sessions`, async (t) => {
      const server = await startServer(t);
      const matt = await createPerson(server, 'matt');
      const other = await server.signIn('matt');
      await server.signUp('elie');
      const json = { username: 'elie', password: 'new' };
      assert.equal((await matt.call(method, matt.path, { json })).status, 409);
      assert.equal((await server.call('GET', '/auth', { token: other.access })).status, 200);
      const login = { username: 'matt', password: 'secret' };
      assert.equal((await server.call('POST', '/auth', { json: login })).status, 200);
    });

    it(`${method} names every bad field`, async (t) => {
      const server = await startServer(t);
      const matt = await createPerson(server, 'matt');
      const fields = {
        username: 'must not start or end with white space',
        password: 'must not contain U+0000',
      };
      assertFields(await matt.call(method, matt.path, { json: { username: ' x', password: '\0' } }), fields);
      const one = await matt.call(method, matt.path, { json: { username: 5, password: 'fine' } });
      assertFields(one, { username: 'must be a string' });
      assert.equal((await matt.call('GET', matt.path)).json.username, 'matt');
    });
  }

  it('PUT requires both fields', async (t) => {
    const server = await startServer(t);
    const matt = await createPerson(server, 'matt');
    const required = 'is required';
    assertFields(await matt.call('PUT', matt.path, { json: { username: 'm' } }), { password: required });
    assertFields(await matt.call('PUT', matt.path, { json: { password: 'p' } }), { username: required });
    const neither = { username: required, password: required };
    for (const options of [{}, { json: {} }, { json: { name: 'm' } }] satisfies CallOptions[]) {
      assertFields(await matt.call('PUT', matt.path, options), neither);
    }
  });

  it('PATCH changes the given fields only, and without any field lists them all', async (t) => {
    const server = await startServer(t);
    const matt = await createPerson(server, 'matt', 'old');
    const canLogin = async (username: string, password: string) =>
      (await server.call('POST', '/auth', { json: { username, password } })).status === 200;
    assert.equal((await matt.call('PATCH', matt.path, { json: { username: 'matthew' } })).status, 200);
    assert.ok(await canLogin('matthew', 'old'));
    assert.equal((await matt.call('PATCH', matt.path, { json: { password: 'new' } })).status, 200);
    assert.ok(await canLogin('matthew', 'new'));
    assert.equal(await canLogin('matthew', 'old'), false);

    for (const options of [
      {},
      { json: {} },
      { json: { id: 5 } },
      { form: { x: 'y' } },
    ] satisfies CallOptions[]) {
      const { status, json } = await matt.call('PATCH', matt.path, options);
      assert.equal(status, 400);
      assert.match(json.fields.username, /^is required unless .*password/);
      assert.match(json.fields.password, /^is required unless .*username/);
    }
    assertFields(await matt.call('PATCH', matt.path, { json: { username: null } }), {
      username: 'must be a string',
    });
  });

  it('cannot change the id, the time or the posts', async (t) => {
    const server = await startServer(t);
    const matt = await createPerson(server, 'matt');
    const json = { username: 'matthew', id: 5, created: 'never', posts: [], password_hash: 'x', version: 99 };
    const { json: user } = await matt.call('PATCH', matt.path, { json });
    assertHas(user, { id: 1, username: 'matthew', created: CREATED, posts: [] });
    assert.equal('version' in user, false);
    const login = { username: 'matthew', password: 'secret' };
    assert.equal((await server.call('POST', '/auth', { json: login })).status, 200);
  });
});

describe('DELETE /users/:id', () => {
  it('deletes the posts and sessions too', async (t) => {
    const server = await startServer(t);
    const matt = await createPerson(server, 'matt');
    const elie = await createPerson(server, 'elie');
    for (const person of [matt, elie, matt]) await person.post();
    await server.signIn('matt');
    const { status, text } = await matt.call('DELETE', matt.path);
    assert.deepEqual([status, text], [204, '']);
    assertHas((await server.call('GET', '/users')).json, [{ id: 2, username: 'elie' }]);
    const counts = (await server.call('GET', '/metrics')).text.match(/^jot_(users|posts|sessions) \d+$/gm);
    assert.deepEqual(counts, ['jot_users 1', 'jot_posts 1', 'jot_sessions 1']);
    assert.equal((await elie.call('GET', `${elie.posts}/2`)).status, 200);
  });

  it('never reuses an id, not even after a restart', async (t) => {
    const settings = { DATABASE_URL: `file:${temporaryFolder(t)}/jot.jsonl` };
    const before = await startServer(t, settings);
    await createPerson(before, 'matt');
    const elie = await createPerson(before, 'elie');
    await elie.post();
    await elie.call('DELETE', elie.path);
    assert.equal(await before.signUp('tim'), 3);
    const tim = await before.signIn('tim');
    await before.call('DELETE', '/users/3', { token: tim.access });
    await before.close();

    const after = await startServer(t, settings);
    const again = await createPerson(after, 'elie');
    assert.equal(again.id, 4);
    assert.equal(await again.post(), '/users/4/posts/2');
    await after.close();
  });
});

describe('Response bodies: passwords and their hashes', () => {
  it('appear in no response', async (t) => {
    const server = await startServer(t);
    const password = 'pass-4711-word';
    const texts: string[] = [];
    const keep = async (answer: ReturnType<typeof server.call>) => {
      const { text, headers } = await answer;
      texts.push(text, JSON.stringify(headers));
    };
    const json = { username: 'matt', password };
    await keep(server.call('POST', '/users', { json }));
    await keep(server.call('POST', '/users', { json }));
    await keep(server.call('POST', '/auth', { json }));
    const { access } = await server.signIn('matt', password);
    for (const path of ['/users', '/users/1', '/users/1/posts', '/auth', '/auth/sessions', '/metrics']) {
      await keep(server.call('GET', path, { token: access }));
    }
    await keep(server.call('PUT', '/users/1', { json, token: access }));
    await keep(server.call('PATCH', '/users/1', { json: { password }, token: access }));
    await keep(server.call('PATCH', '/users/1', { json: { password: `${password}\0` }, token: access }));
    for (const text of texts) assert.doesNotMatch(text, /pass-4711-word|\$scrypt|password_hash/i);
    assert.equal(texts.length, 24);
  });
});
