// HTTP's semantics (RFC 9110), item by item, as far as a JSON API has to do with them. How conditions, methods and media types
// work in detail is tested where they are made: here is what a stranger may rely on.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HOST, testExchanges } from '../support/server/exchanges.ts';
import { type CallOptions, startServer } from '../support/server/server.ts';
import { assertError, Wire } from '../support/server/wire.ts';

const USER = '{"username":"matt","password":"secret"}';
const JSON_TYPE = 'Content-Type: application/json\r\n';
const UPGRADE = 'Connection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\nUpgrade';

function request(method: string, target: string, lines = '', body = ''): string {
  return `${method} ${target} HTTP/1.1\r\n${HOST}${lines}\r\n${body}`;
}

function signUp(lines: string): string {
  return request('POST', '/users', `${JSON_TYPE}Content-Length: ${USER.length}\r\n${lines}`, USER);
}

async function signedIn(t: Parameters<typeof startServer>[0]) {
  const server = await startServer(t);
  const id = await server.signUp('matt');
  const { access: token } = await server.signIn('matt');
  const call = (method: string, path: string, options: CallOptions = {}) =>
    server.call(method, path, { token, ...options });
  return { ...server, call, path: `/users/${id}` };
}

describe('§4 Identifiers', { concurrency: true }, () =>
  testExchanges([
    ['§4.1: a target of 8,000 octets is taken', request('GET', `/healthz?${'a'.repeat(7_991)}`), 200, 'open'],
    ['§4.2.1: an empty host is refused', request('GET', 'http:///healthz'), 400, 'open'],
    ['§4.2.2: https names the same paths', request('GET', 'https://a.example/healthz'), 200, 'open'],
    ['§4.2.3: a path that is escaped needlessly is the same', request('GET', '/%68ealthz'), 200, 'open'],
    ['§4.2.4: a user in the authority is refused', request('GET', 'http://a@b/healthz'), 400, 'open'],
    ['§4.2.4: and a user who looks like a host', request('GET', 'http://b.example:80@a/'), 400, 'open'],
    ['§4.3.4: another scheme is refused', request('GET', 'ftp://a/healthz'), 400, 'open'],
  ]),
);

describe('§6, §7, §8 Messages', () => {
  testExchanges([
    [
      '§7.8: websocket is not had',
      request('GET', '/healthz', 'Connection: Upgrade\r\nUpgrade: websocket\r\n'),
      200,
      'closed',
    ],
    ['§7.8: h2c neither', request('GET', '/healthz', `${UPGRADE}: h2c\r\n`), 200, 'closed'],
    ['§7.8: nor with a body', signUp(`${UPGRADE}: h2c\r\n`), 201, 'closed'],
    ['§7.8: nor does an error change', request('GET', '/nowhere', `${UPGRADE}: TLS/1.0\r\n`), 404, 'closed'],
    ['§8.3: two Content-Types', signUp('Content-Type: text/plain\r\n'), 400, 'open'],
    ['§8.4: a coding of the content', signUp('Content-Encoding: gzip\r\n'), 415, 'open'],
  ]);

  it('§6.6.1: every answer has a Date, one to garbage too', async (t) => {
    const { port } = await startServer(t);
    for (const bytes of [request('GET', '/healthz'), request('GET', '/nowhere'), 'garbage\r\n\r\n']) {
      const wire = await Wire.open(port, bytes);
      assert.match((await wire.answer()).headers.date ?? '', /^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/);
      wire.end();
    }
  });

  it('§8.6: 204 and 304 have no Content-Length, the others the right one', async (t) => {
    const { call, path } = await signedIn(t);
    const whole = await call('GET', path);
    assert.equal(whole.headers['content-length'], String(Buffer.byteLength(whole.text)));
    const same = await call('GET', path, { headers: { 'if-none-match': String(whole.headers.etag) } });
    const gone = await call('DELETE', path);
    assert.deepEqual([same.status, gone.status], [304, 204]);
    for (const { headers, text } of [same, gone])
      assert.deepEqual([headers['content-length'], text], [undefined, '']);
  });
});

