// HTTP/1.1's message syntax (RFC 9112), item by item, as far as a server that is no proxy has to do with it. Further rows on Host,
// framing and header lines stand in `test/http/raw.test.ts`.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HOST, testExchanges } from '../support/server/exchanges.ts';
import { startServer } from '../support/server/server.ts';
import { assertError, Wire } from '../support/server/wire.ts';

const JSON_TYPE = 'Content-Type: application/json\r\n';
const USER = '{"username":"matt","password":"secret"}';
const SIZE = USER.length.toString(16);
const CHUNKS = `${SIZE}\r\n${USER}\r\n0\r\n`;
const HEALTH = `GET /healthz HTTP/1.1\r\n${HOST}\r\n`;
const CHUNKED = 'Transfer-Encoding: chunked\r\n';

function get(lines = '', target = '/healthz', version = '1.1'): string {
  return `GET ${target} HTTP/${version}\r\n${HOST}${lines}\r\n`;
}

function post(lines: string, body: string, version = '1.1'): string {
  return `POST /users HTTP/${version}\r\n${HOST}${JSON_TYPE}${lines}\r\n${body}`;
}

describe('§2 Message', { concurrency: true }, () =>
  testExchanges([
    ['§2.2: empty lines before the request line are passed over', `\r\n\r\n${HEALTH}`, 200, 'open'],
    ['§2.2: a bare LF ends no line', `GET /healthz HTTP/1.1\nHost: a\n\n`, 400, 'closed'],
    ['§2.2: nor does it end the head', `GET /healthz HTTP/1.1\r\n${HOST}\n`, 400, 'closed'],
    ['§2.2: a bare CR is refused in a value', get('A: b\rc\r\n'), 400, 'closed'],
    ['§2.2: a bare CR is refused in a target', get('', '/a\rb'), 400, 'closed'],
    ['§2.2: CR alone ends no line', 'GET /healthz HTTP/1.1\rHost: a\r\r', 400, 'closed'],
    ['§2.2: white space before the first header is refused', `GET / HTTP/1.1\r\n ${HOST}\r\n`, 400, 'closed'],
    ['§2.3: the version’s name is case-sensitive', `GET / http/1.1\r\n${HOST}\r\n`, 400, 'closed'],
    ['§2.3: a version has two digits', get('', '/', '1.10'), 400, 'closed'],
    ['§2.3: HTTP/2.0 is not spoken here', get('', '/', '2.0'), 505, 'closed'],
    ['§2.3: HTTP/0.9 is not spoken here', 'GET /\r\n\r\n', 505, 'closed'],
    ['RFC 9113 §3.4: the greeting of HTTP/2 too', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 505, 'closed'],
    [
      'RFC 8446 §4.1.2: a TLS ClientHello is no request',
      `\x16\x03\x01\0\xc8\x01\0\0\xc4\x03\x03`,
      400,
      'closed',
    ],
    ['a greeting of SSH neither', 'SSH-2.0-OpenSSH_9.6\r\n', 400, 'closed'],
    ['a hundred NULs neither', '\0'.repeat(100), 400, 'closed'],
    [
      'what a PROXY protocol says is no request',
      `PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n${HEALTH}`,
      400,
      'closed',
    ],
  ]),
);

describe('§3 Request line', { concurrency: true }, () =>
  testExchanges([
    ['§3: a tab separates nothing', `GET\t/healthz HTTP/1.1\r\n${HOST}\r\n`, 400, 'closed'],
    ['§3: nothing stands behind the version', `GET /healthz HTTP/1.1 \r\n${HOST}\r\n`, 400, 'closed'],
    ['§3: a method that nobody knows', `BREW /healthz HTTP/1.1\r\n${HOST}\r\n`, 501, 'closed'],
    ['§3: a target of 100 KB', get('', `/${'a'.repeat(100_000)}`), 414, 'closed'],
    ['§3: a target of 10 KB', get('', `/${'a'.repeat(10_000)}`), 414, 'open'],
    ['§3.2: no Host', 'GET /healthz HTTP/1.1\r\n\r\n', 400, 'open'],
    ['§3.2: two Hosts', get('Host: b\r\n'), 400, 'open'],
    ['§3.2: a Host that is none', 'GET / HTTP/1.1\r\nHost: a b\r\n\r\n', 400, 'open'],
    ['§3.2: a fragment', get('', '/healthz#a'), 400, 'open'],
    ['§3.2: NUL in a target', get('', '/a\0b'), 400, 'closed'],
    ['§3.2.1: two slashes are a path and no host', get('', '//evil/healthz'), 404, 'open'],
    ['§3.2.2: the absolute form is served', get('', 'http://b.example/healthz'), 200, 'open'],
    ['§3.2.2: but wants a Host', 'GET http://b/healthz HTTP/1.1\r\n\r\n', 400, 'open'],
    ['§3.2.2: and a valid authority', get('', 'http://b:999999/healthz'), 400, 'open'],
    ['§3.2.3: CONNECT is not had', `CONNECT a:443 HTTP/1.1\r\n${HOST}\r\n`, 405, 'closed'],
    ['§3.2.3: the authority form is for CONNECT', get('', 'a:443'), 400, 'closed'],
    ['§3.2.4: OPTIONS * is about the server', `OPTIONS * HTTP/1.1\r\n${HOST}\r\n`, 204, 'open'],
    ['§3.2.4: * is for OPTIONS', get('', '*'), 400, 'open'],
  ]),
);

