// ETag, If-None-Match and If-Match on users and posts.

import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { assertFailure, headerOf, nextOf } from '../support/server/answers.ts';
import { createPerson, type Person } from '../support/server/person.ts';
import { type Answer, startServer } from '../support/server/server.ts';

const STALE = ['Precondition Failed', 'The resource does not match the condition; fetch it again'] as const;
const WEAKENED = [
  'Precondition Failed',
  'If-Match needs a strong tag; a proxy that compresses weakens it',
] as const;
const STRONG = /^"[\x21\x23-\x7e]+"$/;

async function startWithPost(t: TestContext, settings: Record<string, string> = {}) {
  const server = await startServer(t, settings);
  const matt = await createPerson(server, 'matt');
  return { server, matt, path: await matt.post('First', 'Hello') };
}

async function tagOf(person: Person, path: string): Promise<string> {
  return headerOf(await person.call('GET', path), 'etag');
}

/** The lists of tags that hold this one, and those that don't; by strong comparison, or by weak. */
function listsWith(tag: string) {
  return {
    both: [tag, `"x", ${tag}`, `${tag},"x"`, `"x" , W/"y",\t${tag}`, '*'],
    weakOnly: [`W/${tag}`, `"x", W/${tag}`],
    neither: ['"x"', 'W/"x"', '""', tag.slice(1, -1), `"x${tag.slice(1)}`, ''],
  };
}

function assertNotModified(answer: Answer, tag: string): void {
  assert.equal(answer.status, 304);
  assert.equal(answer.text, '');
  assert.equal(answer.headers.etag, tag);
  assert.equal(answer.headers['content-length'], undefined);
  assert.ok(answer.headers['cache-control'] !== undefined);
}

describe('ETag', () => {
  it('is sent with every 200 of users and posts, strong, and with nothing else', async (t) => {
    const { server, matt, path } = await startWithPost(t);
    const user = { username: 'matt', password: 'secret' };
    const post = { title: 'T', body: 'B' };
    const tagged: [string, string, object?][] = [
      ['GET', '/users'],
      ['GET', matt.path],
      ['GET', matt.posts],
      ['GET', path],
      ['HEAD', path],
      ['PUT', matt.path, user],
      ['PATCH', matt.path, user],
      ['PUT', path, post],
      ['PATCH', path, post],
    ];
    for (const [method, target, json] of tagged) {
      const { status, headers } = await matt.call(method, target, json === undefined ? {} : { json });
      assert.equal(status, 200);
      assert.match(String(headers.etag), STRONG, `${method} ${target}`);
    }
    const untagged = [
      await matt.call('POST', matt.posts, { json: post }),
      await server.call('POST', '/users', { json: { username: 'elie', password: 'x' } }),
      await matt.call('GET', '/users/1/posts/99'),
      await matt.call('DELETE', path),
    ];
    for (const { headers } of untagged) assert.equal(headers.etag, undefined);
  });

  it('changes with the content, and only with it', async (t) => {
    const { server, matt, path } = await startWithPost(t);
    const before = await tagOf(matt, path);
    assert.equal(await tagOf(matt, path), before);
    server.clock.ms += 1_000;
    const { headers } = await matt.call('PUT', path, { json: { title: 'First', body: 'Hello!' } });
    assert.notEqual(headers.etag, before);
    assert.equal(await tagOf(matt, path), headers.etag);
  });
});

