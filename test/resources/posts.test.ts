// /users/:user_id/posts: everything under it is that user's alone.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assertFailure, assertFields, assertHas, assertUnauthorized } from '../support/server/answers.ts';
import { createPerson } from '../support/server/person.ts';
import { type CallOptions, startServer } from '../support/server/server.ts';

const CREATED = 'Mon, 23 Nov 2026 12:00:00 -0000';
const TITLE = 'must be 1 to 200 characters long';
const SURROGATE = 'must not contain a lone surrogate';
const STRING = 'must be a string';
const NOT_THERE = ['Not Found', 'There is no such post'] as const;

function shown(value: unknown): string {
  const json = JSON.stringify(value);
  return json.length > 40 ? `${json.slice(0, 30)}… (${json.length} characters)` : json;
}

describe('POST /users/:user_id/posts', () => {
  it('creates a post and sends its Location', async (t) => {
    const server = await startServer(t);
    await server.signUp('elie');
    const matt = await createPerson(server, 'matt');
    const json = { title: 'First', body: 'Hello' };
    const { status, headers, json: post } = await matt.call('POST', '/users/2/posts', { json });
    assert.equal(status, 201);
    assert.equal(headers.location, '/users/2/posts/1');
    const user = { id: 2, username: 'matt' };
    assertHas(post, { id: 1, ...json, created: CREATED, updated: CREATED, user });
    assert.deepEqual((await matt.call('GET', '/users/2/posts/1')).json, post);
  });

  it('accepts a form, and ignores undeclared fields', async (t) => {
    const server = await startServer(t);
    await server.signUp('elie');
    const matt = await createPerson(server, 'matt');
    const form = { title: 'a=b&c', body: 'é + ü', id: '9', user_id: '1', created: 'never' };
    const { json } = await matt.call('POST', matt.posts, { form });
    const user = { id: 2, username: 'matt' };
    assertHas(json, {
      id: 1,
      title: 'a=b&c',
      body: 'é + ü',
      created: CREATED,
      updated: CREATED,
      user,
    });
  });

  const good: [field: 'title' | 'body', value: string, reason: string][] = [
    ['title', 't', 'one character'],
    ['title', 't'.repeat(200), 'two hundred'],
    ['title', '😀'.repeat(200), 'two hundred characters of two code units each'],
    ['title', ' ', 'white space alone'],
    ['title', 'e\u0301', 'what could be put together stays apart'],
    ['title', 'a\r\nb\0', 'control characters'],
    ['body', '', 'empty'],
    ['body', 'b'.repeat(60_000), 'long'],
    ['body', '</script>\u2028\0😀', 'any text'],
  ];
  for (const [field, value, reason] of good) {
    it(`accepts the ${field} ${shown(value)}: ${reason}`, async (t) => {
      const server = await startServer(t);
      const matt = await createPerson(server, 'matt');
      const path = await matt.post(...(field === 'title' ? [value] : ['A title', value]));
      assert.equal((await matt.call('GET', path)).json[field], value);
    });
  }

  const bad: [json: object, fields: Record<string, string>, reason: string][] = [
    [{}, { title: 'is required', body: 'is required' }, 'nothing'],
    [{ title: 'T' }, { body: 'is required' }, 'no body'],
    [{ body: 'B' }, { title: 'is required' }, 'no title'],
    [{ title: '', body: 'B' }, { title: TITLE }, 'an empty title'],
    [{ title: 't'.repeat(201), body: 'B' }, { title: TITLE }, '201 characters'],
    [{ title: '😀'.repeat(201), body: 'B' }, { title: TITLE }, '201 characters of two code units each'],
    [{ title: 'e\u0301'.repeat(101), body: 'B' }, { title: TITLE }, '202 code points'],
    [{ title: null, body: null }, { title: STRING, body: STRING }, 'null'],
    [{ title: 1, body: ['B'] }, { title: STRING, body: STRING }, 'a number and a list'],
    [{ title: '\ud800', body: 'x\udc00' }, { title: SURROGATE, body: SURROGATE }, 'half a character'],
    [{ title: '', body: {} }, { title: TITLE, body: STRING }, 'an empty title, and an object'],
  ];
  for (const [json, fields, reason] of bad) {
    it(`rejects ${reason}, and so does PUT`, async (t) => {
      const server = await startServer(t);
      const matt = await createPerson(server, 'matt');
      assertFields(await matt.call('POST', matt.posts, { json }), fields);
      const path = await matt.post();
      assertFields(await matt.call('PUT', path, { json }), fields);
      assert.equal((await matt.call('GET', path)).json.title, 'A title');
      assert.equal((await matt.call('GET', matt.posts)).json.length, 1);
    });
  }

  it('rejects a body larger than MAX_BODY', async (t) => {
    const server = await startServer(t, { MAX_BODY: '100' });
    const matt = await createPerson(server, 'matt');
    const fitting = { title: 'T', body: 'b'.repeat(100 - '{"title":"T","body":""}'.length) };
    assert.equal((await matt.call('POST', matt.posts, { json: fitting })).status, 201);
    const json = { ...fitting, body: `${fitting.body}b` };
    const answer = await matt.call('POST', matt.posts, { json });
    assertFailure(answer, 413, 'Content Too Large', 'The body is larger than 100 bytes');
    assert.equal((await matt.call('GET', matt.posts)).json.length, 1);
  });
});

