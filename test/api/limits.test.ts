// The rate limits as a client sees them, by the clock.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assertFailure, headerOf } from '../support/answers.ts';
import { createPerson } from '../support/person.ts';
import { type Answer, type CallOptions, START_MS, startServer } from '../support/server.ts';

const NOW = START_MS / 1000;
const NAMES = [
  'ratelimit-policy',
  'ratelimit',
  'x-ratelimit-limit',
  'x-ratelimit-remaining',
  'x-ratelimit-reset',
];
const BEHIND_PROXY = { TRUST_PROXY: '127.0.0.1' };

function limitsOf({ headers }: Answer): unknown[] {
  return NAMES.map((name) => headers[name]);
}

function from(address: string, options: CallOptions = {}): CallOptions {
  return { ...options, headers: { 'X-Forwarded-For': address } };
}

describe('RateLimit headers', () => {
  it('say at the default rate what the contract says', async (t) => {
    const { call } = await startServer(t, { RATE_LIMIT: '' });
    assert.deepEqual(limitsOf(await call('GET', '/users')), [
      '"default";q=600;w=60',
      '"default";r=599;t=1',
      '600',
      '599',
      String(NOW + 1),
    ]);
  });

  it('count down, and up again with the clock', async (t) => {
    const { call, clock } = await startServer(t, { RATE_LIMIT: '5/m' });
    const next = async () => limitsOf(await call('GET', '/users')).slice(1);
    assert.deepEqual(await next(), ['"default";r=4;t=12', '5', '4', String(NOW + 12)]);
    assert.deepEqual(await next(), ['"default";r=3;t=12', '5', '3', String(NOW + 24)]);
    clock.ms += 11_500;
    assert.deepEqual(await next(), ['"default";r=2;t=1', '5', '2', String(NOW + 36)]);
    clock.ms += 500;
    assert.deepEqual(await next(), ['"default";r=2;t=12', '5', '2', String(NOW + 48)]);
    clock.ms += 36_000;
    assert.deepEqual(await next(), ['"default";r=4;t=12', '5', '4', String(NOW + 60)]);
  });

  it('count whole seconds, whatever the fractions in between add up to', async (t) => {
    const { call, clock } = await startServer(t, { RATE_LIMIT: '10/h' });
    for (let count = 0; count < 6; count++) await call('GET', '/users');
    clock.ms += 10_000;
    assert.equal((await call('GET', '/users')).headers.ratelimit, '"default";r=3;t=350');
    assert.equal((await call('GET', '/users')).headers['x-ratelimit-reset'], String(NOW + 8 * 360));
  });

  it('list every bucket that was charged; the older ones are about the one closest to empty', async (t) => {
    const { call } = await startServer(t, { RATE_LIMIT: '4/m', RATE_LIMIT_AUTH: '10/h' });
    const login = async () => limitsOf(await call('POST', '/auth', { json: {} }));
    const policy = '"default";q=4;w=60, "auth";q=10;w=3600';
    assert.deepEqual(await login(), [
      policy,
      '"default";r=3;t=15, "auth";r=9;t=360',
      '4',
      '3',
      String(NOW + 15),
    ]);
    const { call: other } = await startServer(t, { RATE_LIMIT: '100/m', RATE_LIMIT_AUTH: '10/h' });
    assert.deepEqual(limitsOf(await other('POST', '/auth', { json: {} })), [
      '"default";q=100;w=60, "auth";q=10;w=3600',
      '"default";r=99;t=1, "auth";r=9;t=360',
      '10',
      '9',
      String(NOW + 360),
    ]);
  });

  it('are on every limited answer, whatever it is', async (t) => {
    const server = await startServer(t, { RATE_LIMIT: '1000/m' });
    const matt = await createPerson(server, 'matt');
    const answers = [
      [201, await matt.call('POST', matt.posts, { json: { title: 'T', body: '' } })],
      [204, await matt.call('DELETE', '/users/1/posts/1')],
      [304, await matt.call('GET', '/users', { headers: { 'If-None-Match': '*' } })],
      [400, await matt.call('GET', '/users?limit=0')],
      [401, await server.call('GET', '/auth')],
      [403, await matt.call('GET', '/users/2')],
      [404, await matt.call('GET', '/users/1/posts/1')],
      [409, await server.call('POST', '/users', { json: { username: 'matt', password: 'x' } })],
      [412, await matt.call('DELETE', matt.path, { headers: { 'If-Match': '"x"' } })],
      [415, await matt.call('POST', matt.posts, { body: 'x', headers: {} })],
    ] as const;
    for (const [status, answer] of answers) {
      assert.equal(answer.status, status);
      assert.equal(answer.headers['ratelimit-policy'], '"default";q=1000;w=60');
    }
  });

  it('are not there for what is free: 404, 405, OPTIONS and the system paths', async (t) => {
    const { call } = await startServer(t, { RATE_LIMIT: '1/h', RATE_LIMIT_AUTH: '1/h' });
    const free: [method: string, path: string, status: number][] = [
      ['GET', '/nothing', 404],
      ['GET', '/users/007', 404],
      ['GET', '/users/%zz', 400],
      ['DELETE', '/users', 405],
      ['GET', '/auth/refresh', 405],
      ['OPTIONS', '/users', 204],
      ['OPTIONS', '/auth', 204],
      ['GET', '/', 200],
      ['GET', '/openapi.json', 200],
      ['HEAD', '/healthz', 200],
      ['GET', '/readyz', 200],
      ['GET', '/metrics', 200],
    ];
    for (const round of ['before', 'after'] as const) {
      for (const [method, path, status] of free) {
        const answer = await call(method, path);
        assert.deepEqual([round, method, path, answer.status], [round, method, path, status]);
        assert.deepEqual(
          limitsOf(answer),
          NAMES.map(() => undefined),
        );
      }
      if (round === 'before')
        assert.equal((await call('GET', '/users')).headers.ratelimit, '"default";r=0;t=3600');
      assert.equal((await call('GET', '/users')).status, 429);
    }
  });

  it('are not there when the buckets are off', async (t) => {
    const { call } = await startServer(t, { RATE_LIMIT_AUTH: '10/h' });
    assert.deepEqual(
      limitsOf(await call('GET', '/users')),
      NAMES.map(() => undefined),
    );
    assert.equal((await call('POST', '/auth')).headers.ratelimit, '"auth";r=9;t=360');
    const { call: withoutAuth } = await startServer(t, { RATE_LIMIT: '10/h' });
    assert.equal((await withoutAuth('POST', '/auth')).headers.ratelimit, '"default";r=9;t=360');
  });
});