describe('§9 Methods', () => {
  testExchanges([
    ['§9.1: one that nobody knows', request('BREW', '/users'), 501, 'closed'],
    ['§9.1: case matters', request('get', '/users'), 501, 'closed'],
    ['§9.1: one that is known, but not here', request('DELETE', '/users'), 405, 'open'],
    [
      '§9.3.1: a body with a GET means nothing',
      request('GET', '/healthz', 'Content-Length: 2\r\n', '{}'),
      200,
      'open',
    ],
    ['§9.3.6: CONNECT', request('CONNECT', 'a.example:443'), 405, 'closed'],
    ['§9.3.8: TRACE', request('TRACE', '/users'), 405, 'open'],
  ]);

  it('§9.2.1: safe methods change nothing', async (t) => {
    const { call, path } = await signedIn(t);
    const before = await call('GET', path);
    for (const method of ['GET', 'HEAD', 'OPTIONS', 'TRACE'])
      await call(method, path, { json: { username: 'x' } });
    assert.equal((await call('GET', path)).text, before.text);
    await call('PATCH', path, { json: { username: 'elie' } });
    assert.notEqual((await call('GET', path)).text, before.text, 'one that is not does');
  });

  it('§9.2.2: PUT and DELETE twice are as once', async (t) => {
    const { call, path } = await signedIn(t);
    const { json } = await call('POST', `${path}/posts`, { json: { title: 'A', body: '' } });
    const post = `${path}/posts/${json.id}`;
    const put = () => call('PUT', post, { json: { title: 'B', body: 'b' } });
    assert.equal((await put()).text, (await put()).text);
    assert.deepEqual([(await call('DELETE', post)).status, (await call('DELETE', post)).status], [204, 404]);
  });
});

describe('§10 Expect', () => {
  testExchanges([
    ['§10.1.1: an expectation that nobody meets', signUp('Expect: tea\r\n'), 417, 'closed'],
    [
      '§10.1.1: 100-continue and no body',
      request('GET', '/healthz', 'Expect: 100-continue\r\n'),
      200,
      'closed',
    ],
  ]);

  it('§10.1.1: nothing is to be continued where the answer is final already', async (t) => {
    const { port } = await startServer(t);
    const lines = `Expect: 100-continue\r\n${JSON_TYPE}Content-Length: 40\r\n`;
    const wire = await Wire.open(port, request('POST', '/users/1/posts', lines));
    assertError(await wire.answer(), 401, 'Authorization Required');
    assert.equal(await wire.closed, 'end');
  });
});

describe('§11 Authentication', () => {
  it('§11.6.1, §15.5.2: every 401 has a challenge, and nothing else has one', async (t) => {
    const { call } = await startServer(t);
    for (const [method, path] of [
      ['GET', '/auth'],
      ['POST', '/auth'],
      ['GET', '/users/1'],
      ['POST', '/auth/refresh'],
    ]) {
      const json = { refresh_token: 'a' };
      const { status, headers } = await call(method ?? '', path ?? '', method === 'POST' ? { json } : {});
      assert.equal(status, 401, path);
      assert.match(headers['www-authenticate'] ?? '', /^[\w-]+ realm="[^"]+"$/);
    }
    assert.equal((await call('GET', '/nowhere')).headers['www-authenticate'], undefined);
  });
});

describe('§12 Negotiation', () => {
  for (const headers of [
    { accept: 'text/html' },
    { accept: 'application/json;q=0' },
    { 'accept-charset': 'latin1' },
    { 'accept-encoding': 'gzip;q=1, identity;q=0' },
    { 'accept-language': 'tlh' },
  ]) {
    it(`§12.1: what can’t be had is not refused: ${JSON.stringify(headers)}`, async (t) => {
      const { call } = await startServer(t);
      const answer = await call('GET', '/users', { headers });
      assert.deepEqual(
        [answer.status, answer.json, answer.headers['content-encoding']],
        [200, [], undefined],
      );
    });
  }
});

