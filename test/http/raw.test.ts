// What Node's parser refuses, and what it lets through although nobody should: byte for byte, on a socket.

import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import { startServer } from '../support/server/server.ts';
import { assertError, Wire } from '../support/server/wire.ts';

const HOST = 'Host: localhost\r\n';
const JSON_TYPE = 'Content-Type: application/json\r\n';
const USER = '{"username":"matt","password":"secret"}';
const CHUNKS = `${USER.length.toString(16)}\r\n${USER}\r\n0\r\n\r\n`;

type Rows = readonly (readonly [request: string, status: number, why: string])[];

function get(target: string, lines = '', version = '1.1'): string {
  return `GET ${target} HTTP/${version}\r\n${HOST}${lines}\r\n`;
}

function getFrom(host: string, version = '1.1'): string {
  return `GET /healthz HTTP/${version}\r\n${host}\r\n`;
}

function signUp(lines: string, body: string, version = '1.1'): string {
  return `POST /users HTTP/${version}\r\n${HOST}${JSON_TYPE}${lines}\r\n${body}`;
}

/** A test for each row: what the answer is, and that the next connection is served as if nothing had been. */
function testRows(name: string, rows: Rows): void {
  describe(name, () => {
    for (const [request, status, why] of rows) {
      const line = request.slice(0, request.indexOf('\r\n'));
      it(`${JSON.stringify(line.slice(0, 60))} with ${why} is ${status}`, async (t) => {
        const { port, call } = await startServer(t);
        const wire = await Wire.open(port, Buffer.from(request, 'latin1'));
        const answer = await wire.answer();
        if (status < 400) assert.equal(answer.status, status, answer.text);
        else assertError(answer, status);
        wire.end();
        await wire.closed;
        assert.equal(wire.unread, '');
        assert.equal((await call('GET', '/healthz')).status, 200);
      });
    }
  });
}

testRows('Host', [
  [getFrom('Host: localhost:3000\r\n'), 200, 'a good one'],
  [getFrom('Host: [::1]:3000\r\n'), 200, 'IPv6 and a port'],
  [getFrom('Host: my_host.example:\r\n'), 200, 'an empty port'],
  [getFrom('Host: a\r\nHost: a\r\n'), 400, 'two that agree'],
  [getFrom('Host: a\r\nhOST: b\r\n'), 400, 'two that do not'],
  [getFrom(''), 400, 'none'],
  [getFrom('', '1.0'), 200, 'none, which HTTP/1.0 did not know yet'],
  [getFrom('Host: a b\r\n', '1.0'), 400, 'a bad one, in HTTP/1.0 too'],
  [getFrom('Host: a\r\nHost: b\r\n', '1.0'), 400, 'two, in HTTP/1.0 too'],
  [getFrom('Host:\r\n'), 400, 'an empty one'],
  [getFrom('Host: a b\r\n'), 400, 'a space in it'],
  [getFrom('Host: a/b\r\n'), 400, 'a path in it'],
  [getFrom('Host: user@a\r\n'), 400, 'a user in it'],
  [getFrom('Host: a:b\r\n'), 400, 'a port that is no number'],
  [getFrom('Host: a:800000\r\n'), 400, 'a port of six digits'],
  [getFrom('Host: ::1\r\n'), 400, 'IPv6 without brackets'],
  [getFrom('Host: [::1\r\n'), 400, 'half a pair of brackets'],
  [getFrom('Host: [1:2]\r\n'), 400, 'an address that is none'],
  [getFrom('Host: a%41\r\n'), 200, 'an escape'],
  [getFrom('Host: a%zz\r\n'), 400, 'an escape that is none'],
  [getFrom('Host: \xe9\r\n'), 400, 'a byte outside ASCII'],
]);