describe('PUT and PATCH /users/:user_id/posts/:id', () => {
  it('PUT replaces title and body, and moves `updated` alone', async (t) => {
    const server = await startServer(t);
    const matt = await createPerson(server, 'matt');
    const path = await matt.post('First', 'Hello');
    server.clock.ms += 90_000;
    const { status, json } = await matt.call('PUT', path, { json: { title: 'Second', body: '' } });
    assert.equal(status, 200);
    const updated = 'Mon, 23 Nov 2026 12:01:30 -0000';
    const user = { id: 1, username: 'matt' };
    assertHas(json, { id: 1, title: 'Second', body: '', created: CREATED, updated, user });
    assert.deepEqual((await matt.call('GET', path)).json, json);
  });

  it('PATCH changes the given fields and nothing else', async (t) => {
    const server = await startServer(t);
    const matt = await createPerson(server, 'matt');
    const path = await matt.post('First', 'Hello');
    const patch = async (options: CallOptions) => {
      const { status, json } = await matt.call('PATCH', path, options);
      assert.equal(status, 200);
      return [json.title, json.body];
    };
    assert.deepEqual(await patch({ json: { title: 'Second' } }), ['Second', 'Hello']);
    assert.deepEqual(await patch({ json: { body: '' } }), ['Second', '']);
    assert.deepEqual(await patch({ form: { title: 'Third', body: 'Bye', user_id: '2' } }), ['Third', 'Bye']);
  });

  it('PATCH without any of the fields is 400 and lists each; a bad field is listed alone', async (t) => {
    const server = await startServer(t);
    const matt = await createPerson(server, 'matt');
    const path = await matt.post('First', 'Hello');
    for (const options of [{}, { json: {} }, { json: { id: 5, text: 'x' } }] satisfies CallOptions[]) {
      const { status, json } = await matt.call('PATCH', path, options);
      assert.equal(status, 400);
      assert.match(json.fields.title, /^is required unless body (or .*)?is given$/);
      assert.match(json.fields.body, /^is required unless title (or .*)?is given$/);
    }
    assertFields(await matt.call('PATCH', path, { json: { title: '' } }), { title: TITLE });
    assertFields(await matt.call('PATCH', path, { json: { title: 'Fine', body: 1 } }), { body: STRING });
    const { json } = await matt.call('GET', path);
    assert.deepEqual([json.title, json.body], ['First', 'Hello']);
  });
});

describe('DELETE /users/:user_id/posts/:id', () => {
  it('deletes this post and no other, and its id is never reused', async (t) => {
    const server = await startServer(t);
    const matt = await createPerson(server, 'matt');
    const [first, second] = [await matt.post('First'), await matt.post('Second')];
    const { status, text } = await matt.call('DELETE', second);
    assert.deepEqual([status, text], [204, '']);
    assertFailure(await matt.call('DELETE', second), 404, ...NOT_THERE);
    assert.equal((await matt.call('GET', first)).status, 200);
    assert.equal(await matt.post('Third'), '/users/1/posts/3');
  });
});

