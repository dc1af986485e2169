// The cache in front of the lists: what is answered from it, and that nobody can tell but by `X-Cache`.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { anyone, endpoint } from '../../src/api/endpoint.ts';
import type { TaggedReply } from '../../src/api/marshal.ts';
import { TtlCache } from '../../src/cache/ttl-cache.ts';
import { PIPELINED_MAX } from '../../src/http/connection.ts';
import { integer, object } from '../../src/schema/schema.ts';
import { headerOf, nextOf } from '../support/server/answers.ts';
import { createPerson, type Person } from '../support/server/person.ts';
import { startPipeline } from '../support/server/pipeline.ts';
import { bytesInUse } from '../support/server/resources.ts';
import { type Answer, START_MS, sendRaw, startServer, type TestServer } from '../support/server/server.ts';

const MIB = 1024 * 1024;

function outcomeOf({ headers }: Answer): unknown {
  return headers['x-cache'];
}

/** What one after the other is answered with. */
async function outcomes(...calls: (() => Promise<Answer>)[]): Promise<unknown[]> {
  const found = [];
  for (const call of calls) found.push(outcomeOf(await call()));
  return found;
}

/** A number that /metrics shows. */
async function metric({ call }: TestServer, name: string): Promise<number> {
  const { text } = await call('GET', '/metrics');
  return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1]);
}

describe('X-Cache', () => {
  it('is MISS and then HIT on GET /users and the posts lists, with the same answer', async (t) => {
    const server = await startServer(t);
    const matt = await createPerson(server, 'matt');
    for (const title of ['First', 'Second']) await matt.post(title);
    await server.signUp('elie');
    for (const path of ['/users?limit=1', `${matt.posts}?limit=1`]) {
      const miss = await matt.call('GET', path);
      const hit = await matt.call('GET', path);
      assert.deepEqual([outcomeOf(miss), outcomeOf(hit)], ['MISS', 'HIT']);
      assert.equal(hit.status, 200);
      assert.equal(hit.text, miss.text);
      assert.equal(hit.headers.etag, miss.headers.etag);
      assert.equal(nextOf(hit), nextOf(miss));
      assert.notEqual(nextOf(hit), null);
    }
  });

  it('is sent with a 304 and for HEAD as well', async (t) => {
    const { call } = await startServer(t);
    const first = await call('HEAD', '/users');
    assert.deepEqual([outcomeOf(first), first.text], ['MISS', '']);
    const headers = { 'If-None-Match': headerOf(first, 'etag') };
    const second = await call('GET', '/users', { headers });
    assert.deepEqual([second.status, outcomeOf(second)], [304, 'HIT']);
  });

  it('is sent with nothing else', async (t) => {
    const server = await startServer(t);
    const matt = await createPerson(server, 'matt');
    const path = await matt.post();
    const others = ['/auth', '/auth/sessions', matt.path, path, '/healthz', '/nothing', '/users?limit=0'];
    for (const target of others) {
      assert.equal(outcomeOf(await matt.call('GET', target)), undefined, target);
    }
    assert.equal(outcomeOf(await server.call('GET', matt.posts)), undefined);
  });

  it('is MISS for each page, whose answers are kept apart', async (t) => {
    const { call, signUp } = await startServer(t);
    for (const name of ['matt', 'elie', 'tim']) await signUp(name);
    const queries = ['', '?limit=1', '?limit=1&after=1', '?order=desc', '?after=1'];
    const texts = new Set<string>();
    for (const outcome of ['MISS', 'HIT']) {
      for (const query of queries) {
        const answer = await call('GET', `/users${query}`);
        assert.equal(outcomeOf(answer), outcome);
        texts.add(answer.text);
      }
    }
    assert.equal(texts.size, queries.length);
  });

  it('is HIT for another spelling of the same page', async (t) => {
    const { call } = await startServer(t);
    const get = (query: string) => () => call('GET', `/users${query}`);
    const same = ['', '?limit=50', '?order=asc&after=0', '?after=%30', '?x=y'].map(get);
    assert.deepEqual(await outcomes(...same), ['MISS', 'HIT', 'HIT', 'HIT', 'HIT']);
  });
});

