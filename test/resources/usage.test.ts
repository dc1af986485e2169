import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assertFailure, assertFields } from '../support/server/answers.ts';
import { createPerson } from '../support/server/person.ts';
import { startServer } from '../support/server/server.ts';

describe('USER_POSTS_MAX and USER_BYTES_MAX', () => {
  it('answer 403 past the number of posts, and 201 once one is deleted', async (t) => {
    const server = await startServer(t, { USER_POSTS_MAX: '2' });
    const matt = await createPerson(server, 'matt');
    const post = { json: { title: 'Title', body: 'Body' } };
    for (const status of [201, 201]) assert.equal((await matt.call('POST', matt.posts, post)).status, status);
    const refused = await matt.call('POST', matt.posts, post);
    const description = 'You have 2 posts, and may not have more; delete some of them';
    assertFailure(refused, 403, 'Forbidden', description);
    assert.equal(refused.json.code, 'quota_exceeded');
    assert.equal((await matt.call('DELETE', `${matt.posts}/1`)).status, 204);
    assert.equal((await matt.call('POST', matt.posts, post)).status, 201);
  });

  it('answer 403 to a post, and to a change of one, that exceeds the bytes', async (t) => {
    const server = await startServer(t, { USER_BYTES_MAX: '4KiB' });
    const matt = await createPerson(server, 'matt');
    await matt.post();
    const json = { title: 'Title', body: 'x'.repeat(4096) };
    const description = 'You may store 4096 bytes, and this would exceed them; delete something';
    for (const [method, path] of [
      ['POST', matt.posts],
      ['PUT', `${matt.posts}/1`],
      ['PATCH', `${matt.posts}/1`],
    ] as const) {
      assertFailure(await matt.call(method, path, { json }), 403, 'Forbidden', description);
    }
    await server.signIn('matt');
  });
});

describe('STORE_BYTES_MAX', () => {
  it('answers 503 to what needs room, on /readyz too; metrics have both numbers', async (t) => {
    const server = await startServer(t, { STORE_BYTES_MAX: '4KiB', USER_BYTES_MAX: '64KiB' });
    const matt = await createPerson(server, 'matt');
    const long = { json: { title: 'Title', body: 'x'.repeat(900) } };
    for (let count = 0; count < 4; count++) await matt.call('POST', matt.posts, long);
    const refused = await matt.call('POST', matt.posts, long);
    const description = 'The store is full; deleting still works';
    assertFailure(refused, 503, 'Service Unavailable', description);
    assert.equal(refused.headers['retry-after'], '60');
    const ready = await server.call('GET', '/readyz');
    assertFailure(ready, 503, 'Service Unavailable', description);
    const { text } = await server.call('GET', '/metrics');
    const [, used] = /^jot_store_bytes (\d+)$/m.exec(text) ?? [];
    assert.match(text, /^jot_store_bytes_max 4096$/m);
    assert.ok(Number(used) >= 4096, used);

    assert.equal((await matt.call('GET', `${matt.posts}/1`)).status, 200);
    assert.equal((await matt.call('DELETE', `${matt.posts}/1`)).status, 204);
    assert.equal((await server.call('GET', '/readyz')).status, 200);
  });
});

describe('GET /users/:id?limit=0', () => {
  it('shows no posts, and how much of the quotas is used and left', async (t) => {
    const server = await startServer(t, { USER_POSTS_MAX: '5', USER_BYTES_MAX: '64KiB' });
    const matt = await createPerson(server, 'matt');
    const usage = async () => (await matt.call('GET', `${matt.path}?limit=0`)).json.usage;
    assert.deepEqual(await usage(), { posts: { used: 0, left: 5 }, bytes: { used: 0, left: 65_536 } });
    await matt.post();
    const { status, json, headers } = await matt.call('GET', `${matt.path}?limit=0`);
    assert.equal(status, 200);
    assert.deepEqual([json.username, json.posts, headers.link], ['matt', [], undefined]);
    assert.deepEqual(json.usage.posts, { used: 1, left: 4 });
    const { used, left } = json.usage.bytes;
    assert.ok(used > 100 && used < 10_000 && used + left === 65_536, `${used}, ${left}`);
    await matt.call('DELETE', `${matt.posts}/1`);
    assert.equal((await usage()).bytes.used, 0);
  });

  it('shows nothing left of quotas that were lowered', async (t) => {
    const server = await startServer(t, { USER_POSTS_MAX: '1', USER_BYTES_MAX: '64KiB' });
    const matt = await createPerson(server, 'matt');
    await matt.post();
    const { posts } = (await matt.call('GET', `${matt.path}?limit=0`)).json.usage;
    assert.deepEqual(posts, { used: 1, left: 0 });
  });

  it('is the only list with a limit of 0, and other limits show no usage', async (t) => {
    const server = await startServer(t);
    const matt = await createPerson(server, 'matt');
    for (const path of [`${matt.posts}?limit=0`, '/auth?limit=0', '/users?limit=0']) {
      assertFields(await matt.call('GET', path), { limit: 'must be an integer from 1 to 200' });
    }
    assertFields(await matt.call('GET', `${matt.path}?limit=-1`), {
      limit: 'must be an integer from 0 to 200',
    });
    for (const path of [matt.path, `${matt.path}?limit=1`]) {
      assert.equal(Object.hasOwn((await matt.call('GET', path)).json, 'usage'), false);
    }
  });
});
