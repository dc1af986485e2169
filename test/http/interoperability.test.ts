// Requests as other programs' clients and proxies really send them, from public bug reports against
// other servers. None of them is malformed, and each has made a server fail.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HOST, testExchanges } from '../support/server/exchanges.ts';
import { startServer } from '../support/server/server.ts';

const JSON_TYPE = 'Content-Type: application/json\r\n';
const CHUNKED = 'Transfer-Encoding: chunked\r\n';
const JAVA =
  'Connection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA\r\nUpgrade: h2c\r\n';
const USER = '{"username":"matt","password":"secret"}';
const CHUNKS = `${USER.length.toString(16)}\r\n${USER}\r\n0\r\n`;

function request(method: string, path: string, lines: string, body = '', host = HOST): string {
  return `${method} ${path} HTTP/1.1\r\n${host}${lines}\r\n${body}`;
}

describe('a request of another program', () => {
  testExchanges([
    [
      'Java offers h2c, and sends a chunked body (Kludex/uvicorn 2722)',
      request('POST', '/users', `${JAVA}${JSON_TYPE}${CHUNKED}`, `${CHUNKS}\r\n`),
      201,
      'closed',
    ],
    [
      'Java offers h2c without a body (langchain4j/langchain4j 4582)',
      request('GET', '/users', JAVA),
      200,
      'closed',
    ],
    [
      'a chunked body has a trailer',
      request('POST', '/users', `${JSON_TYPE}${CHUNKED}Trailer: Digest\r\n`, `${CHUNKS}Digest: x\r\n\r\n`),
      201,
      'open',
    ],
    [
      'a name in Host is absolute',
      request('GET', '/users', '', '', 'Host: localhost.:3000\r\n'),
      200,
      'open',
    ],
  ]);

  const empty: readonly [body: string, headers: Record<string, string>][] = [
    ['a type (openapi-ts/openapi-typescript 1477)', { 'content-type': 'application/json' }],
    ['chunks (AsyncHttpClient/async-http-client 564)', { 'transfer-encoding': 'chunked' }],
    ['both', { 'content-type': 'application/json', 'transfer-encoding': 'chunked' }],
  ];
  for (const [body, headers] of empty) {
    it(`the body is empty, but has ${body}: 204`, async (t) => {
      const { call, signUp, signIn } = await startServer(t);
      await signUp('matt');
      const { access: token } = await signIn('matt');
      assert.equal((await call('DELETE', '/auth/sessions', { token, headers })).status, 204);
      assert.equal((await call('GET', '/auth', { token })).status, 401);
    });
  }
});

it('an idle connection outlives the two minutes of a proxy (caddyserver/caddy 6452)', async (t) => {
  const { call } = await startServer(t);
  const answer = await call('GET', '/healthz', { headers: { connection: 'keep-alive' } });
  const value = String(answer.headers['keep-alive']);
  assert.ok(Number(/^timeout=(\d+)$/.exec(value)?.[1]) > 120, value);
});
