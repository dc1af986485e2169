// What an endpoint declares about access: the parents in its path, and the fields that need a fresh token.

import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { type Access, type Endpoint, endpoint, owner } from '../../src/api/endpoint.ts';
import { advance } from '../../src/api/journey.ts';
import { id, object, optional, text } from '../../src/schema/schema.ts';
import { openFor, postOf, sessionOf, userNamed } from '../support/disk/stores.ts';
import { startPipeline } from '../support/server/pipeline.ts';

/** Serves the endpoints to user 1, whose posts are 1 and 2; post 3 belongs to user 2. */
async function startAs(t: TestContext, fresh: boolean, endpoints: readonly Endpoint[]) {
  const store = await openFor(t, 'memory:');
  const user = await store.users.create(userNamed('matt'));
  await store.users.create(userNamed('elie'));
  const session = await store.sessions.create(sessionOf(1, 'sid'));
  for (const owner of [1, 1, 2]) await store.posts.create(postOf(owner));
  const { call } = await startPipeline(t, endpoints, {
    identify: (matched) => advance(matched, { caller: { principal: { user, session, fresh } } }),
    findRow: (name, rowId) => store[name].find(rowId),
  });
  return { store, call };
}

function under(path: string, access: Access, params: Record<string, ReturnType<typeof id>>): Endpoint {
  return endpoint({
    method: 'POST',
    path,
    group: 'test',
    summary: 'Something below a post',
    access,
    params: object({ user_id: id(), ...params }),
    body: object({ word: text() }),
    status: 201,
    response: object({ titles: text() }),
    handle: async ({ parents }) => ({ titles: Object.keys(parents).join() }),
  });
}

describe('owner(parents)', () => {
  const belowPost = under('/users/:user_id/posts/:post_id/x', owner('user_id', { post_id: 'posts' }), {
    post_id: id(),
  });

  it('passes the rows to the handler if they are the caller’s', async (t) => {
    const { call } = await startAs(t, true, [belowPost]);
    const { status, json: row } = await call('POST', '/users/1/posts/2/x', { json: { word: 'a' } });
    assert.deepEqual([status, row], [201, { titles: 'post_id' }]);
  });

  it('is 404 for a parent that is missing or not the caller’s, before the body is read', async (t) => {
    const { call, store } = await startAs(t, true, [belowPost]);
    for (const post of [3, 99]) {
      const { status, json: error } = await call('POST', `/users/1/posts/${post}/x`, { json: { word: 1 } });
      assert.deepEqual([status, error.description], [404, 'There is no such post']);
    }
    assert.equal((await call('POST', '/users/1/posts/1/x', { json: { word: 1 } })).status, 400);
    await store.posts.remove(1);
    assert.equal((await call('POST', '/users/1/posts/1/x', { json: { word: 1 } })).status, 404);
  });

  it('is 403 for another user, whatever the parents are', async (t) => {
    const { call } = await startAs(t, true, [belowPost]);
    for (const post of [1, 3, 99]) {
      assert.equal((await call('POST', `/users/2/posts/${post}/x`, { json: { word: 'a' } })).status, 403);
    }
  });

  it('requires each parent to belong to the preceding one', async (t) => {
    // No collection is owned by posts yet; a session stands in, since its `user_id` is a number as well.
    const chain = under(
      '/users/:user_id/posts/:post_id/sessions/:session_id/x',
      owner('user_id', { post_id: 'posts', session_id: 'sessions' }),
      { post_id: id(), session_id: id() },
    );
    const { call } = await startAs(t, true, [chain]);
    const found = await call('POST', '/users/1/posts/1/sessions/1/x', { json: { word: 'a' } });
    assert.deepEqual(found.json, { titles: 'post_id,session_id' });
    const { status, json: error } = await call('POST', '/users/1/posts/2/sessions/1/x', {
      json: { word: 'a' },
    });
    assert.deepEqual([status, error.description], [404, 'There is no such session']);
  });
});

describe('fresh', () => {
  const change = (fresh: true | readonly 'word'[]) =>
    endpoint({
      method: 'PATCH',
      path: '/users/:user_id',
      group: 'test',
      summary: 'Change a word',
      access: owner('user_id'),
      fresh,
      params: object({ user_id: id() }),
      body: object({ word: optional(text({ min: 3 })), other: optional(text()) }),
      status: 204,
      handle: async () => undefined,
    });

  const rows: readonly [fresh: true | readonly 'word'[], isFresh: boolean, body: object, status: number][] = [
    [true, true, { other: 'a' }, 204],
    [true, false, { other: 'a' }, 401],
    [['word'], false, { other: 'a' }, 204],
    [['word'], false, {}, 204],
    [['word'], false, { word: 'long' }, 401],
    [['word'], false, { word: 'x', other: 5 }, 401],
    [['word'], false, { other: 5 }, 400],
    [['word'], true, { word: 'long' }, 204],
    [['word'], true, { word: 'x' }, 400],
  ];
  for (const [fresh, isFresh, body, status] of rows) {
    const token = isFresh ? 'a fresh token' : 'a token that is not fresh';
    it(`${JSON.stringify(fresh)}: ${status} for ${JSON.stringify(body)} and ${token}`, async (t) => {
      const { call } = await startAs(t, isFresh, [change(fresh)]);
      const answer = await call('PATCH', '/users/1', { json: body });
      assert.equal(answer.status, status);
      if (status === 401) assert.equal(answer.json.error, 'Fresh Token Required');
    });
  }

  it('reads the fields of a form too', async (t) => {
    const { call } = await startAs(t, false, [change(['word'])]);
    assert.equal((await call('PATCH', '/users/1', { form: { word: 'long' } })).status, 401);
    assert.equal((await call('PATCH', '/users/1', { form: { other: 'long' } })).status, 204);
  });
});