describe('A request over the limit', () => {
  it('is 429 in the error shape, and passes after Retry-After', async (t) => {
    const { call, clock } = await startServer(t, { RATE_LIMIT: '2/m' });
    for (const status of [200, 200]) assert.equal((await call('GET', '/users')).status, status);
    clock.ms += 500;
    const refused = await call('GET', '/users');
    assertFailure(refused, 429, 'Too Many Requests', 'The limit is 2 requests in 60 seconds');
    assert.equal(refused.headers['retry-after'], '30');
    assert.equal(refused.headers.ratelimit, '"default";r=0;t=30');
    assert.equal(refused.headers['x-ratelimit-remaining'], '0');
    clock.ms += 29_499;
    assert.equal((await call('GET', '/users')).headers['retry-after'], '1');
    clock.ms += 1;
    assert.equal((await call('GET', '/users')).status, 200);
    assert.equal((await call('GET', '/users')).status, 429);
  });

  it('costs nothing: refusals do not put off the next success', async (t) => {
    const { call, clock } = await startServer(t, { RATE_LIMIT: '1/m' });
    assert.equal((await call('GET', '/users')).status, 200);
    for (let count = 0; count < 20; count++) assert.equal((await call('GET', '/users')).status, 429);
    clock.ms += 60_000;
    assert.equal((await call('GET', '/users')).status, 200);
  });

  it('is told to wait at least a whole second', async (t) => {
    const { call, clock } = await startServer(t, { RATE_LIMIT: '10/s' });
    for (let count = 0; count < 10; count++) assert.equal((await call('GET', '/users')).status, 200);
    assert.equal((await call('GET', '/users')).headers['retry-after'], '1');
    clock.ms += 100;
    assert.equal((await call('GET', '/users')).status, 200);
  });

  it('costs nothing in the other bucket, whichever refuses', async (t) => {
    const { call } = await startServer(t, { RATE_LIMIT: '10/h', RATE_LIMIT_AUTH: '1/h' });
    assert.equal((await call('POST', '/auth')).status, 401);
    for (let count = 0; count < 5; count++) assert.equal((await call('POST', '/auth')).status, 429);
    assert.equal((await call('GET', '/users')).headers['x-ratelimit-remaining'], '8');

    const server = await startServer(t, { RATE_LIMIT: '1/10s', RATE_LIMIT_AUTH: '10/h' });
    const leftInAuth = async () => (await server.call('POST', '/auth')).headers.ratelimit;
    assert.equal(await leftInAuth(), '"default";r=0;t=10, "auth";r=9;t=360');
    for (let count = 0; count < 5; count++) assert.equal((await server.call('POST', '/auth')).status, 429);
    server.clock.ms += 10_000;
    assert.equal(await leftInAuth(), '"default";r=0;t=10, "auth";r=8;t=350');
  });

  it('says in its headers what is left, not what would be had it passed', async (t) => {
    const { call } = await startServer(t, { RATE_LIMIT: '10/h', RATE_LIMIT_AUTH: '1/h' });
    await call('POST', '/auth');
    const refused = await call('POST', '/auth');
    assert.equal(refused.status, 429);
    assert.equal(refused.headers.ratelimit, '"default";r=9;t=360, "auth";r=0;t=3600');
  });

  it('passes after Retry-After also when the first bucket is empty and the second nearly', async (t) => {
    const { call, clock } = await startServer(t, { RATE_LIMIT: '1/10s', RATE_LIMIT_AUTH: '2/h' });
    assert.equal((await call('POST', '/auth')).status, 401);
    const refused = await call('POST', '/auth');
    assert.equal(refused.status, 429);
    clock.ms += Number(headerOf(refused, 'retry-after')) * 1_000;
    assert.equal((await call('POST', '/auth')).status, 401);
  });

  it('passes after Retry-After also when two buckets are empty', async (t) => {
    const { call, clock } = await startServer(t, { RATE_LIMIT: '1/10s', RATE_LIMIT_AUTH: '1/h' });
    assert.equal((await call('POST', '/auth')).status, 401);
    const refused = await call('POST', '/auth');
    assert.equal(refused.status, 429);
    clock.ms += Number(headerOf(refused, 'retry-after')) * 1_000;
    assert.equal((await call('POST', '/auth')).status, 401);
  });
});