describe('§5 Header lines', { concurrency: true }, () =>
  testExchanges([
    ['§5.1: a space before the colon', get('A : b\r\n'), 400, 'closed'],
    ['§5.1: a tab before the colon', get('A\t: b\r\n'), 400, 'closed'],
    ['§5.1: before the one of Content-Length', post('Content-Length : 39\r\n', USER), 400, 'closed'],
    [
      '§5.1: before the one of Transfer-Encoding',
      post('Transfer-Encoding : chunked\r\n', CHUNKS),
      400,
      'closed',
    ],
    ['§5.1: white space around a value is no part of it', get('Accept: \t */* \t\r\n'), 200, 'open'],
    ['§5.2: a header on two lines', get('A: b\r\n c\r\n'), 400, 'closed'],
    ['§5.2: with a tab', get('A: b\r\n\tc\r\n'), 400, 'closed'],
    [
      '§5.2: Transfer-Encoding on two lines',
      post('Transfer-Encoding:\r\n chunked\r\n', CHUNKS),
      400,
      'closed',
    ],
    ['RFC 9110 §5.5: NUL in a value', get('A: b\0c\r\n'), 400, 'closed'],
    ['RFC 9110 §5.5: another control character', get('A: b\x01c\r\n'), 400, 'closed'],
    ['RFC 9110 §5.5: a byte outside ASCII is let through', get('A: \xff\r\n'), 200, 'open'],
    ['RFC 9110 §5.6.2: a name that is no token', get('A(b): c\r\n'), 400, 'closed'],
    ['RFC 6585 §5: 2,500 headers', get('A:\r\n'.repeat(2_500)), 431, 'closed'],
    ['RFC 6585 §5: 20 KB of headers', get(`A: ${'b'.repeat(20_000)}\r\n`), 431, 'closed'],
  ]),
);

describe('§6 Body', { concurrency: true }, () =>
  testExchanges([
    [
      '§6.1: Transfer-Encoding with Content-Length',
      post(`Content-Length: 5\r\n${CHUNKED}`, `${CHUNKS}\r\n`),
      400,
      'closed',
    ],
    [
      '§6.1: an empty Transfer-Encoding with it',
      post('Transfer-Encoding:\r\nContent-Length: 39\r\n', USER),
      400,
      'closed',
    ],
    [
      '§6.1: Transfer-Encoding in HTTP/1.0',
      post(`Connection: keep-alive\r\n${CHUNKED}`, `${CHUNKS}\r\n`, '1.0'),
      400,
      'closed',
    ],
    [
      '§6.1: a coding that is not known',
      post('Transfer-Encoding: gzip, chunked\r\n', `${CHUNKS}\r\n`),
      501,
      'closed',
    ],
    [
      '§6.1: identity is none any more',
      post('Transfer-Encoding: identity, chunked\r\n', `${CHUNKS}\r\n`),
      501,
      'closed',
    ],
    ['§6.1: chunked twice', post(`${CHUNKED}${CHUNKED}`, `${CHUNKS}\r\n`), 400, 'closed'],
    [
      '§6.1: a vertical tab before chunked',
      post('Transfer-Encoding: \x0bchunked\r\n', CHUNKS),
      400,
      'closed',
    ],
    ['§6.2: a length with a sign', post('Content-Length: +5\r\n', USER), 400, 'closed'],
    ['§6.2: a hexadecimal length', post('Content-Length: 0x5\r\n', USER), 400, 'closed'],
    ['§6.2: an empty length', post('Content-Length: \r\n', USER), 400, 'closed'],
    ['§6.2: two numbers', post('Content-Length: 3 9\r\n', USER), 400, 'closed'],
    ['§6.3: a list of one length', post('Content-Length: 5, 5\r\n', USER), 400, 'closed'],
    [
      '§6.3: the same length twice',
      post('Content-Length: 39\r\nContent-Length: 39\r\n', USER),
      400,
      'closed',
    ],
    ['§6.3: two lengths', post('Content-Length: 39\r\nContent-Length: 5\r\n', USER), 400, 'closed'],
    [
      '§6.3: a length of more than 64 bits',
      post('Content-Length: 18446744073709551616\r\n', USER),
      400,
      'closed',
    ],
    ['§6.3: a coding that tells no end', post('Transfer-Encoding: gzip\r\n', ''), 400, 'closed'],
    ['§6.3: a length with a GET delimits it', `${get('Content-Length: 3\r\n')}abc`, 200, 'open'],
    ['§6.3: without either there is no body', `POST /nowhere HTTP/1.1\r\n${HOST}\r\n`, 404, 'open'],
  ]),
);