describe('CACHE_TTL', () => {
  it('is 60 s by default, by the clock', async (t) => {
    const { call, clock } = await startServer(t);
    const get = () => call('GET', '/users');
    assert.deepEqual(await outcomes(get, get), ['MISS', 'HIT']);
    clock.ms += 59_999;
    assert.deepEqual(await outcomes(get), ['HIT']);
    clock.ms += 1;
    assert.deepEqual(await outcomes(get, get), ['MISS', 'HIT']);
  });

  it('is the time to live', async (t) => {
    const { call, clock } = await startServer(t, { CACHE_TTL: '5s' });
    const get = () => call('GET', '/users');
    assert.deepEqual(await outcomes(get), ['MISS']);
    clock.ms += 4_999;
    assert.deepEqual(await outcomes(get), ['HIT']);
    clock.ms += 1;
    assert.deepEqual(await outcomes(get), ['MISS']);
  });

  it('off keeps nothing, and sends no X-Cache', async (t) => {
    const server = await startServer(t, { CACHE_TTL: 'off' });
    const matt = await createPerson(server, 'matt');
    for (const path of ['/users', matt.posts, '/users']) {
      const answer = await matt.call('GET', path);
      assert.deepEqual([answer.status, outcomeOf(answer)], [200, undefined]);
    }
    assert.equal(await metric(server, 'jot_cache_entries'), 0);
  });
});

describe('CACHE_TTL: a write', () => {
  // Each changes what a list shows, and back again where it can, so that an old answer would be found under an old key.
  const writes: [
    name: string,
    list: string,
    write: (matt: Person, server: TestServer) => Promise<unknown>,
  ][] = [
    ['a signup', '/users', (_, server) => server.signUp('tim')],
    ['a new name', '/users', (matt) => matt.call('PATCH', matt.path, { json: { username: 'matthew' } })],
    [
      'a user who goes',
      '/users',
      async (_, server) => {
        const { access } = await server.signIn('elie');
        await server.call('DELETE', '/users/2', { token: access });
      },
    ],
    ['a new post', '/users/1/posts', (matt) => matt.post('Second')],
    [
      'a changed post',
      '/users/1/posts',
      (matt) => matt.call('PATCH', '/users/1/posts/1', { json: { body: 'x' } }),
    ],
    ['a deleted post', '/users/1/posts', (matt) => matt.call('DELETE', '/users/1/posts/1')],
    [
      'a new name',
      '/users/1/posts',
      (matt) => matt.call('PATCH', matt.path, { json: { username: 'matthew' } }),
    ],
  ];
  for (const [name, list, write] of writes) {
    it(`is visible to the next read of ${list}: ${name}`, async (t) => {
      const server = await startServer(t);
      const matt = await createPerson(server, 'matt');
      await server.signUp('elie');
      await matt.post('First');
      const get = () => matt.call('GET', list);
      assert.deepEqual(await outcomes(get, get), ['MISS', 'HIT']);
      const before = await get();
      await write(matt, server);
      const after = await get();
      assert.equal(outcomeOf(after), 'MISS');
      assert.notEqual(after.text, before.text);
      assert.equal(outcomeOf(await get()), 'HIT');
    });
  }

  it('that is reverted is visible too: a list as it was, and an empty list', async (t) => {
    const server = await startServer(t);
    const matt = await createPerson(server, 'matt');
    const titles = async () =>
      (await matt.call('GET', matt.posts)).json.map(({ title }: { title: string }) => title);
    const rename = (title: string) => matt.call('PATCH', `${matt.posts}/1`, { json: { title } });
    assert.deepEqual(await titles(), []);
    await matt.post('First');
    assert.deepEqual(await titles(), ['First']);
    await rename('Second');
    assert.deepEqual(await titles(), ['Second']);
    await rename('First');
    assert.deepEqual(await titles(), ['First']);
    await matt.call('DELETE', `${matt.posts}/1`);
    assert.deepEqual(await titles(), []);
    await matt.post('Third');
    assert.deepEqual(await titles(), ['Third']);
  });

  it('to the posts of one user keeps the entries of another', async (t) => {
    const server = await startServer(t);
    const matt = await createPerson(server, 'matt');
    const elie = await createPerson(server, 'elie');
    await elie.post();
    await elie.call('GET', elie.posts);
    await matt.post();
    assert.equal(outcomeOf(await elie.call('GET', elie.posts)), 'HIT');
    assert.equal(outcomeOf(await server.call('GET', '/users')), 'MISS');
    await matt.post();
    assert.equal(outcomeOf(await server.call('GET', '/users')), 'HIT');
  });
});

describe('GET /users/:user_id/posts from the cache', () => {
  it('never reaches another user, nor a caller without a token', async (t) => {
    const server = await startServer(t);
    const matt = await createPerson(server, 'matt');
    const elie = await createPerson(server, 'elie');
    await matt.post('Diary');
    for (const outcome of ['MISS', 'HIT'])
      assert.equal(outcomeOf(await matt.call('GET', matt.posts)), outcome);
    assert.equal((await elie.call('GET', matt.posts)).status, 403);
    assert.equal((await server.call('GET', matt.posts)).status, 401);
    assert.deepEqual((await elie.call('GET', elie.posts)).json, []);
  });
});

