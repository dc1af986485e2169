// What an answer says about the rate limits: the IETF draft's headers, and the older ones that Flask-Limiter sends.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createPerson } from '../support/server/person.ts';
import { type Answer, START_MS, startServer } from '../support/server/server.ts';

const NOW = START_MS / 1000;
const NAMES = [
  'ratelimit-policy',
  'ratelimit',
  'x-ratelimit-limit',
  'x-ratelimit-remaining',
  'x-ratelimit-reset',
];

function limitsOf({ headers }: Answer): unknown[] {
  return NAMES.map((name) => headers[name]);
}

describe('RateLimit and RateLimit-Policy', () => {
  it('match the contract at the default rate', async (t) => {
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

  it('are absent from 404, 405, OPTIONS and the system paths', async (t) => {
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

  it('are absent if the buckets are off', async (t) => {
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