describe('§7 Chunks', { concurrency: true }, () =>
  testExchanges([
    ['§7.1: chunks in capitals', post('Transfer-Encoding: CHUNKED\r\n', `${CHUNKS}\r\n`), 201, 'open'],
    ['§7.1: leading zeros', post(CHUNKED, `000000000000000000000${CHUNKS}\r\n`), 201, 'open'],
    ['§7.1: a size with a prefix', post(CHUNKED, `0x${CHUNKS}\r\n`), 400, 'closed'],
    ['§7.1: a size with a sign', post(CHUNKED, `+${CHUNKS}\r\n`), 400, 'closed'],
    ['§7.1: a space before a size', post(CHUNKED, ` ${CHUNKS}\r\n`), 400, 'closed'],
    ['§7.1: no size', post(CHUNKED, `\r\n${USER}\r\n0\r\n\r\n`), 400, 'closed'],
    ['§7.1: a size of more than 64 bits', post(CHUNKED, `1${'0'.repeat(16)}\r\n`), 400, 'closed'],
    ['§7.1: a bare LF behind a size', post(CHUNKED, `${SIZE}\n${USER}\r\n0\r\n\r\n`), 400, 'closed'],
    ['§7.1: a bare LF behind the data', post(CHUNKED, `${SIZE}\r\n${USER}\n0\r\n\r\n`), 400, 'closed'],
    ['§7.1: no line end behind the data', post(CHUNKED, `${SIZE}\r\n${USER}0\r\n\r\n`), 400, 'closed'],
    ['§7.1: a bare LF at the very end', post(CHUNKED, `${CHUNKS}\n`), 400, 'closed'],
    [
      '§7.1.1: extensions are passed over',
      post(CHUNKED, `${SIZE};a=b;c="d;e"\r\n${USER}\r\n0\r\n\r\n`),
      201,
      'open',
    ],
    ['§7.1.1: 20 KB of them are not', post(CHUNKED, `${SIZE};${'a'.repeat(20_000)}\r\n`), 413, 'closed'],
    ['§7.1.1: a bare LF in one', post(CHUNKED, `${SIZE};a\n${USER}\r\n0\r\n\r\n`), 400, 'closed'],
    ['§7.1.1: a bare CR in one', post(CHUNKED, `${SIZE};a\rb\r\n${USER}\r\n0\r\n\r\n`), 400, 'closed'],
    [
      '§7.1.2: trailers are passed over, whatever they say',
      post(CHUNKED, `${CHUNKS}Host: b\r\nAuthorization: JWT a\r\n\r\n`),
      201,
      'open',
    ],
    ['§7.1.2: but for a length', post(CHUNKED, `${CHUNKS}Content-Length: 5\r\n\r\n`), 400, 'closed'],
    ['§7.1.2: and a coding', post(CHUNKED, `${CHUNKS}${CHUNKED}\r\n`), 400, 'closed'],
    ['§7.1.2: a trailer without a colon', post(CHUNKED, `${CHUNKS}bad\r\n\r\n`), 400, 'closed'],
    ['§7.1.2: 20 KB of trailers', post(CHUNKED, `${CHUNKS}A: ${'b'.repeat(20_000)}\r\n\r\n`), 431, 'closed'],
  ]),
);