testRows('HTTP version', [
  [get('/', '', '1.0'), 200, 'the one before'],
  [get('/', '', '1.2'), 505, 'one that was never made'],
  [get('/', '', '0.9'), 505, 'the first one'],
  [get('/', '', '2.0'), 505, 'a later one'],
  [get('/', '', '3.0'), 505, 'the latest one'],
  ['GET /\r\n\r\n', 505, 'none, as the first one had it'],
  ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0', 505, 'the greeting of HTTP/2'],
]);

testRows('Transfer-Encoding and Content-Length', [
  [signUp('Transfer-Encoding: chunked\r\n', CHUNKS), 201, 'chunks'],
  [signUp('Transfer-Encoding: Chunked\r\n', CHUNKS), 201, 'chunks in capitals'],
  [signUp(`Content-Length: ${USER.length}\r\n`, USER), 201, 'a length'],
  [signUp(`Content-Length: ${USER.length}\r\n`, USER, '1.0'), 201, 'a length in HTTP/1.0'],
  [signUp('Transfer-Encoding: chunked\r\n', CHUNKS, '1.0'), 400, 'chunks in HTTP/1.0'],
  [signUp('Transfer-Encoding: gzip, chunked\r\n', CHUNKS), 501, 'a coding that is not spoken'],
  [signUp('Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n', CHUNKS), 501, 'the same on two lines'],
  [signUp('Transfer-Encoding: gzip\r\n', ''), 400, 'a coding that tells no end'],
  [signUp('Transfer-Encoding: chunked, gzip\r\n', CHUNKS), 400, 'codings in the wrong order'],
  [signUp('Transfer-Encoding: chunked, chunked\r\n', CHUNKS), 400, 'chunks in chunks'],
  [signUp('Transfer-Encoding: xchunked\r\n', CHUNKS), 400, 'nearly chunks'],
  [signUp('Content-Length: 39\r\nTransfer-Encoding: chunked\r\n', CHUNKS), 400, 'a length and chunks'],
  [signUp('Transfer-Encoding: chunked\r\nContent-Length: 39\r\n', CHUNKS), 400, 'chunks and a length'],
  [signUp('Content-Length: 39\r\nContent-Length: 40\r\n', USER), 400, 'two lengths'],
  [signUp('Content-Length: 39, 39\r\n', USER), 400, 'a list of lengths'],
  [signUp('Content-Length: +39\r\n', USER), 400, 'a length with a sign'],
  [signUp('Content-Length: -1\r\n', ''), 400, 'a negative length'],
  [signUp('Content-Length: 0x27\r\n', USER), 400, 'a hexadecimal length'],
  [signUp(`Content-Length: ${'9'.repeat(30)}\r\n`, USER), 400, 'a length beyond any number'],
  [signUp('Transfer-Encoding: chunked\r\n', 'zz\r\n'), 400, 'a chunk size that is none'],
  [signUp('Transfer-Encoding: chunked\r\n', `2\r\n{}x\r\n0\r\n\r\n`), 400, 'a chunk longer than its size'],
  [signUp('Transfer-Encoding: chunked\r\n', `-2\r\n{}\r\n0\r\n\r\n`), 400, 'a negative chunk'],
  [
    signUp('Transfer-Encoding: chunked\r\n', `2;${'x'.repeat(17_000)}\r\n`),
    413,
    'a chunk that is all extension',
  ],
]);