describe('CACHE_TTL: the memory of the cache', () => {
  it('holds 1,000 responses at most, and 125 of a caller', async (t) => {
    const server = await startServer(t, { LOG: 'off', TRUST_PROXY: '127.0.0.1' });
    const get = (after: number, caller: number, more = '') =>
      `GET /users?after=${after} HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.${caller}\r\n${more}\r\n`;
    // As many at once as a connection may send ahead.
    const ask = async (count: number, callerOf: (number: number) => number) => {
      for (let first = 0; first < count; first += PIPELINED_MAX) {
        const numbers = Array.from({ length: PIPELINED_MAX }, (_, index) => first + index);
        const ahead = numbers.slice(1).map((number) => get(number, callerOf(number)));
        await sendRaw(server.port, ahead.join(''), get(first, callerOf(first), 'Connection: close\r\n'));
      }
    };
    await ask(1_100, () => 1);
    assert.equal(await metric(server, 'jot_cache_entries'), 125);
    await ask(1_100, (number) => number % 20);
    assert.equal(await metric(server, 'jot_cache_entries'), 1_000);
    const outcomeFor = async (after: number) => outcomeOf(await server.call('GET', `/users?after=${after}`));
    assert.equal(await outcomeFor(1_100), 'HIT');
    assert.equal(await outcomeFor(0), 'MISS');
  });

  it('holds 2 MiB of a user, as the heap has it, and the responses of others stay', async (t) => {
    const server = await startServer(t, { LOG: 'off' });
    const [matt, elie] = [await createPerson(server, 'matt'), await createPerson(server, 'elie')];
    const ofElie = [() => elie.call('GET', elie.posts)];
    assert.deepEqual(await outcomes(...ofElie), ['MISS']);
    // One wide character makes two bytes of each of the sixty thousand that JSON needs for the rest.
    await matt.post('Large', `Ā${'\u0001'.repeat(10_000)}`);
    const before = await bytesInUse();
    for (let limit = 1; limit <= 200; limit++) await matt.call('GET', `${matt.posts}?limit=${limit}`);
    for (let version = 2; version <= 60; version++) {
      await matt.call('PATCH', `${matt.posts}/1`, { json: { title: `Version ${version}` } });
      await matt.call('GET', `${matt.posts}/1`);
    }
    const pinned = (await bytesInUse()) - before;
    const counted = await metric(server, 'jot_cache_bytes');
    const [least, most] = [3.5 * MIB, 4.1 * MIB];
    assert.ok(counted > least && counted < most, `${counted} bytes counted`);
    assert.ok(pinned < most + MIB, `${pinned} bytes pinned`);
    assert.deepEqual(await outcomes(...ofElie), ['HIT']);
  });

  it('holds a response of any length up to the share of its user, and no longer one', async (t) => {
    const server = await startServer(t, { MAX_BODY: '512KiB' });
    const matt = await createPerson(server, 'matt');
    const get = () => matt.call('GET', matt.posts);
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    await matt.post('Long', '');
    for (const [count, outcome] of [
      [170_000, 'HIT'],
      [180_000, 'MISS'],
    ] as const) {
      // Six characters of JSON for each, and two bytes for each of these.
      const body = `body=Ā${'\u0001'.repeat(count)}`;
      assert.equal((await matt.call('PATCH', `${matt.posts}/1`, { body, headers })).status, 200);
      assert.deepEqual(await outcomes(get, get), ['MISS', outcome]);
    }
  });
});

describe('CACHE_TTL: concurrent misses', () => {
  it('compute once', async (t) => {
    const gates: (() => void)[] = [];
    const slow = endpoint({
      method: 'GET',
      path: '/slow',
      group: 'test',
      summary: 'Take a while',
      access: anyone,
      status: 200,
      response: object({ count: integer() }),
      cacheKey: async () => 'same',
      async handle() {
        await new Promise<void>((resolve) => gates.push(resolve));
        return { count: gates.length };
      },
    });
    const cache = new TtlCache<string, TaggedReply>({ ttlMs: 1_000, max: 10, now: () => START_MS });
    const { port, call } = await startPipeline(t, [slow], { cache });
    // In one piece, so that all of them are under way before any of them can be answered.
    const get = (more = '') => `GET /slow HTTP/1.1\r\nHost: a\r\n${more}\r\n`;
    const answers = sendRaw(port, `${get().repeat(4)}${get('Connection: close\r\n')}`);
    while (gates.length === 0) await call('GET', '/nothing');
    for (const open of gates) open();
    const text = await answers;
    assert.deepEqual(text.match(/"count":\d+/g), Array(5).fill('"count":1'));
    assert.deepEqual(text.match(/X-Cache: \w+/g)?.sort(), [
      ...Array(4).fill('X-Cache: HIT'),
      'X-Cache: MISS',
    ]);
    assert.equal(gates.length, 1);
  });
});
