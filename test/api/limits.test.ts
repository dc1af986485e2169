// The rate limits as a client sees them, by the clock.

import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { anyone, type ChargedLimit, endpoint } from '../../src/api/endpoint.ts';
import { createLimiters, type Rates } from '../../src/limit/limiter.ts';
import { limitNames } from '../../src/limit/limits.ts';
import { object } from '../../src/schema/schema.ts';
import { assertFailure, headerOf } from '../support/server/answers.ts';
import { createPerson } from '../support/server/person.ts';
import { startPipeline } from '../support/server/pipeline.ts';
import { type CallOptions, START_MS, startServer, type TestServer } from '../support/server/server.ts';

const BEHIND_PROXY = { TRUST_PROXY: '127.0.0.1' };

function from(address: string, options: CallOptions = {}): CallOptions {
  return { ...options, headers: { 'X-Forwarded-For': address } };
}

describe('RATE_LIMIT exceeded', () => {
  it('answers 429 in the error shape until Retry-After has passed', async (t) => {
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

  it('sends a Retry-After of at least one second', async (t) => {
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

  it('sends the remaining tokens as if the request had not been charged', async (t) => {
    const { call } = await startServer(t, { RATE_LIMIT: '10/h', RATE_LIMIT_AUTH: '1/h' });
    await call('POST', '/auth');
    const refused = await call('POST', '/auth');
    assert.equal(refused.status, 429);
    assert.equal(refused.headers.ratelimit, '"default";r=9;t=360, "auth";r=0;t=3600');
  });

  it('admits after Retry-After if the first bucket is empty and the second nearly empty', async (t) => {
    const { call, clock } = await startServer(t, { RATE_LIMIT: '1/10s', RATE_LIMIT_AUTH: '2/h' });
    assert.equal((await call('POST', '/auth')).status, 401);
    const refused = await call('POST', '/auth');
    assert.equal(refused.status, 429);
    clock.ms += Number(headerOf(refused, 'retry-after')) * 1_000;
    assert.equal((await call('POST', '/auth')).status, 401);
  });

  for (const [RATE_LIMIT, RATE_LIMIT_AUTH] of [
    ['1/10s', '1/h'],
    ['1/h', '1/10s'],
  ] as const) {
    it(`admits after Retry-After if two buckets are empty: ${RATE_LIMIT} and ${RATE_LIMIT_AUTH}`, async (t) => {
      const { call, clock } = await startServer(t, { RATE_LIMIT, RATE_LIMIT_AUTH });
      assert.equal((await call('POST', '/auth')).status, 401);
      const refused = await call('POST', '/auth');
      assertFailure(refused, 429, 'Too Many Requests', 'The limit is 1 requests in 3600 seconds');
      assert.equal(refused.headers['retry-after'], '3600');
      clock.ms += 3_600_000;
      assert.equal((await call('POST', '/auth')).status, 401);
    });
  }
});

describe('RATE_LIMIT: the bucket "default"', () => {
  it("is the user's when a token verifies, whatever the address, and else the address's", async (t) => {
    const server = await startServer(t, { ...BEHIND_PROXY, RATE_LIMIT: '10/h' });
    const matt = await createPerson(server, 'matt');
    const elie = await createPerson(server, 'elie');
    const left = async (options: CallOptions) =>
      Number((await server.call('GET', '/users', options)).headers['x-ratelimit-remaining']);
    const withToken = (token: string, address: string) => left(from(address, { token }));
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

  it('ignores X-Forwarded-For by default', async (t) => {
    const { call } = await startServer(t, { RATE_LIMIT: '10/h' });
    for (const remaining of ['9', '8', '7']) {
      const { headers } = await call('GET', '/users', from(`192.0.2.${remaining}`));
      assert.equal(headers['x-ratelimit-remaining'], remaining);
    }
  });
});

describe('RATE_LIMIT_AUTH: the bucket "auth"', () => {
  it('is charged for making and checking passwords and tokens, and for nothing else', async (t) => {
    const server = await startServer(t, { RATE_LIMIT_AUTH: '100/h' });
    const matt = await createPerson(server, 'matt');
    const charged: [string, string][] = [
      ['POST', '/auth'],
      ['POST', '/auth/refresh'],
      ['POST', '/signup'],
      ['POST', '/users'],
      ['PUT', '/users/1'],
      ['PATCH', '/users/1'],
    ];
    for (const [method, path] of charged) {
      assert.equal((await matt.call(method, path)).headers['ratelimit-policy'], '"auth";q=100;w=3600');
    }
    const free: [string, string][] = [
      ['GET', '/users'],
      ['GET', '/auth'],
      ['GET', '/users/1'],
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

  it('rejects password changes that follow too fast, however many users share the address', async (t) => {
    const server = await startServer(t, { RATE_LIMIT_AUTH: '6/h' });
    const people = [await createPerson(server, 'matt'), await createPerson(server, 'elie')];
    for (const method of ['PATCH', 'PUT']) {
      const statuses: number[] = [];
      for (const { username, path, call } of people) {
        const json = { username, password: `${method} secret` };
        statuses.push((await call(method, path, { json })).status);
      }
      assert.deepEqual(statuses, method === 'PATCH' ? [200, 200] : [429, 429]);
    }
  });
});

describe('RATE_LIMIT_SIGNUP: the bucket "signup"', () => {
  const signUpFrom = (server: TestServer, address: string, username: string) =>
    server.call('POST', '/users', from(address, { json: { username, password: 'a password' } }));

  it('allows ten sign-ups an hour per address in production, and is off elsewhere', async (t) => {
    const settings = { ...BEHIND_PROXY, RATE_LIMIT_SIGNUP: '' };
    const server = await startServer(t, { ...settings, NODE_ENV: 'production' });
    for (let count = 0; count < 10; count++) {
      assert.equal((await signUpFrom(server, '192.0.2.1', `user ${count}`)).status, 201);
    }
    const refused = await signUpFrom(server, '192.0.2.1', 'one more');
    assertFailure(refused, 429, 'Too Many Requests', 'The limit is 10 requests in 3600 seconds');
    assert.equal(refused.headers['retry-after'], '360');
    assert.equal(refused.headers['ratelimit-policy'], '"signup";q=10;w=3600');
    assert.equal((await signUpFrom(server, '192.0.2.2', 'one more')).status, 201);
    server.clock.ms += 360_000;
    assert.equal((await signUpFrom(server, '192.0.2.1', 'one after that')).status, 201);

    const development = await startServer(t, settings);
    for (let count = 0; count < 11; count++) {
      assert.equal((await signUpFrom(development, '192.0.2.1', `user ${count}`)).status, 201);
    }
  });

  it('is shared by the IPv6 networks of a site', async (t) => {
    const server = await startServer(t, { ...BEHIND_PROXY, RATE_LIMIT_SIGNUP: '2/h' });
    const addresses = ['2001:db8:1:1::1', '2001:db8:1:2::1', '2001:db8:1:3::1', '2001:db8:2:1::1'];
    const statuses: number[] = [];
    for (const [index, address] of addresses.entries()) {
      statuses.push((await signUpFrom(server, address, `user ${index}`)).status);
    }
    assert.deepEqual(statuses, [201, 201, 429, 201]);
  });

  it('is charged by both paths for signing up, and by no other', async (t) => {
    const server = await startServer(t, { RATE_LIMIT_SIGNUP: '100/h' });
    const matt = await createPerson(server, 'matt');
    for (const { method, path } of (await server.call('GET', '/')).json.endpoints) {
      const { headers } = await matt.call(method, path.replaceAll(/:\w+/g, '1'));
      const isSignUp = method === 'POST' && ['/signup', '/users'].includes(path);
      assert.equal(headers['ratelimit-policy'], isSignUp ? '"signup";q=100;w=3600' : undefined, path);
    }
  });
});

describe('endpoint limits', () => {
  const hourly = (tokens: number) => ({ tokens, windowMs: 3_600_000 });

  /** A GET that is charged to these limits, at 9 per hour each. */
  async function startCharged(t: TestContext, limits: readonly ChargedLimit[]) {
    const rates = Object.fromEntries(limitNames.map((name) => [name, hourly(9)]));
    const charged = endpoint({
      method: 'GET',
      path: '/charged',
      group: 'test',
      summary: 'Charged',
      access: anyone,
      limits,
      status: 200,
      response: object({}),
      handle: async () => ({}),
    });
    const limiters = createLimiters(rates as Rates, () => START_MS);
    const { call } = await startPipeline(t, [charged], { limiters });
    return async (query: string) => (await call('GET', `/charged${query}`)).headers.ratelimit;
  }

  it('are all listed, in the order declared', async (t) => {
    const get = await startCharged(t, ['auth', 'default']);
    assert.equal(await get(''), '"auth";r=8;t=400, "default";r=8;t=400');
  });

  it('may be empty', async (t) => {
    const get = await startCharged(t, []);
    assert.equal(await get(''), undefined);
  });

  it('may depend on a key of the query, however it is written', async (t) => {
    const get = await startCharged(t, ['default', { limit: 'auth', ifQuery: 'prefix' }]);
    assert.equal(await get(''), '"default";r=8;t=400');
    assert.equal(await get('?prefixes=a&x=prefix'), '"default";r=7;t=400');
    assert.equal(await get('?prefix=a'), '"default";r=6;t=400, "auth";r=8;t=400');
    assert.equal(await get('?a=b&pre%66ix'), '"default";r=5;t=400, "auth";r=7;t=400');
  });

  it('have no limiter if they are off, nor one for failed logins', () => {
    const off = Object.fromEntries(limitNames.map((name) => [name, null]));
    assert.equal(createLimiters(off as Rates, Date.now).size, 0);
    const rates = { ...off, auth: hourly(9), login: hourly(9) };
    assert.deepEqual([...createLimiters(rates as Rates, Date.now).keys()], ['auth']);
  });
});