describe('§9 Connection', () => {
  testExchanges([
    ['§9.3: HTTP/1.1 keeps it', HEALTH, 200, 'open'],
    ['§9.3: HTTP/1.0 does not', get('', '/healthz', '1.0'), 200, 'closed'],
    ['§9.3: unless it is asked to', get('Connection: keep-alive\r\n', '/healthz', '1.0'), 200, 'open'],
    ['§9.6: close is heard among other options', get('Connection: a, Close\r\n'), 200, 'closed'],
    ['§9.6: what comes behind close is not answered', get('Connection: close\r\n') + HEALTH, 200, 'closed'],
  ]);

  for (const [name, broken, status] of [
    ['a bad length', post('Content-Length: 5, 5\r\n', USER), 400],
    ['chunks and a length', post(`Content-Length: 5\r\n${CHUNKED}`, `${CHUNKS}\r\n`), 400],
    ['a folded header', get('A: b\r\n c\r\n'), 400],
    ['the greeting of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 505],
    ['a target of 20 KB', get('', `/${'a'.repeat(20_000)}`), 414],
    ['an unknown method', `BREW / HTTP/1.1\r\n${HOST}\r\n`, 501],
  ] as const) {
    it(`§9.3.2: ${name} in the middle of a pipeline is ${status} in its place, and the end`, async (t) => {
      const { port, call } = await startServer(t);
      const smuggled = post(`Content-Length: ${USER.length}\r\n`, USER);
      const wire = await Wire.open(port, Buffer.from(HEALTH + HEALTH + broken + smuggled, 'latin1'));
      for (const _ of [1, 2]) assert.equal((await wire.answer()).status, 200);
      assertError(await wire.answer(), status);
      await wire.closed;
      assert.equal(wire.unread, '');
      assert.deepEqual((await call('GET', '/users')).json, [], 'what came behind was not worked on');
    });
  }

  it('§8, §9.5: a request that ends at any byte but the last is no request, and leaves nothing', async (t) => {
    const { port, call } = await startServer(t);
    const whole = post(`Content-Length: ${USER.length}\r\n`, USER);
    for (let length = 0; length < whole.length; length++) {
      const wire = await Wire.open(port, whole.slice(0, length));
      wire.end();
      await wire.closed;
      assert.match(wire.unread, /^$|^HTTP\/1\.1 400 /, `after ${length} bytes`);
    }
    assert.deepEqual((await call('GET', '/users')).json, []);
    const wire = await Wire.open(port, whole);
    assert.equal((await wire.answer()).status, 201);
    wire.end();
  });

  it('§2.1: a request in two pieces, whatever byte they part at, is the same request', async (t) => {
    const { port } = await startServer(t);
    const whole = post(CHUNKED, `${SIZE};a=b\r\n${USER}\r\n0\r\nC: d\r\n\r\n`);
    const wire = await Wire.open(port, whole);
    assert.equal((await wire.answer()).status, 201);
    for (let length = 1; length < whole.length; length++) {
      await wire.flush(whole.slice(0, length));
      await wire.flush(whole.slice(length));
      assert.equal((await wire.answer()).status, 409, `the same user again, in two at ${length}`);
    }
    wire.end();
    assert.equal(await wire.closed, 'end');
  });
});

describe('§11 Security', () => {
  it('§11.1: what a client sends never becomes a line of the answer’s head', async (t) => {
    const { port } = await startServer(t, { EXPLAIN: 'on', CORS_ORIGIN: 'https://a.example' });
    const evil = 'a%0d%0aSet-Cookie:%20a=b';
    const lines = `Origin: ${evil}\r\nX-Request-Id: ${evil}\r\nAuthorization: ${evil}\r\n`;
    for (const target of [`/users/${evil}`, `/users?order=${evil}`, '/users/1']) {
      const wire = await Wire.open(port, get(lines, target));
      const { headers } = await wire.answer();
      assert.equal(headers['set-cookie'], undefined);
      assert.ok(!JSON.stringify(headers).toLowerCase().includes('set-cookie'));
      wire.end();
    }
  });

  for (const [name, first] of [
    ['CL.TE', `Content-Length: 6\r\n${CHUNKED}`],
    ['TE.CL', `${CHUNKED}Content-Length: 4\r\n`],
    ['TE.TE', `${CHUNKED}Transfer-Encoding: cow\r\n`],
    ['TE.0', 'Transfer-Encoding: chunked, identity\r\n'],
    ['CL.0 by an upgrade', `Content-Length: 0\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n`],
  ] as const) {
    it(`§11.2: no request can be smuggled in with ${name}`, async (t) => {
      const { port, call } = await startServer(t);
      const smuggled = post(`Content-Length: ${USER.length}\r\n`, USER);
      const wire = await Wire.open(port, `POST /users HTTP/1.1\r\n${HOST}${JSON_TYPE}${first}\r\n0\r\n\r\n`);
      const { status, headers } = await wire.answer();
      assert.ok(status === 400 || status === 501, String(status));
      assert.equal(headers.connection, 'close');
      await wire.flush(smuggled);
      await wire.closed;
      assert.equal(wire.unread, '');
      assert.deepEqual((await call('GET', '/users')).json, []);
    });
  }
});
