// Clients that are slow, and clients that are too many. The server's own clock decides; what is waited for is its answer.

import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { describe, test } from 'node:test';
import { setInterval } from 'node:timers/promises';
import { startWithLongPage } from '../support/server/long-page.ts';
import { startServer, type TestServer } from '../support/server/server.ts';
import { assertError, Wire } from '../support/server/wire.ts';

const IMPATIENT = { timeouts: { headersMs: 400, requestMs: 800, checkIntervalMs: 50 } };
// Time enough for an answer on a machine that has much to do, before the time is over.
const UNHURRIED = { timeouts: { headersMs: 3_000, requestMs: 3_000, checkIntervalMs: 50 } };
const HOST = 'Host: localhost\r\n';
const HEALTH = `GET /healthz HTTP/1.1\r\n${HOST}\r\n`;
const BODY = '{"username":"matt","password":"secret"}';

function post(path: string, lines: string): string {
  return `POST ${path} HTTP/1.1\r\n${HOST}Content-Type: application/json\r\n${lines}\r\n`;
}

describe('headersMs and requestMs: a slow client is 408, and its connection is closed', {
  concurrency: true,
}, () => {
  const length = `Content-Length: ${BODY.length}\r\n`;
  for (const [name, request] of [
    ['in its request line', 'GET /hea'],
    ['in its headers', `GET /healthz HTTP/1.1\r\n${HOST}`],
    ['before the first byte of its body', post('/users', length)],
    ['in its body', post('/users', length) + BODY.slice(0, 9)],
    ['in its chunks', `${post('/users', 'Transfer-Encoding: chunked\r\n')}2\r\n{}\r\n`],
    ['in a chunk', `${post('/users', 'Transfer-Encoding: chunked\r\n')}ff\r\n{`],
  ] as const) {
    test(name, async (t) => {
      const { port, call } = await startServer(t, {}, IMPATIENT);
      const wire = await Wire.open(port, request);
      const answer = await wire.answer();
      assertError(answer, 408);
      assert.equal(answer.headers.connection, 'close');
      assert.equal(await wire.closed, 'end');
      assert.equal((await call('GET', '/healthz')).status, 200);
      assert.deepEqual((await call('GET', '/users')).json, []);
    });
  }

  test('in its second request', async (t) => {
    const { port } = await startServer(t, {}, UNHURRIED);
    const wire = await Wire.open(port, HEALTH);
    assert.equal((await wire.answer()).status, 200);
    wire.write('GET /hea');
    assertError(await wire.answer(), 408);
    assert.equal(await wire.closed, 'end');
  });

  test('after 100 Continue', async (t) => {
    const { port } = await startServer(t, {}, UNHURRIED);
    const wire = await Wire.open(port, post('/users', `${length}Expect: 100-continue\r\n`));
    assert.equal((await wire.answer()).status, 100);
    assertError(await wire.answer(), 408);
    assert.equal(await wire.closed, 'end');
  });

  for (const [name, request] of [
    ['headers', `GET /healthz HTTP/1.1\r\n${HOST}A: `],
    ['body', post('/users', 'Content-Length: 60000\r\n')],
  ] as const) {
    test(`that sends its ${name} byte by byte`, async (t) => {
      const { port } = await startServer(t, {}, IMPATIENT);
      const wire = await Wire.open(port, request);
      const answered = wire.answer();
      let isOver = false;
      wire.closed.then(() => {
        isOver = true;
      });
      for await (const _ of setInterval(10)) {
        if (isOver || !(await wire.flush('x'))) break;
      }
      assertError(await answered, 408);
    });
  }
});

describe('requestMs: a slow client that was answered already', { concurrency: true }, () => {
  test('is cut without a second response if the rest of its body does not arrive', async (t) => {
    const { port } = await startServer(t, {}, IMPATIENT);
    const wire = await Wire.open(port, post('/nowhere', 'Content-Length: 10\r\n'), 'x');
    assertError(await wire.answer(), 404);
    assert.equal(await wire.closed, 'end');
    assert.equal(wire.unread, '');
  });

  test('may rest between two requests', async (t) => {
    const { port } = await startServer(t, {}, IMPATIENT);
    const resting = await Wire.open(port, HEALTH);
    assert.equal((await resting.answer()).status, 200);
    // By the time this one is closed, the other has rested for longer than a head may take.
    const silent = await Wire.open(port);
    await silent.closed;
    resting.write(HEALTH);
    assert.equal((await resting.answer()).status, 200);
    resting.end();
  });
});

