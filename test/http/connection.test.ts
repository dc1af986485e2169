// The socket side alone, under a handler that answers when it is told to: what is kept of clients that send ahead, of broken
// ones, and in which order it is worked on.

import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { describe, type TestContext, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { type Exchange, WAITING_BYTES_MAX } from '../../src/http/connection.ts';
import { DEFAULT_TIMEOUTS, HttpServer, type ParserFailure } from '../../src/http/server.ts';
import { TurnQueue } from '../../src/http/turn-queue.ts';
import { bytesInUse } from '../support/server/resources.ts';
import { Wire } from '../support/server/wire.ts';

const KIB = 1024;
const LENGTH = 'Content-Length: 3\r\n\r\n';

function get(path: string, lines = ''): string {
  return `GET ${path} HTTP/1.1\r\nHost: a\r\n${lines}\r\n`;
}

const UPGRADE = get('/', 'Connection: Upgrade\r\nUpgrade: h2c\r\n');
const UPLOAD = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n';

async function start(t: TestContext, waitingBytesMax = WAITING_BYTES_MAX) {
  const handled: Exchange[] = [];
  const failures: ParserFailure[] = [];
  const server = new HttpServer({
    handle: (request, response) => handled.push({ request, response }),
    onParserFailure: (failure) => {
      failures.push(failure);
      // Begun, and not over when the request's turn comes.
      if (failure.exchange !== null)
        failure.exchange.response.writeHead(400, { 'Content-Length': 3 }).write('bad');
      else failure.socket.end(`HTTP/1.1 400 Bad Request\r\n${LENGTH}bad`);
    },
    onAcceptFailure: (error) => assert.fail(error),
    onConnectionsLowered: () => undefined,
    connectionsMax: 1_000,
    waitingBytesMax,
    turns: new TurnQueue(64),
    timeouts: { ...DEFAULT_TIMEOUTS, shutdownMs: 0 },
  });
  const { port } = await server.listen(0, '127.0.0.1');
  t.after(() => server.close());
  const paths = () => handled.map(({ request }: { request: IncomingMessage }) => request.url);
  /** Until that is so; each look is a turn of the event loop. */
  const until = async (isSo: () => boolean) => {
    while (!isSo()) {
      // Else it would keep the process after the test has run out of time.
      t.signal.throwIfAborted();
      await setImmediate();
    }
  };
  return { server, port, handled, failures, paths, until };
}

describe('WAITING_BYTES_MAX: pipelined requests', () => {
  // Of each packet the first request is worked on, and kept whatever it takes.
  for (const [name, request] of [
    ['small ones, which a packet holds by the thousand', get('/')],
    ['ones that are small on the wire and large in memory', get('/', 'a:b\r\n'.repeat(195))],
  ] as const) {
    test(`bound the memory in use: ${name}`, async (t) => {
      const { port, handled, until } = await start(t, 512 * KIB);
      const packet = Buffer.from(request.repeat(Math.floor((64 * KIB) / request.length)));
      const wires = await Promise.all(Array.from({ length: 40 }, () => Wire.open(port, request)));
      await until(() => handled.length === wires.length);
      const before = await bytesInUse();
      const more = await Promise.all(Array.from({ length: 40 }, () => Wire.open(port)));
      for (const wire of more) await wire.flush(packet);
      await until(() => handled.length === 2 * wires.length);
      const grown = (await bytesInUse()) - before;
      // Forty connections with a request of some 20 KB, and what may wait, each with ample room: without a bound the first
      // kind takes 6 MB, the second 20.
      const most = 40 * 40 * KIB + 4 * 512 * KIB;
      assert.ok(grown < most, `${grown} bytes more are in use`);
      for (const wire of [...wires, ...more]) wire.reset();
    });
  }
});

describe('HttpServer: the memory of a connection', () => {
  // Distinct names, as small as they get: each costs more in memory than on the wire.
  const lines = Array.from({ length: 2_000 }, (_, index) => `${index.toString(36)}:\r\n`);
  for (const [name, head, isHandled] of [
    ['a head of 2,000 headers that does not end', get('/', lines.join('')).slice(0, -2), false],
    ['a response to 200 headers', get('/', lines.slice(0, 199).join('')), true],
    ['a response to a head of 15 KB', get('/', `A: ${'a'.repeat(15 * KIB)}\r\n`), true],
    ['a response before the body', `${UPLOAD.slice(0, -2)}A: ${'a'.repeat(15 * KIB)}\r\n\r\n`, true],
  ] as const) {
    test(`is bounded after ${name}`, async (t) => {
      const { server, port, handled, until } = await start(t);
      const COUNT = 200;
      const wires = await Promise.all(Array.from({ length: COUNT }, () => Wire.open(port)));
      await until(() => server.connections === COUNT);
      const before = await bytesInUse();
      for (const wire of wires) await wire.flush(head);
      if (isHandled) {
        await until(() => handled.length === COUNT);
        for (const { response } of handled.splice(0)) response.end('ok');
        for (const wire of wires) await wire.answer();
        if (head.startsWith(UPLOAD.slice(0, -2)))
          for (const wire of wires) await wire.flush('x'.repeat(1_000));
      }
      // A request on a last connection is read after those before it.
      const last = await Wire.open(port, get('/'));
      await until(() => handled.length === 1);
      const bytes = ((await bytesInUse()) - before) / COUNT;
      assert.ok(bytes < (isHandled ? 8 : 20) * KIB, `${bytes} bytes are in use for each connection`);
      for (const wire of [...wires, last]) wire.reset();
    });
  }
});

describe('HttpServer.requests', () => {
  for (const [name, isAnswered] of [
    ['before an answer', false],
    ['in the middle of an answer', true],
  ] as const) {
    test(`excludes waiting requests of a connection that broke ${name}`, async (t) => {
      const { server, port, handled, until } = await start(t, 16 * KIB);
      const broken = await Wire.open(port, get('/'), get('/'), get('/', `A: ${'a'.repeat(15 * KIB)}\r\n`));
      await until(() => server.requests === 3 && handled.length === 1);
      if (isAnswered) handled[0]?.response.write('half');
      broken.reset();
      await until(() => server.connections === 0);
      const wire = await Wire.open(port, get('/first') + get('/second'));
      await until(() => handled.length === 2);
      assert.equal(server.requests, 2);
      wire.reset();
    });
  }
});

describe('HttpServerOptions.onParserFailure', () => {
  for (const [name, lines, broken, refusals] of [
    ['garbage', '', 'garbage\r\n\r\n', 1],
    ['bytes after a Connection: close', 'Connection: close\r\n', 'x', 0],
    ['a tunnel', '', 'CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n', 1],
    ['one more than may wait', '', get('/'), 0],
    ['one more than may wait, and one that asks for another protocol', '', get('/') + UPGRADE, 0],
    ['one more than may wait, of which half comes', '', UPLOAD, 0],
  ] as const) {
    test(`is called at most once for ${name} sent while a response is pending`, async (t) => {
      const { port, handled, failures, until } = await start(t, 0);
      const wire = await Wire.open(port, get('/', lines));
      await until(() => handled.length === 1);
      const [first] = handled;
      assert.ok(first);
      const { response, request } = first;
      const before = response.listenerCount('close');
      const read = request.socket.bytesRead;
      await wire.flush(broken);
      await until(() => request.socket.bytesRead === read + broken.length);
      for (let count = 1; count <= 10; count++) {
        await wire.flush('x');
        await until(() => request.socket.bytesRead === read + broken.length + count);
      }
      // Behind its end a client is refused nothing.
      if (refusals === 0) wire.end();
      await until(() => refusals > 0 || request.socket.readableEnded);
      assert.equal(response.listenerCount('close'), before + 1);
      response.end('ok');
      assert.equal(await wire.closed, 'end');
      assert.match(wire.unread, /^HTTP\/1\.1 200 OK\r\n/);
      assert.equal(failures.length, refusals);
    });
  }
});

test('HttpServer: bytes after garbage are discarded up to a bound, and then no longer read', async (t) => {
  const { port, handled, until } = await start(t);
  const wire = await Wire.open(port, get('/'));
  await until(() => handled.length === 1);
  const socket = handled[0]?.request.socket;
  assert.ok(socket);
  wire.write('garbage\r\n\r\n', ...Array<Buffer>(64).fill(Buffer.alloc(1024 * KIB)));
  await until(() => socket.isPaused());
  assert.ok(socket.bytesRead < 4.25 * 1024 * KIB, `${socket.bytesRead} bytes were read`);
  wire.reset();
});

describe('HttpServerOptions.handle', () => {
  test('is called after all requests of one turn are read', async (t) => {
    const { server, port, handled, paths, until } = await start(t);
    const wires = await Promise.all(Array.from({ length: 3 }, () => Wire.open(port)));
    await until(() => server.connections === 3);
    const seen: number[] = [];
    // All three lie in the kernel before the loop turns.
    wires.forEach((wire, index) => {
      wire.write(get(`/${index}`));
    });
    await until(() => {
      if (handled.length > 0) seen.push(server.requests);
      return handled.length === 3;
    });
    assert.deepEqual(paths().sort(), ['/0', '/1', '/2']);
    assert.equal(seen[0], 3);
    for (const wire of wires) wire.reset();
  });

  test('is not called if the client of a parsed request disconnects before its turn', async (t) => {
    const { server, port, handled, until } = await start(t);
    const wire = await Wire.open(port, get('/first') + get('/second'));
    await until(() => handled.length === 1);
    wire.reset();
    await wire.closed;
    await until(() => server.connections === 0);
    await setImmediate();
    assert.equal(handled.length, 1);
    assert.equal(server.requests, 0);
  });

  test('is not called if the body turns out to be malformed before its turn', async (t) => {
    const { port, handled, failures, until } = await start(t);
    const head = 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n';
    const wire = await Wire.open(port, `${head}zz\r\n`);
    await until(() => failures.length === 1);
    assert.equal(failures[0]?.exchange?.request.method, 'POST');
    assert.equal((await wire.answer()).status, 400);
    assert.equal(handled.length, 0);
    wire.reset();
  });
});
