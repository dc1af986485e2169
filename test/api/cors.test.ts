// CORS_ORIGIN: which pages of other origins a browser lets read the answers.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Answer, startServer } from '../support/server/server.ts';

const PAGE = 'https://page.example';
const OTHER = 'http://localhost:8080';
const APP = 'capacitor://localhost';
const EXPOSED = 'Location, Link, ETag, Retry-After, RateLimit, RateLimit-Policy, X-Request-Id';

function corsOf({ headers }: Answer) {
  return {
    origin: headers['access-control-allow-origin'],
    exposed: headers['access-control-expose-headers'],
    vary: headers.vary,
  };
}

function preflightOf({ headers }: Answer) {
  const { origin, vary } = corsOf({ headers } as Answer);
  const methods = headers['access-control-allow-methods'];
  const allowed = headers['access-control-allow-headers'];
  return { origin, vary, methods, allowed, maxAge: headers['access-control-max-age'] };
}

const NOBODY = { origin: undefined, exposed: undefined, vary: undefined };

async function read(settings: Record<string, string>, t: Parameters<typeof startServer>[0], origin?: string) {
  const { call } = await startServer(t, settings);
  const headers: Record<string, string> = origin === undefined ? {} : { Origin: origin };
  const answers = [];
  for (const path of ['/users', '/nothing', '/auth', '/healthz']) {
    answers.push(corsOf(await call('GET', path, { headers })));
  }
  return answers;
}

describe('CORS_ORIGIN', () => {
  it('allows no origin by default', async (t) => {
    for (const found of await read({}, t, PAGE)) assert.deepEqual(found, NOBODY);
  });

  it('set to * lets every page read every response, errors too', async (t) => {
    for (const origin of [PAGE, undefined]) {
      const expected = { origin: '*', exposed: EXPOSED, vary: undefined };
      for (const found of await read({ CORS_ORIGIN: '*' }, t, origin)) assert.deepEqual(found, expected);
    }
  });

  it('set to a list allows the requesting origin if it is listed', async (t) => {
    const settings = { CORS_ORIGIN: `${PAGE}, ${OTHER}, ${APP}` };
    for (const origin of [PAGE, OTHER, APP]) {
      for (const found of await read(settings, t, origin)) {
        assert.deepEqual(found, { origin, exposed: EXPOSED, vary: 'Origin' });
      }
    }
  });

  const strangers: [origin: string | undefined, reason: string][] = [
    ['https://other.example', 'another name'],
    ['http://page.example', 'another scheme'],
    ['https://page.example:8443', 'another port'],
    ['https://page.example.evil.example', 'a name that begins with it'],
    ['null', 'a page without an origin'],
    [undefined, 'no page at all'],
  ];
  for (const [origin, reason] of strangers) {
    it(`set to a list allows no other origin, but sends Vary: Origin: ${reason}`, async (t) => {
      for (const found of await read({ CORS_ORIGIN: PAGE }, t, origin)) {
        assert.deepEqual(found, { ...NOBODY, vary: 'Origin' });
      }
    });
  }
});

it('CORS_ORIGIN lets a page read that it has reached a limit (modrinth/code 2591)', async (t) => {
  const { call } = await startServer(t, { CORS_ORIGIN: PAGE, RATE_LIMIT: '1/h' });
  const headers = { Origin: PAGE };
  assert.equal((await call('GET', '/users', { headers })).status, 200);
  const answer = await call('GET', '/users', { headers });
  assert.equal(answer.status, 429);
  assert.deepEqual(corsOf(answer), { origin: PAGE, exposed: EXPOSED, vary: 'Origin' });
});

describe('OPTIONS as a CORS preflight', () => {
  const headers = {
    Origin: PAGE,
    'Access-Control-Request-Method': 'PUT',
    'Access-Control-Request-Headers': 'authorization,content-type,if-match',
  };

  it('lists the methods of the path and the headers that a page may send', async (t) => {
    const settings = [
      ['*', '*', undefined],
      [PAGE, PAGE, 'Origin'],
    ] as const;
    for (const [CORS_ORIGIN, origin, vary] of settings) {
      const { call } = await startServer(t, { CORS_ORIGIN });
      const answer = await call('OPTIONS', '/users/1', { headers });
      assert.deepEqual([answer.status, answer.text], [204, '']);
      const methods = 'DELETE, GET, HEAD, OPTIONS, PATCH, PUT';
      assert.equal(answer.headers.allow, methods);
      const allowed = 'Authorization, Content-Type, If-Match, If-None-Match, X-Request-Id';
      assert.deepEqual(preflightOf(answer), { origin, vary, methods, allowed, maxAge: '600' });
    }
  });

  it('does not allow an origin that is not listed', async (t) => {
    const { call } = await startServer(t, { CORS_ORIGIN: OTHER });
    const answer = await call('OPTIONS', '/users/1', { headers });
    assert.equal(answer.status, 204);
    assert.deepEqual(corsOf(answer), { ...NOBODY, vary: 'Origin' });
  });

  it('is an ordinary OPTIONS if no origin is allowed', async (t) => {
    const { call } = await startServer(t);
    const answer = await call('OPTIONS', '/users/1', { headers });
    assert.equal(answer.status, 204);
    const nothing = {
      origin: undefined,
      vary: undefined,
      methods: undefined,
      allowed: undefined,
      maxAge: undefined,
    };
    assert.deepEqual(preflightOf(answer), nothing);
  });

  it('needs no token, and is 404 for an unknown path', async (t) => {
    const { call } = await startServer(t, { CORS_ORIGIN: '*' });
    assert.equal((await call('OPTIONS', '/users/1/posts/1', { headers })).status, 204);
    assert.equal((await call('OPTIONS', '/nothing', { headers })).status, 404);
  });
});

describe('OPTIONS', () => {
  const rows: [path: string, allow: string][] = [
    ['/', 'GET, HEAD, OPTIONS'],
    ['/auth', 'GET, HEAD, OPTIONS, POST'],
    ['/auth/refresh', 'OPTIONS, POST'],
    ['/auth/sessions', 'DELETE, GET, HEAD, OPTIONS'],
    ['/auth/sessions/x', 'DELETE, OPTIONS'],
    ['/users', 'GET, HEAD, OPTIONS, POST'],
    ['/users/1/posts', 'GET, HEAD, OPTIONS, POST'],
    ['/users/1/posts/1', 'DELETE, GET, HEAD, OPTIONS, PATCH, PUT'],
    ['/metrics', 'GET, HEAD, OPTIONS'],
    ['*', 'DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT'],
  ];
  for (const [path, allow] of rows) {
    it(`${path} is 204 with ${allow}; any other method is 405 with the same Allow`, async (t) => {
      const { call } = await startServer(t);
      const { status, headers, text } = await call('OPTIONS', path);
      assert.deepEqual([status, headers.allow, text], [204, allow, '']);
      const missing = ['TRACE', 'PUT', 'GET'].find((method) => !allow.includes(method)) ?? '';
      if (path === '*') return;
      const refused = await call(missing, path);
      assert.deepEqual([refused.status, refused.headers.allow], [405, allow]);
      assert.equal(refused.json.error, 'Method Not Allowed');
    });
  }
});