describe('The bucket "default"', () => {
  it("is the user's when a token verifies, whatever the address, and else the address's", async (t) => {
    const server = await startServer(t, { ...BEHIND_PROXY, RATE_LIMIT: '10/h' });
    const matt = await createPerson(server, 'matt');
    const elie = await createPerson(server, 'elie');
    const left = async (options: CallOptions) =>
      Number((await server.call('GET', '/users', options)).headers['x-ratelimit-remaining']);
    const as = (token: string, address: string): CallOptions => from(address, { token });
    const withToken = (token: string, address: string) => {
      const { headers } = as(token, address);
      return left({ headers: { ...headers, Authorization: `JWT ${token}` } });
    };
    assert.equal(await withToken(matt.access, '192.0.2.1'), 9);
    assert.equal(await withToken(matt.access, '192.0.2.2'), 8);
    assert.equal(await withToken(elie.access, '192.0.2.1'), 9);
    assert.equal(await left(from('192.0.2.1')), 9);
    assert.equal(await left(from('192.0.2.1')), 8);
    assert.equal(await left(from('192.0.2.2')), 9);
    assert.equal(await withToken('junk', '192.0.2.1'), 7);
    await matt.call('POST', '/auth/logout');
    assert.equal(await withToken(matt.access, '192.0.2.1'), 6);
  });

  it('is shared by all that one address may be called', async (t) => {
    const { call } = await startServer(t, { ...BEHIND_PROXY, RATE_LIMIT: '100/h' });
    const left = async (address: string) =>
      Number((await call('GET', '/users', from(address))).headers['x-ratelimit-remaining']);
    const groups: [addresses: string[], reason: string][] = [
      [['192.0.2.7', '192.0.2.7:4711', '::ffff:192.0.2.7', '::ffff:c000:207'], 'an IPv4 address'],
      [['2001:db8:0:1::1', '2001:DB8:0:1:ffff::2', '[2001:db8:0:1::3]:443', '2001:db8:0:1::4'], 'a /64'],
      [['2001:db8:0:2::1'], 'the next /64'],
      [['192.0.2.8', '203.0.113.5, 192.0.2.8', '192.0.2.8, 127.0.0.1'], 'what the trusted proxy saw'],
    ];
    for (const [addresses, reason] of groups) {
      for (const [index, address] of addresses.entries()) {
        assert.deepEqual([reason, address, await left(address)], [reason, address, 99 - index]);
      }
    }
  });

  it('believes X-Forwarded-For from nobody by default', async (t) => {
    const { call } = await startServer(t, { RATE_LIMIT: '10/h' });
    for (const remaining of ['9', '8', '7']) {
      const { headers } = await call('GET', '/users', from(`192.0.2.${remaining}`));
      assert.equal(headers['x-ratelimit-remaining'], remaining);
    }
  });
});