describe('Access to /users/:user_id/posts and /users/:user_id/posts/:id', () => {
  const calls: [method: string, options: CallOptions][] = [
    ['GET', {}],
    ['PUT', { json: { title: 'T', body: 'B' } }],
    ['PATCH', { json: { title: 'T' } }],
    ['DELETE', {}],
  ];
  for (const [method, options] of calls) {
    it(`${method} of a post: 401 without a token, 403 with another user's, 404 if it isn't theirs`, async (t) => {
      const server = await startServer(t);
      const matt = await createPerson(server, 'matt');
      const elie = await createPerson(server, 'elie');
      const path = await matt.post('First', 'Hello');
      const before = (await matt.call('GET', path)).json;
      const missingToken = await server.call(method, path, options);
      assertUnauthorized(missingToken, 'Authorization Required', 'Request does not contain an access token');
      const forbidden = ['Forbidden', 'This belongs to another user'] as const;
      assertFailure(await elie.call(method, path, options), 403, ...forbidden);
      assertFailure(await elie.call(method, '/users/1/posts/99', options), 403, ...forbidden);
      assertFailure(await elie.call(method, '/users/2/posts/1', options), 404, ...NOT_THERE);
      assertFailure(await elie.call(method, '/users/2/posts/99', options), 404, ...NOT_THERE);
      assert.deepEqual((await matt.call('GET', path)).json, before);
      assert.ok((await matt.call(method, path, options)).status < 300);
    });
  }

  for (const method of ['GET', 'POST']) {
    it(`${method} of the list: 401 without a token, 403 with another user's`, async (t) => {
      const server = await startServer(t);
      const matt = await createPerson(server, 'matt');
      const elie = await createPerson(server, 'elie');
      const options = method === 'POST' ? { json: { title: 'T', body: 'B' } } : {};
      assert.equal((await server.call(method, matt.posts, options)).status, 401);
      assert.equal((await elie.call(method, matt.posts, options)).status, 403);
      assert.deepEqual((await matt.call('GET', matt.posts)).json, []);
      assert.ok((await matt.call(method, matt.posts, options)).status < 300);
    });
  }

  it('two users see their own posts each', async (t) => {
    const server = await startServer(t);
    const matt = await createPerson(server, 'matt');
    const elie = await createPerson(server, 'elie');
    for (const [person, title] of [
      [matt, 'm1'],
      [elie, 'e1'],
      [matt, 'm2'],
    ] as const) {
      await person.post(title);
    }
    const titlesOf = async (person: typeof matt) =>
      (await person.call('GET', person.posts)).json.map(({ title }: { title: string }) => title);
    assert.deepEqual(await titlesOf(matt), ['m1', 'm2']);
    assert.deepEqual(await titlesOf(elie), ['e1']);
  });
});

describe('GET /users/:user_id/posts/:id of a post serialized before', () => {
  it('returns every change to the post and to its user immediately', async (t) => {
    const server = await startServer(t);
    const matt = await createPerson(server, 'matt');
    await matt.post('One');
    const read = async () => {
      const { json, headers } = await matt.call('GET', `${matt.posts}/1`);
      return { title: json.title, username: json.user.username, tag: headers.etag };
    };
    const first = await read();
    assert.deepEqual(await read(), first);
    await matt.call('PATCH', `${matt.posts}/1`, { json: { title: 'Two' } });
    const second = await read();
    await matt.call('PATCH', matt.path, { json: { username: 'matthew' } });
    const third = await read();
    await matt.call('PATCH', `${matt.posts}/1`, { json: { title: 'One' } });
    await matt.call('PATCH', matt.path, { json: { username: 'matt' } });
    const fourth = await read();
    assert.deepEqual(
      [first, second, third, fourth].map(({ title, username }) => `${title} ${username}`),
      ['One matt', 'Two matt', 'Two matthew', 'One matt'],
    );
    assert.equal(new Set([first.tag, second.tag, third.tag]).size, 3);
  });

  it('is 404 after the post is deleted', async (t) => {
    const server = await startServer(t);
    const matt = await createPerson(server, 'matt');
    await matt.post('One');
    await matt.call('GET', `${matt.posts}/1`);
    await matt.call('DELETE', `${matt.posts}/1`);
    assertFailure(await matt.call('GET', `${matt.posts}/1`), 404, ...NOT_THERE);
  });
});