describe('If-None-Match', () => {
  for (const name of ['/users', '/users/:id', '/users/:id/posts', '/users/:id/posts/:id']) {
    it(`of ${name} is 304 for the current tag, compared weakly, and 200 for any other`, async (t) => {
      const { matt } = await startWithPost(t);
      const path = name.replaceAll(':id', '1');
      const tag = await tagOf(matt, path);
      const { both, weakOnly, neither } = listsWith(tag);
      for (const list of [...both, ...weakOnly]) {
        assertNotModified(await matt.call('GET', path, { headers: { 'If-None-Match': list } }), tag);
      }
      for (const list of neither) {
        const answer = await matt.call('GET', path, { headers: { 'If-None-Match': list } });
        assert.deepEqual([list, answer.status, answer.headers.etag], [list, 200, tag]);
      }
      assertNotModified(await matt.call('HEAD', path, { headers: { 'If-None-Match': tag } }), tag);
    });
  }

  it('is 200 again after a change', async (t) => {
    const { matt, path } = await startWithPost(t);
    const tags = [await tagOf(matt, path), await tagOf(matt, matt.posts), await tagOf(matt, matt.path)];
    await matt.call('PATCH', path, { json: { body: 'Bye' } });
    for (const [index, target] of [path, matt.posts, matt.path].entries()) {
      const headers = { 'If-None-Match': tags[index] ?? '' };
      assert.equal((await matt.call('GET', target, { headers })).status, 200);
    }
  });

  it('sends the Link to a page added after the tag was sent', async (t) => {
    const { matt } = await startWithPost(t);
    for (const path of [`${matt.posts}?limit=1`, `${matt.path}?limit=1`]) {
      const before = await matt.call('GET', path);
      assert.equal(nextOf(before), null);
      const second = await matt.post('Second');
      const after = await matt.call('GET', path, { headers: { 'If-None-Match': headerOf(before, 'etag') } });
      assert.equal(nextOf(after), `${matt.posts}?limit=1&after=1`, `${path}: ${after.status}`);
      await matt.call('DELETE', second);
    }
  });

  it('is evaluated after 401, 403 and 404', async (t) => {
    const { server, matt, path } = await startWithPost(t);
    const elie = await createPerson(server, 'elie');
    const headers = { 'If-None-Match': '*', 'If-Match': '"x"' };
    assert.equal((await server.call('GET', path, { headers })).status, 401);
    assert.equal((await elie.call('GET', path, { headers })).status, 403);
    assert.equal((await matt.call('GET', '/users/1/posts/99', { headers })).status, 404);
  });
});

describe('If-Match on /users/:user_id/posts/:id', () => {
  const bodies = { PUT: { title: 'Second', body: 'Bye' }, PATCH: { title: 'Second' }, DELETE: undefined };
  for (const [method, json] of Object.entries(bodies)) {
    it(`${method} succeeds with the current tag, and is 412 with any other or a weak one`, async (t) => {
      const { matt, path } = await startWithPost(t);
      const tag = await tagOf(matt, path);
      const { both, weakOnly, neither } = listsWith(tag);
      const change = (target: string, list: string) =>
        matt.call(method, target, { ...(json && { json }), headers: { 'If-Match': list } });
      for (const list of weakOnly) assertFailure(await change(path, list), 412, ...WEAKENED);
      for (const list of neither) assertFailure(await change(path, list), 412, ...STALE);
      assert.equal(await tagOf(matt, path), tag);
      for (const list of both) {
        const other = await matt.post('First', 'Hello');
        const fitting = list.replace(tag, await tagOf(matt, other));
        assert.ok((await change(other, fitting)).status < 300, fitting);
      }
    });

    it(`${method} of a missing post is 404, whatever the condition`, async (t) => {
      const { matt } = await startWithPost(t);
      for (const headers of [{ 'If-Match': '*' }, { 'If-Match': '"x"' }, { 'If-None-Match': '*' }]) {
        const answer = await matt.call(method, '/users/1/posts/99', { ...(json && { json }), headers });
        assert.equal(answer.status, 404);
      }
    });

    it(`${method} with If-None-Match is 412 for an existing post`, async (t) => {
      const { matt, path } = await startWithPost(t);
      const tag = await tagOf(matt, path);
      for (const list of [tag, `W/${tag}`, '*']) {
        const answer = await matt.call(method, path, {
          ...(json && { json }),
          headers: { 'If-None-Match': list },
        });
        assertFailure(answer, 412, ...STALE);
      }
      const headers = { 'If-None-Match': '"x"' };
      assert.ok((await matt.call(method, path, { ...(json && { json }), headers })).status < 300);
    });
  }

  it('lets one of two changes through that are based on the same tag', async (t) => {
    const { matt, path } = await startWithPost(t);
    const headers = { 'If-Match': await tagOf(matt, path) };
    const change = (body: string) => matt.call('PATCH', path, { json: { body }, headers });
    const answers = await Promise.all(['a', 'b', 'c', 'd'].map(change));
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 412, 412, 412]);
    const winner = answers.find(({ status }) => status === 200);
    assert.equal((await matt.call('GET', path)).json.body, winner?.json.body);
  });

  it('follows a chain of changes from answer to answer', async (t) => {
    const { matt, path } = await startWithPost(t);
    let tag = await tagOf(matt, path);
    for (const body of ['one', 'two', 'three']) {
      const answer = await matt.call('PATCH', path, { json: { body }, headers: { 'If-Match': tag } });
      assert.equal(answer.status, 200);
      tag = headerOf(answer, 'etag');
    }
    assert.equal((await matt.call('DELETE', path, { headers: { 'If-Match': tag } })).status, 204);
  });

  it('is ignored by POST', async (t) => {
    const { matt } = await startWithPost(t);
    const options = { json: { title: 'T', body: 'B' }, headers: { 'If-Match': '"x"', 'If-None-Match': '*' } };
    assert.equal((await matt.call('POST', matt.posts, options)).status, 201);
  });
});