testRows('request header lines', [
  [get('/auth', 'Authorization: JWT a\r\nAuthorization: JWT a\r\n'), 400, 'two Authorization'],
  [get('/healthz', 'Authorization: JWT a\r\nauthorization: JWT b\r\n'), 400, 'two, where none is needed'],
  [get('/healthz', 'Authorization: JWT a\r\n'), 200, 'one Authorization'],
  [get('/healthz', `${JSON_TYPE}content-type: text/plain\r\n`), 400, 'two Content-Type'],
  [get('/healthz', 'A: b\r\n'.repeat(199)), 200, 'two hundred headers'],
  [get('/healthz', 'A: b\r\n'.repeat(200)), 431, 'one header more'],
  [get('/healthz', 'A: b\r\n'.repeat(300)), 431, 'three hundred headers'],
  [get('/healthz', 'A:\r\n'.repeat(2500)), 431, 'so many headers that Node would drop some'],
  [get('/healthz', `A: ${'b'.repeat(15_000)}\r\n`), 200, 'a long header'],
  [get('/healthz', `A: ${'b'.repeat(20_000)}\r\n`), 431, 'a header of 20 KB'],
  [get('/healthz', `${'b'.repeat(20_000)}: a\r\n`), 431, 'a name of 20 KB'],
  [get('/healthz', 'A : b\r\n'), 400, 'a space before the colon'],
  [get('/healthz', 'A\r\n'), 400, 'no colon'],
  [get('/healthz', ': b\r\n'), 400, 'no name'],
  [get('/healthz', 'A: \0\r\n'), 400, 'a zero byte'],
  [get('/healthz', 'A: b\r\n c\r\n'), 400, 'a header folded over two lines'],
  [get('/healthz', 'A: b\nC: d\r\n'), 400, 'a bare line feed'],
  [get('/healthz', 'Connection: Upgrade\r\nUpgrade: websocket\r\n'), 200, 'an upgrade that is not had'],
]);

testRows('request method and target', [
  [get(`/nowhere?${'b'.repeat(7_991)}`), 404, 'a target as long as can be'],
  [get(`/nowhere?${'b'.repeat(7_992)}`), 414, 'a target that is one character longer'],
  [get(`/nowhere?${'b'.repeat(20_000)}`), 414, 'a target longer than the parser takes'],
  [get(`/nowhere?${'b'.repeat(100_000)}`), 414, 'a target longer than a packet'],
  [get('http://example.com/healthz'), 200, 'the absolute form'],
  [get('HTTPS://example.com:8443/healthz?a=b'), 200, 'the absolute form of another server'],
  [get('http://example.com'), 200, 'the absolute form without a path'],
  [get('http://example.com/nowhere'), 404, 'the absolute form of nothing'],
  [get('ftp://example.com/healthz'), 400, 'another scheme'],
  [get('//evil/x'), 404, 'two slashes, which name no host'],
  [get('//evil/healthz'), 404, 'two slashes before a path that exists'],
  [get('/healthz#a'), 400, 'a fragment, which no target has'],
  [get('*'), 400, 'a star'],
  [`OPTIONS * HTTP/1.1\r\n${HOST}\r\n`, 204, 'a star: the server as a whole'],
  [get('healthz'), 400, 'no slash'],
  [get('/h\xe9'), 400, 'a byte outside ASCII'],
  [get('/a b'), 400, 'a space inside'],
  [`TRACE /users HTTP/1.1\r\n${HOST}\r\n`, 405, 'a known path'],
  [`TRACE /nowhere HTTP/1.1\r\n${HOST}\r\n`, 404, 'an unknown path'],
  [`PROPFIND /users HTTP/1.1\r\n${HOST}\r\n`, 405, 'a method of WebDAV'],
  [`CONNECT example.com:443 HTTP/1.1\r\n${HOST}\r\n`, 405, 'a tunnel that is not had'],
  [`CONNECT /users HTTP/1.1\r\n${HOST}\r\n`, 405, 'a path, to which there is no tunnel either'],
  [`FOO /users HTTP/1.1\r\n${HOST}\r\n`, 501, 'a method that nobody knows'],
  [`GETS /users HTTP/1.1\r\n${HOST}\r\n`, 501, 'a method that begins like another'],
  [`DESCRIBE /users HTTP/1.1\r\n${HOST}\r\n`, 501, 'a method of another protocol'],
  [`G@T /users HTTP/1.1\r\n${HOST}\r\n`, 400, 'a method that is no token'],
  [`get /users HTTP/1.1\r\n${HOST}\r\n`, 501, 'a method in lower case, which is another one'],
  ['FOO /users\r\n\r\n', 400, 'an unknown method and no version'],
  ['\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n', 400, 'the greeting of TLS'],
  ['garbage\r\n\r\n', 400, 'nothing that makes sense'],
]);