describe('§13 Conditions', () => {
  const rows: readonly (readonly [string, (tag: string) => Record<string, string>, number, number])[] = [
    ['§13.1.1: If-Match with the tag', (tag) => ({ 'if-match': tag }), 200, 200],
    ['§13.1.1: with another', () => ({ 'if-match': '"a"' }), 412, 412],
    ['§13.1.1: compares strongly', (tag) => ({ 'if-match': `W/${tag}` }), 412, 412],
    ['§13.1.1: with *', () => ({ 'if-match': '*' }), 200, 200],
    // None of its tags matches, so the method must not be performed. Whoever sent it wanted no change unseen: that is a 412.
    ['§13.1.1: with what is no tag', () => ({ 'if-match': 'garbage' }), 412, 412],
    ['§13.1.1: with the tag unquoted', (tag) => ({ 'if-match': tag.slice(1, -1) }), 412, 412],
    ['§13.1.1: with nothing', () => ({ 'if-match': '' }), 412, 412],
    ['§13.1.2: If-None-Match with what is no tag', () => ({ 'if-none-match': 'garbage' }), 200, 200],
    ['§13.1.2: If-None-Match with the tag', (tag) => ({ 'if-none-match': tag }), 304, 412],
    ['§13.1.2: compares weakly', (tag) => ({ 'if-none-match': `W/${tag}` }), 304, 412],
    ['§13.1.2: with *', () => ({ 'if-none-match': '*' }), 304, 412],
    ['§13.1.2: with another', () => ({ 'if-none-match': '"a"' }), 200, 200],
    [
      '§13.1.3: If-Modified-Since means nothing without a date',
      () => ({ 'if-modified-since': new Date(4e12).toUTCString() }),
      200,
      200,
    ],
    [
      '§13.1.4: If-Unmodified-Since neither',
      () => ({ 'if-unmodified-since': new Date(0).toUTCString() }),
      200,
      200,
    ],
    ['§13.2.2: If-Match comes first', (tag) => ({ 'if-match': '"a"', 'if-none-match': tag }), 412, 412],
    ['§14.2: a range may be ignored', () => ({ range: 'bytes=0-1' }), 200, 200],
  ];
  for (const [item, headersOf, read, written] of rows) {
    it(`${item}: ${read} to a GET, ${written} to a PUT`, async (t) => {
      const { call, path } = await signedIn(t);
      const { json } = await call('POST', `${path}/posts`, { json: { title: 'A', body: '' } });
      const post = `${path}/posts/${json.id}`;
      const headers = headersOf(String((await call('GET', post)).headers.etag));
      assert.equal((await call('GET', post, { headers })).status, read);
      assert.equal((await call('PUT', post, { headers, json: { title: 'B', body: '' } })).status, written);
      assert.equal((await call('GET', post)).json.title, written === 200 ? 'B' : 'A');
    });
  }

  it('§13.2.1: a condition does not come before a refusal', async (t) => {
    const { call } = await startServer(t);
    const headers = { 'if-match': '"a"', 'if-none-match': '*' };
    for (const [path, status] of [
      ['/users/1', 401],
      ['/nowhere', 404],
    ] as const) {
      assert.equal((await call('PUT', path, { headers })).status, status);
    }
  });
});

describe('§14 Ranges', () => {
  it('§14.5: a part is not put in place of the whole', async (t) => {
    const { call, path } = await signedIn(t);
    const { json } = await call('POST', `${path}/posts`, { json: { title: 'A', body: '' } });
    const put = (headers: Record<string, string>) =>
      call('PUT', `${path}/posts/${json.id}`, { headers, json: { title: 'B', body: '' } });
    assertError(await put({ 'content-range': 'bytes 0-9/20' }), 400);
    assert.equal((await call('GET', `${path}/posts/${json.id}`)).json.title, 'A');
    assert.equal((await put({})).status, 200);
  });
});

describe('§15 Status codes', () => {
  it('§15.3.2: 201 says where', async (t) => {
    const { call } = await startServer(t);
    const { status, headers } = await call('POST', '/users', { json: { username: 'matt', password: 'x' } });
    assert.deepEqual([status, headers.location], [201, '/users/1']);
  });

  it('§15.4.5: 304 has the headers that 200 would have had', async (t) => {
    const { call, path } = await signedIn(t);
    const whole = await call('GET', path);
    const same = await call('GET', path, { headers: { 'if-none-match': String(whole.headers.etag) } });
    for (const name of ['cache-control', 'etag', 'vary'])
      assert.equal(same.headers[name], whole.headers[name]);
    assert.ok(same.headers.date);
  });

  it('§15.5.6: 405 names what is allowed, and OPTIONS says the same', async (t) => {
    const { call } = await startServer(t);
    for (const path of ['/users', '/users/1', '/auth/logout', '/healthz']) {
      const refused = await call('TRACE', path);
      assertError(refused, 405);
      assert.equal(refused.headers.allow, (await call('OPTIONS', path)).headers.allow);
    }
  });

  it('§15.5.16: 415 names what is accepted', async (t) => {
    const { call } = await startServer(t);
    const answer = await call('POST', '/users', { headers: { 'content-type': 'text/plain' }, body: 'a' });
    assertError(answer, 415);
    assert.match(answer.headers.accept ?? '', /^application\/json, /);
  });
});
