// Clients that say they have nothing more to send and wait for their answers (`nc -N`, `shutdown(SHUT_WR)`).

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, test } from 'node:test';
import { LARGE, startWithLongPage } from '../support/server/long-page.ts';
import { connectionsOf } from '../support/server/resources.ts';
import { startServer, type TestServer } from '../support/server/server.ts';
import { assertError, Wire } from '../support/server/wire.ts';

const HOST = 'Host: localhost\r\n';
const HEALTH = `GET /healthz HTTP/1.1\r\n${HOST}\r\n`;
const CHUNKED = [
  `POST /users HTTP/1.1\r\n${HOST}Content-Type: application/json`,
  'Transfer-Encoding: chunked',
  '',
  '5\r\n{',
].join('\r\n');
// Longer than any test takes: nothing but the end of the client's side may end a connection.
const PATIENT = { timeouts: { stallMs: 60_000, headersMs: 60_000, requestMs: 60_000, shutdownMs: 60_000 } };

function post(path: string, json: object, lines = ''): string {
  const body = JSON.stringify(json);
  const head = `POST ${path} HTTP/1.1\r\n${HOST}Content-Type: application/json\r\n${lines}`;
  return `${head}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

function signUp(username: string): string {
  return post('/users', { username, password: 'secret' });
}

/** Sends that, and that it was all. */
async function ended(port: number, bytes: string): Promise<Wire> {
  const wire = await Wire.open(port, bytes);
  wire.end();
  return wire;
}

describe('HttpServer httpAllowHalfOpen: a client that has ended its side', () => {
  test('gets the response with Connection: close, then the end', async (t) => {
    const { port } = await startServer(t, { HASH_CONCURRENCY: '1' }, PATIENT);
    // Each of the passwords before this one takes a turn of the event loop, and in one of them the end is seen.
    const before = await Promise.all(Array.from({ length: 8 }, () => Wire.open(port)));
    const wire = await Wire.open(port);
    before.forEach((other, index) => {
      other.write(signUp(`user${index}`));
    });
    wire.write(signUp('matt'));
    wire.end();
    const { status, headers } = await wire.answer();
    assert.deepEqual([status, headers.connection], [201, 'close']);
    assert.equal(await wire.closed, 'end');
    assert.equal(wire.unread, '');
    for (const other of before) other.end();
  });

  test('gets every response to requests sent in one piece, in order', async (t) => {
    const { port } = await startServer(t, {}, PATIENT);
    const names = Array.from({ length: 10 }, (_, index) => `user${index}`);
    const wire = await ended(port, names.map(signUp).join('') + HEALTH);
    for (const name of names) assert.equal((await wire.answer()).json.username, name);
    assert.equal((await wire.answer()).json.status, 'ok');
    assert.equal(await wire.closed, 'end');
    assert.equal(wire.unread, '');
  });

  test('gets a long response whole, however slowly it reads', async (t) => {
    const server = await startWithLongPage(t, PATIENT);
    const { access } = await server.signIn('matt');
    const wire = await Wire.open(server.port);
    wire.pause();
    wire.write(`GET /users/1/posts HTTP/1.1\r\n${HOST}Authorization: JWT ${access}\r\n\r\n`);
    wire.end();
    let isHeld = false;
    while (!isHeld) isHeld = /^jot_backlog_bytes [1-9]/m.test((await server.call('GET', '/metrics')).text);
    wire.resume();
    assert.equal((await wire.answer()).json[0].body.length, LARGE);
    assert.equal(await wire.closed, 'end');
  });

  for (const [name, bytes] of [
    ['that never sent a byte', ''],
    ['that has its answer', HEALTH],
  ] as const) {
    test(`${name} is disconnected immediately`, async (t) => {
      const server = await startServer(t, {}, PATIENT);
      const wire = await Wire.open(server.port, bytes);
      if (bytes !== '') assert.equal((await wire.answer()).status, 200);
      wire.end();
      assert.equal(await wire.closed, 'end');
      await allGone(server);
    });
  }

  for (const [name, bytes] of [
    ['its head', HEALTH.slice(0, -2)],
    ['its body', signUp('matt').slice(0, -1)],
    ['its chunks', CHUNKED],
  ] as const) {
    test(`in ${name} is 400 immediately, and leaves no open connection`, async (t) => {
      const server = await startServer(t, {}, PATIENT);
      const wire = await ended(server.port, bytes);
      const answer = await wire.answer();
      assertError(answer, 400);
      assert.equal(answer.headers.connection, 'close');
      assert.equal(await wire.closed, 'end');
      await allGone(server);
      assert.deepEqual((await server.call('GET', '/users')).json, []);
    });
  }

  test('in the head of its second request gets the response to the first', async (t) => {
    const { port } = await startServer(t, {}, PATIENT);
    const wire = await ended(port, signUp('matt') + HEALTH.slice(0, -2));
    assert.equal((await wire.answer()).status, 201);
    assert.equal(await wire.closed, 'end');
  });

  test('is answered while the server is closing', async (t) => {
    const { app, port } = await startServer(t, {}, PATIENT);
    const whole = post('/users', { username: 'matt', password: 'secret' }, 'Expect: 100-continue\r\n');
    const wire = await Wire.open(port, whole.slice(0, -1));
    assert.equal((await wire.answer()).status, 100);
    const closed = app.close();
    wire.write(whole.slice(-1));
    wire.end();
    assert.equal((await wire.answer()).status, 201);
    assert.equal(await wire.closed, 'end');
    await closed;
  });

  test('and disconnects altogether does not affect others', async (t) => {
    const server = await startServer(t, {}, PATIENT);
    const socket = connect(server.port, '127.0.0.1');
    socket.end(signUp('matt'), () => socket.destroy());
    await once(socket, 'close');
    await server.signUp('elie');
    await allGone(server);
  });
});

/** Only the one who asks is left: the server takes note of a closed socket a moment after the client does. */
async function allGone(server: TestServer): Promise<void> {
  for (let count = 0; count < 1_000; count++) if ((await connectionsOf(server)) === 0) return;
  assert.fail('a connection is left');
}