test('TRACE answers 405 with the allowed methods, and echoes nothing', async (t) => {
  const { port } = await startServer(t);
  const wire = await Wire.open(port, `TRACE /users HTTP/1.1\r\n${HOST}Authorization: JWT hidden\r\n\r\n`);
  const answer = await wire.answer();
  assertError(answer, 405);
  assert.equal(answer.headers.allow, 'GET, HEAD, OPTIONS, POST');
  assert.doesNotMatch(answer.text, /hidden/);
  wire.end();
});

test('OPTIONS * lists every supported method, and has no body', async (t) => {
  const { port } = await startServer(t);
  const wire = await Wire.open(port, `OPTIONS * HTTP/1.1\r\n${HOST}\r\n`);
  const { status, headers } = await wire.answer();
  assert.deepEqual([status, headers.allow], [204, 'DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT']);
  assert.equal(headers['content-length'], undefined);
  wire.end();
  await wire.closed;
  assert.equal(wire.unread, '');
});

test('CONNECT answers 405 with an empty Allow, and closes the connection', async (t) => {
  const { port } = await startServer(t);
  const wire = await Wire.open(port, `CONNECT example.com:443 HTTP/1.1\r\n${HOST}\r\n`);
  const answer = await wire.answer();
  assertError(answer, 405);
  assert.deepEqual([answer.headers.allow, answer.headers.connection], ['', 'close']);
  assert.equal(await wire.closed, 'end');
});

test('CONNECT followed by a reset does not affect other clients', async (t) => {
  const { port, call } = await startServer(t);
  for (let count = 0; count < 5; count++) {
    const wire = await Wire.open(port);
    await wire.flush(`CONNECT example.com:443 HTTP/1.1\r\n${HOST}\r\n`);
    wire.reset();
    await wire.closed;
  }
  assert.equal((await call('GET', '/healthz')).status, 200);
});

test('HEAD has the headers of GET and no body', async (t) => {
  const { port } = await startServer(t);
  const wire = await Wire.open(port, get('/users'));
  const whole = await wire.answer();
  wire.write(get('/users').replace('GET', 'HEAD'), get('/users').replace('GET', 'HEAD'));
  for (const bare of [await wire.answer('HEAD'), await wire.answer('HEAD')]) {
    assert.equal(bare.status, 200);
    assert.equal(bare.headers['content-length'], String(whole.text.length));
    assert.equal(bare.headers.etag, whole.headers.etag);
  }
  wire.end();
  await wire.closed;
  assert.equal(wire.unread, '');
});

test('HEAD of an error has its headers and no body', async (t) => {
  const { port } = await startServer(t);
  const wire = await Wire.open(port, `HEAD /nowhere HTTP/1.1\r\n${HOST}\r\n`);
  const { status, headers } = await wire.answer('HEAD');
  assert.equal(status, 404);
  assert.match(headers['content-length'] ?? '', /^[1-9]\d+$/);
  assert.equal(headers['x-content-type-options'], 'nosniff');
  wire.end();
  await wire.closed;
  assert.equal(wire.unread, '');
});

test('X-Request-Id is the client’s if the request parses, else a new one', async (t) => {
  const { port } = await startServer(t);
  for (const [request, expected] of [
    [get('/nowhere', 'X-Request-Id: mine\r\n'), 'mine'],
    [signUp('X-Request-Id: mine\r\nTransfer-Encoding: chunked\r\n', 'zz\r\n'), 'mine'],
    [get('/nowhere', 'X-Request-Id: not mine\r\n'), null],
    [get('/nowhere', 'X-Request-Id: mine\r\nA\r\n'), null],
  ] as const) {
    const wire = await Wire.open(port, request);
    const { headers } = await wire.answer();
    if (expected !== null) assert.equal(headers['x-request-id'], expected);
    else assert.match(headers['x-request-id'] ?? '', /^[\w-]{36}$/);
    wire.end();
  }
});
