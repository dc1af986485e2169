// MAX_BODY holds whatever the headers claim, and a client that sends more sees the answer and not a reset.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { start } from '../support/process/command.ts';
import { startServer } from '../support/server/server.ts';
import { assertError, Wire } from '../support/server/wire.ts';

const MAX_BYTES = 1024;
const LIMITED = { MAX_BODY: String(MAX_BYTES) };
const HEALTH = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n';
const PIECE = Buffer.alloc(64 * 1024, 'x');
const ONE_CHUNK = `${(48 * PIECE.length).toString(16)}\r\n`;
const CONTINUE = 'Expect: 100-continue';

function head(path: string, ...lines: string[]): string {
  const first = [`POST ${path} HTTP/1.1`, 'Host: localhost', 'Content-Type: application/json'];
  return `${[...first, ...lines].join('\r\n')}\r\n\r\n`;
}

function signUp(...lines: string[]): string {
  return head('/users', ...lines);
}

/** A body that signs up, filled up with white space. */
function bodyOf(bytes: number): string {
  return '{"username":"matt","password":"secret"}'.padEnd(bytes);
}

/** In chunks of a hundred bytes. */
function chunked(text: string): string {
  const chunks = text.match(/.{1,100}/g) ?? [];
  return `${chunks.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join('')}0\r\n\r\n`;
}

describe('MAX_BODY', () => {
  for (const [name, request] of [
    ['a length', (bytes: number) => signUp(`Content-Length: ${bytes}`) + bodyOf(bytes)],
    ['chunks', (bytes: number) => signUp('Transfer-Encoding: chunked') + chunked(bodyOf(bytes))],
  ] as const) {
    test(`with ${name} lets exactly that many bytes pass, and not one more`, async (t) => {
      const { port, call } = await startServer(t, LIMITED);
      const over = await Wire.open(port, request(MAX_BYTES + 1));
      const refusal = await over.answer();
      assertError(refusal, 413);
      assert.equal(refusal.json.description, `The body is larger than ${MAX_BYTES} bytes`);
      assert.deepEqual((await call('GET', '/users')).json, []);
      const within = await Wire.open(port, request(MAX_BYTES));
      assert.equal((await within.answer()).status, 201);
      for (const wire of [over, within]) wire.end();
    });
  }

  test('is 64 KiB unless it is set', async (t) => {
    const { call } = await startServer(t);
    const headers = { 'content-type': 'application/json' };
    const over = await call('POST', '/users', { headers, body: bodyOf(64 * 1024 + 1) });
    assertError(over, 413);
    const within = await call('POST', '/users', { headers, body: bodyOf(64 * 1024) });
    assert.equal(within.status, 201);
  });

  test('counts bytes and not characters', async (t) => {
    const { call } = await startServer(t, LIMITED);
    const tooMany = JSON.stringify({ username: 'matt', password: 'é'.repeat(MAX_BYTES / 2) });
    const over = await call('POST', '/users', {
      headers: { 'content-type': 'application/json' },
      body: tooMany,
    });
    assert.ok(tooMany.length < MAX_BYTES);
    assertError(over, 413);
  });

  test('holds for forms too', async (t) => {
    const { call } = await startServer(t, LIMITED);
    assertError(await call('POST', '/users', { form: { username: 'x'.repeat(MAX_BYTES) } }), 413);
  });

  test('is checked after 404, 405, 401 and 415', async (t) => {
    const { call } = await startServer(t, LIMITED);
    const options = { body: bodyOf(MAX_BYTES + 1), headers: { 'content-type': 'text/plain' } };
    assertError(await call('POST', '/nowhere', options), 404);
    assertError(await call('PUT', '/users', options), 405);
    assertError(await call('POST', '/users/1/posts', options), 401, 'Authorization Required');
    assertError(await call('POST', '/users', options), 415);
  });
});