describe('The bucket "auth"', () => {
  it('is charged for making and checking passwords and tokens, and for nothing else', async (t) => {
    const server = await startServer(t, { RATE_LIMIT_AUTH: '100/h' });
    const matt = await createPerson(server, 'matt');
    const charged = ['/auth', '/auth/refresh', '/signup', '/users'];
    for (const path of charged) {
      assert.equal((await server.call('POST', path)).headers['ratelimit-policy'], '"auth";q=100;w=3600');
    }
    const free: [string, string][] = [
      ['GET', '/users'],
      ['GET', '/auth'],
      ['GET', '/users/1'],
      ['PUT', '/users/1'],
      ['POST', '/users/1/posts'],
      ['POST', '/auth/logout'],
    ];
    for (const [method, path] of free) {
      assert.equal((await matt.call(method, path)).headers['ratelimit-policy'], undefined);
    }
  });

  it('is per address, also for those who bring a token', async (t) => {
    const server = await startServer(t, { ...BEHIND_PROXY, RATE_LIMIT: '100/h', RATE_LIMIT_AUTH: '3/h' });
    await server.signUp('matt');
    const { access } = await server.signIn('matt');
    const refreshAs = (address: string) =>
      server.call('POST', '/auth/refresh', {
        json: {},
        headers: { 'X-Forwarded-For': address, Authorization: `JWT ${access}` },
      });
    assert.equal((await refreshAs('127.0.0.1')).status, 400);
    assert.equal((await refreshAs('127.0.0.1')).status, 429);
    assert.equal((await refreshAs('192.0.2.1')).headers.ratelimit, '"default";r=98;t=36, "auth";r=2;t=1200');
  });

  it('is 60 in a minute by default', async (t) => {
    const { call } = await startServer(t, { RATE_LIMIT_AUTH: '' });
    assert.equal((await call('POST', '/auth')).headers.ratelimit, '"auth";r=59;t=1');
  });
});