// Longer than a test, so that only `stallMs` or `keepAliveMs` can end a connection.
const PATIENT = { headersMs: 60_000, requestMs: 60_000, checkIntervalMs: 50 };

describe('stallMs: a client that stops in the middle of a request', { concurrency: true }, () => {
  const length = `Content-Length: ${BODY.length}\r\n`;
  for (const [name, request] of [
    ['in its headers', `GET /healthz HTTP/1.1\r\n${HOST}`],
    ['before the first byte of its body', post('/users', length)],
    ['in its body', post('/users', length) + BODY.slice(0, 9)],
    ['in a chunk', `${post('/users', 'Transfer-Encoding: chunked\r\n')}ff\r\n{`],
    ['in its second request', `${HEALTH}${post('/users', length)}`],
  ] as const) {
    test(`is 408, and its connection is closed: ${name}`, async (t) => {
      const { port } = await startServer(t, {}, { timeouts: { ...PATIENT, stallMs: 800 } });
      const wire = await Wire.open(port, request);
      if (request.startsWith(HEALTH)) assert.equal((await wire.answer()).status, 200);
      const answer = await wire.answer();
      assertError(answer, 408);
      assert.equal(answer.headers.connection, 'close');
      assert.equal(await wire.closed, 'end');
      assert.equal(wire.unread, '');
    });
  }
});

describe('a connection without a request is closed without a response', { concurrency: true }, () => {
  for (const [name, timeouts] of [
    ['headersMs', { headersMs: 200, checkIntervalMs: 50 }],
    ['stallMs', { ...PATIENT, stallMs: 200 }],
  ] as const) {
    test(`${name}: a client that never sends a byte`, async (t) => {
      const { port, log } = await startServer(t, {}, { timeouts });
      const wire = await Wire.open(port);
      assert.equal(await wire.closed, 'end');
      assert.equal(wire.unread, '');
      assert.deepEqual(log, []);
    });
  }

  test('keepAliveMs: a client that sends no further request', async (t) => {
    const { port } = await startServer(t, {}, { timeouts: { ...PATIENT, keepAliveMs: 200 } });
    const wire = await Wire.open(port, HEALTH);
    assert.equal((await wire.answer()).status, 200);
    assert.equal(await wire.closed, 'end');
    assert.equal(wire.unread, '');
  });
});

describe('MAX_CONNECTIONS', () => {
  test('sockets are served, one more is closed without a response', async (t) => {
    const { port } = await startServer(t, { MAX_CONNECTIONS: '2' });
    const first = await Wire.open(port, HEALTH);
    assert.equal((await first.answer()).status, 200);
    const second = await Wire.open(port, HEALTH);
    assert.equal((await second.answer()).status, 200);

    const third = await Wire.open(port);
    await third.closed;
    assert.equal(third.unread, '');
    for (const wire of [first, second]) {
      wire.write(HEALTH);
      assert.equal((await wire.answer()).status, 200);
    }

    first.end();
    assert.equal(await first.closed, 'end');
    assert.equal(await isServedSoon(port), true);
    second.end();
  });
});

// The server takes note of a closed socket a moment after the client does.
async function isServedSoon(port: number): Promise<boolean> {
  for (let count = 0; count < 100; count++) {
    const wire = await Wire.open(port, HEALTH);
    const status = await wire.answer().then(
      (answer) => answer.status,
      () => null,
    );
    wire.end();
    if (status === 200) return true;
  }
  return false;
}

describe('stallMs: a client that does not read its responses', () => {
  /** How many sockets the server has beside the one that asks. */
  async function others({ call }: TestServer): Promise<number> {
    const { text } = await call('GET', '/metrics');
    return Number(/^jot_connections (\d+)$/m.exec(text)?.[1]) - 1;
  }

  test('is cut after no progress, and other clients are served', async (t) => {
    const server = await startWithLongPage(t, { timeouts: { stallMs: 2_000 } });
    const { access } = await server.signIn('matt');
    const socket = connect(server.port, '127.0.0.1').pause();
    // Being cut off is what it is here for.
    socket.on('error', () => socket.destroy());
    t.after(() => socket.destroy());
    await new Promise((resolve) => socket.once('connect', resolve));
    assert.equal(await others(server), 1);
    const request = `GET /users/1/posts HTTP/1.1\r\nHost: a\r\nAuthorization: JWT ${access}\r\n\r\n`;
    await new Promise((resolve) => socket.write(request.repeat(4), resolve));
    while ((await others(server)) > 0);
    assert.equal((await server.call('GET', '/healthz')).status, 200);
  });
});