describe('MAX_BODY: a body that is too large', () => {
  test('by its Content-Length is 413 before a byte of it was sent, and the connection is closed', async (t) => {
    const { port } = await startServer(t, LIMITED);
    const wire = await Wire.open(port, signUp(`Content-Length: ${MAX_BYTES + 1}`));
    const answer = await wire.answer();
    assertError(answer, 413);
    assert.equal(answer.headers.connection, 'close');
    assert.equal(await wire.closed, 'end');
  });

  test('by a Content-Length that no number holds exactly is 413 too', async (t) => {
    const { port } = await startServer(t, LIMITED);
    const wire = await Wire.open(port, signUp('Content-Length: 18446744073709551615'));
    assertError(await wire.answer(), 413);
    wire.end();
  });

  test('in chunks is 413 while it is still being sent', async (t) => {
    const { port } = await startServer(t, LIMITED);
    const wire = await Wire.open(port, signUp('Transfer-Encoding: chunked'));
    wire.write(`${MAX_BYTES.toString(16)}\r\n${'x'.repeat(MAX_BYTES)}\r\n1\r\nx\r\n`);
    const answer = await wire.answer();
    assertError(answer, 413);
    assert.equal(answer.headers.connection, 'close');
    wire.write('0\r\n\r\n');
    assert.equal(await wire.closed, 'end');
  });

  for (const [name, lines, before] of [
    ['with its length', [`Content-Length: ${48 * PIECE.length}`], ''],
    ['in one chunk', ['Transfer-Encoding: chunked'], ONE_CHUNK],
    ['that should wait for 100', [`Content-Length: ${48 * PIECE.length}`, CONTINUE], ''],
  ] as const) {
    test(`of three megabytes ${name} is 413 for a client that is still sending`, async (t) => {
      const { port, call } = await startServer(t);
      const wire = await Wire.open(port, signUp(...lines) + before);
      const answered = wire.answer();
      for (let count = 0; count < 48 && (await wire.flush(PIECE)); count++);
      assertError(await answered, 413);
      wire.end();
      await wire.closed;
      assert.equal(wire.unread, '');
      assert.equal((await call('GET', '/healthz')).status, 200);
    });
  }

  for (const [path, expect, status] of [
    ['/users', '', 413],
    ['/users', '100-continue', 413],
    ['/nowhere', '', 404],
    ['/nowhere', '100-continue', 404],
  ] as const) {
    const name = expect === '' ? path : `${path} with Expect`;
    test(`of three megabytes to ${name} is ${status} for a client in another process that waits for nothing`, async (t) => {
      const { port } = await startServer(t);
      const args = [String(port), path, String(48 * PIECE.length), expect, '20'];
      const { ended } = start(t, ['scripts/run.mjs', 'test/support/server/eager-client.ts', ...args]);
      const { stdout } = await ended;
      assert.deepEqual(JSON.parse(stdout), Array(20).fill(String(status)));
    });
  }

  for (const [name, path, lines, before, status] of [
    ['with its length', '/users', [`Content-Length: ${48 * PIECE.length}`], '', 413],
    ['in one chunk', '/users', ['Transfer-Encoding: chunked'], ONE_CHUNK, 413],
    ['that should wait for 100', '/users', [`Content-Length: ${48 * PIECE.length}`, CONTINUE], '', 413],
    ['for an unknown path', '/nowhere', [`Content-Length: ${48 * PIECE.length}`], '', 404],
  ] as const) {
    test(`of three megabytes ${name} is ${status} for a client that sends it all before it reads`, async (t) => {
      const { port } = await startServer(t);
      const wire = await Wire.open(port);
      wire.pause();
      const isSent = await wire.flush(
        Buffer.concat([Buffer.from(head(path, ...lines) + before), ...Array(48).fill(PIECE)]),
      );
      wire.resume();
      assert.equal(isSent, true, 'the connection was reset');
      assertError(await wire.answer(), status);
      wire.end();
    });
  }

  for (const [path, status, error] of [
    ['/nowhere', 404, undefined],
    ['/users/1/posts', 401, 'Authorization Required'],
  ] as const) {
    test(`is ${status} if no endpoint reads it, and is not read to the end: ${path}`, async (t) => {
      const { port } = await startServer(t);
      const wire = await Wire.open(port, head(path, `Content-Length: ${48 * PIECE.length}`));
      const answered = wire.answer();
      for (let count = 0; count < 48 && (await wire.flush(PIECE)); count++);
      const answer = await answered;
      assertError(answer, status, error);
      assert.equal(answer.headers.connection, 'close');
      await wire.closed;
    });
  }

  test('without an end is cut eventually', async (t) => {
    const { port, call } = await startServer(t);
    const wire = await Wire.open(port, signUp('Transfer-Encoding: chunked'), 'ffffffff\r\n');
    const answered = wire.answer();
    let sent = 0;
    while (sent < 64 * 1024 * 1024 && (await wire.flush(PIECE))) sent += PIECE.length;
    assertError(await answered, 413);
    assert.ok(sent < 64 * 1024 * 1024, 'the server read everything');
    await wire.closed;
    assert.equal((await call('GET', '/healthz')).status, 200);
  });

  test('has a response of headers only for HEAD', async (t) => {
    const { port } = await startServer(t);
    const request = `HEAD /users HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${1e6}\r\n\r\n`;
    const wire = await Wire.open(port, request);
    const { status, headers } = await wire.answer('HEAD');
    assert.deepEqual([status, headers['content-length'], headers.connection], [200, '3', 'close']);
    wire.end();
    await wire.closed;
    assert.equal(wire.unread, '');
  });
});

describe('Content-Length', () => {
  test('that is too small makes the rest a second request, which is 400', async (t) => {
    const { port } = await startServer(t, LIMITED);
    const wire = await Wire.open(
      port,
      signUp('Content-Length: 2'),
      bodyOf(MAX_BYTES * 2).replace(/^./, '{}'),
    );
    assert.equal((await wire.answer()).status, 400);
    assertError(await wire.answer(), 400);
    await wire.closed;
    assert.equal(wire.unread, '');
  });

  test('that is too large is 400 after the client ended its side', async (t) => {
    const { port, call } = await startServer(t, LIMITED);
    const wire = await Wire.open(port, signUp(`Content-Length: ${MAX_BYTES}`), bodyOf(100));
    wire.end();
    assertError(await wire.answer(), 400);
    assert.equal(await wire.closed, 'end');
    assert.deepEqual((await call('GET', '/users')).json, []);
  });

  test('that is right leaves the connection usable', async (t) => {
    const { port } = await startServer(t, LIMITED);
    const wire = await Wire.open(port, signUp('Content-Length: 100') + bodyOf(100) + HEALTH);
    assert.equal((await wire.answer()).status, 201);
    assert.equal((await wire.answer()).status, 200);
    wire.end();
  });
});