describe('If-Match on /users/:id', () => {
  const changes: [method: string, json: object | undefined][] = [
    ['PUT', { username: 'matthew', password: 'new' }],
    ['PATCH', { username: 'matthew' }],
    ['DELETE', undefined],
  ];
  for (const [method, json] of changes) {
    it(`${method} accepts the tag of any page, also one older than a new post, but no weak tag`, async (t) => {
      const { server, matt } = await startWithPost(t);
      await matt.post('Second');
      const pages = ['', '?limit=1', '?limit=1&after=1', '?order=desc', '?after=99'];
      for (const [index, page] of pages.entries()) {
        const person = index === 0 ? matt : await createPerson(server, `user ${index}`);
        const tag = await tagOf(person, `${person.path}${page}`);
        await person.post('Another');
        const body = json && { ...json, username: `${person.username} new` };
        const change = (list: string) =>
          person.call(method, person.path, { ...(body && { json: body }), headers: { 'If-Match': list } });
        assertFailure(await change(`W/${tag}`), 412, ...WEAKENED);
        assertFailure(await change('"x"'), 412, ...STALE);
        assert.ok((await change(tag)).status < 300, page);
      }
    });
  }

  it('accepts the tag of GET /auth, of a PUT and of a PATCH as well', async (t) => {
    const { matt } = await startWithPost(t);
    const rename = (username: string, tag: string) =>
      matt.call('PATCH', matt.path, { json: { username }, headers: { 'If-Match': tag } });
    const first = await rename('one', await tagOf(matt, '/auth'));
    assert.equal(first.status, 200);
    const second = await rename('two', headerOf(first, 'etag'));
    assert.equal(second.status, 200);
    const json = { username: 'three', password: 'secret' };
    const third = await matt.call('PUT', matt.path, {
      json,
      headers: { 'If-Match': headerOf(second, 'etag') },
    });
    assert.equal(third.status, 200);
    assert.equal((await rename('four', headerOf(third, 'etag'))).status, 200);
  });

  it('is stale after a password change, although the representation is the same', async (t) => {
    const { server, matt } = await startWithPost(t);
    const before = await matt.call('GET', matt.path);
    const tag = headerOf(before, 'etag');
    assert.equal((await matt.call('PATCH', matt.path, { json: { password: 'new' } })).status, 200);
    const after = await matt.call('GET', matt.path);
    assert.deepEqual(after.json, before.json);
    assert.notEqual(after.headers.etag, tag);
    const headers = { 'If-Match': tag };
    const stale = await matt.call('PUT', matt.path, {
      json: { username: 'matt', password: 'mine' },
      headers,
    });
    assertFailure(stale, 412, ...STALE);
    assert.equal((await matt.call('DELETE', matt.path, { headers })).status, 412);
    const login = { username: 'matt', password: 'new' };
    assert.equal((await server.call('POST', '/auth', { json: login })).status, 200);
  });

  it('is not stale after a login, a refresh or a logout', async (t) => {
    const { server, matt } = await startWithPost(t);
    const tag = await tagOf(matt, matt.path);
    const other = await server.signIn('matt');
    await server.call('POST', '/auth/refresh', { json: { refresh_token: other.refresh } });
    await server.call('POST', '/auth/logout', { token: other.access });
    const headers = { 'If-Match': tag };
    assert.equal((await matt.call('PATCH', matt.path, { json: { username: 'm' }, headers })).status, 200);
  });

  it('accepts one of several concurrent changes with the same tag, and stores that one', async (t) => {
    const { matt } = await startWithPost(t);
    const headers = { 'If-Match': await tagOf(matt, matt.path) };
    const names = ['one', 'two', 'three'];
    const answers = await Promise.all(
      names.map((username) => matt.call('PATCH', matt.path, { json: { username }, headers })),
    );
    const statuses = answers.map(({ status }) => status);
    assert.deepEqual(statuses.toSorted(), [200, 412, 412]);
    assert.equal((await matt.call('GET', matt.path)).json.username, names[statuses.indexOf(200)]);
  });
});
