import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import { type AllowedOrigins, corsHeaders, preflightHeaders } from '../../src/http/cors.ts';
import { startServer } from '../support/server/server.ts';

const EXPOSED = 'Location, Link, ETag, Retry-After, RateLimit, RateLimit-Policy, X-Request-Id';
const EXPOSES = ['Access-Control-Expose-Headers', EXPOSED];
const PAGE = 'https://example.com';
const LIST = [PAGE, 'http://localhost:8080'];
const VARY = ['Vary', 'Origin'];

describe('corsHeaders', () => {
  for (const [allowed, origin, headers, why] of [
    [[], undefined, [], 'nobody is allowed, nobody asks'],
    [[], PAGE, [], 'nobody is allowed'],
    ['*', undefined, ['Access-Control-Allow-Origin', '*', ...EXPOSES], 'everybody is, whoever asks'],
    ['*', PAGE, ['Access-Control-Allow-Origin', '*', ...EXPOSES], 'everybody is'],
    [LIST, PAGE, [...VARY, 'Access-Control-Allow-Origin', PAGE, ...EXPOSES], 'the first of the list'],
    [LIST, LIST[1], [...VARY, 'Access-Control-Allow-Origin', LIST[1], ...EXPOSES], 'the second'],
    [LIST, undefined, VARY, 'a cache must not keep this for a page'],
    [LIST, 'https://evil.example', VARY, 'another site'],
    [LIST, 'http://example.com', VARY, 'another scheme'],
    [LIST, `${PAGE}:8443`, VARY, 'another port'],
    [LIST, `${PAGE}.evil.example`, VARY, 'only the start is the same'],
    [LIST, 'https://sub.example.com', VARY, 'a subdomain'],
    [LIST, 'https://EXAMPLE.com', VARY, 'browsers send it in lower case'],
    [LIST, 'null', VARY, 'a sandboxed page'],
    [LIST, '', VARY, 'an empty one'],
    [LIST, '*', VARY, 'a star is no origin'],
  ] as readonly (readonly [AllowedOrigins, string | undefined, string[], string])[]) {
    it(`for ${origin} where ${JSON.stringify(allowed)} is allowed: ${why}`, () => {
      assert.deepEqual(corsHeaders(allowed, origin), headers);
    });
  }
});

describe('preflightHeaders', () => {
  const told = [
    ...['Access-Control-Allow-Methods', 'GET, POST'],
    ...['Access-Control-Allow-Headers', 'Authorization, Content-Type, If-Match, If-None-Match, X-Request-Id'],
    ...['Access-Control-Max-Age', '600'],
  ];
  it('list methods and headers if an origin is allowed, and nothing otherwise', () => {
    assert.deepEqual(preflightHeaders('*', ['GET', 'POST']), told);
    assert.deepEqual(preflightHeaders(LIST, ['GET', 'POST']), told);
    assert.deepEqual(preflightHeaders([], ['GET', 'POST']), []);
  });
});

const preflight = {
  origin: PAGE,
  'access-control-request-method': 'POST',
  'access-control-request-headers': 'authorization, content-type',
};

test('CORS_ORIGIN with a list answers the preflight of a page on it', async (t) => {
  const { call } = await startServer(t, { CORS_ORIGIN: LIST.join(', ') });
  const { status, headers, text } = await call('OPTIONS', '/users', { headers: preflight });
  assert.deepEqual([status, text], [204, '']);
  assert.equal(headers['access-control-allow-origin'], PAGE);
  assert.equal(headers['access-control-allow-methods'], headers.allow);
  assert.match(headers['access-control-allow-headers'] ?? '', /Authorization.*Content-Type/);
  assert.equal(headers['access-control-max-age'], '600');
  assert.equal(headers['access-control-allow-credentials'], undefined);
  assert.equal(headers.vary, 'Origin');
});

test('CORS_ORIGIN with a list allows nothing to a page that is not on it', async (t) => {
  const { call } = await startServer(t, { CORS_ORIGIN: LIST.join(', ') });
  const answer = await call('OPTIONS', '/users', {
    headers: { ...preflight, origin: 'https://evil.example' },
  });
  assert.equal(answer.status, 204);
  assert.equal(answer.headers['access-control-allow-origin'], undefined);
  assert.equal(answer.headers.vary, 'Origin');
});

test('CORS_ORIGIN lets a page read every answer, errors included', async (t) => {
  const { call } = await startServer(t, { CORS_ORIGIN: '*' });
  for (const [method, path, status] of [
    ['GET', '/users', 200],
    ['GET', '/nowhere', 404],
    ['PUT', '/users', 405],
    ['GET', '/auth', 401],
    ['POST', '/users', 400],
    ['GET', '/%', 400],
  ] as const) {
    const answer = await call(method, path, { headers: { origin: PAGE } });
    assert.equal(answer.status, status);
    assert.equal(answer.headers['access-control-allow-origin'], '*', `${method} ${path}`);
    assert.equal(answer.headers['access-control-expose-headers'], EXPOSED);
    assert.equal(answer.headers.vary, undefined);
  }
});

test('CORS_ORIGIN that is not set adds no CORS header', async (t) => {
  const { call } = await startServer(t);
  for (const method of ['OPTIONS', 'GET']) {
    const { headers } = await call(method, '/users', { headers: preflight });
    const told = Object.keys(headers).filter((name) => name.startsWith('access-control-') || name === 'vary');
    assert.deepEqual(told, []);
    assert.equal(headers['x-content-type-options'], 'nosniff');
  }
});
