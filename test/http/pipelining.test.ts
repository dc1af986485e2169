// Several requests on one connection, sent without waiting: their answers come whole and in order.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PIPELINED_MAX } from '../../src/http/connection.ts';
import { startServer } from '../support/server/server.ts';
import { assertError, Wire } from '../support/server/wire.ts';

const HOST = 'Host: localhost\r\n';
const HEALTH = `GET /healthz HTTP/1.1\r\n${HOST}\r\n`;
const NOWHERE = `GET /nowhere HTTP/1.1\r\n${HOST}\r\n`;

// Takes longer than what only reads, so that its answer is not there yet when the next request is.
function signUp(username: string, lines = ''): string {
  const body = JSON.stringify({ username, password: 'secret' });
  const head = `POST /users HTTP/1.1\r\n${HOST}Content-Type: application/json\r\n${lines}`;
  return `${head}Content-Length: ${body.length}\r\n\r\n${body}`;
}

describe('PIPELINED_MAX and the order of responses', () => {
  test('two requests are answered in order, the slow one first', async (t) => {
    const { port } = await startServer(t);
    const wire = await Wire.open(port, signUp('matt') + NOWHERE + HEALTH);
    assert.equal((await wire.answer()).json.username, 'matt');
    assertError(await wire.answer(), 404);
    assert.equal((await wire.answer()).json.status, 'ok');
    wire.end();
    assert.equal(await wire.closed, 'end');
  });

  test('twenty writes in one piece are answered in order', async (t) => {
    const { port } = await startServer(t);
    const names = Array.from({ length: 20 }, (_, index) => `user${index}`);
    const wire = await Wire.open(port, names.map((name) => signUp(name)).join(''));
    for (const name of names) assert.equal((await wire.answer()).json.username, name);
    wire.end();
  });

  test('a request in single bytes is answered as one in one piece is', async (t) => {
    const { port } = await startServer(t);
    const wire = await Wire.open(port);
    for (const byte of Buffer.from(signUp('matt'))) await wire.flush(Buffer.of(byte));
    assert.equal((await wire.answer()).status, 201);
    wire.end();
  });

  for (const [name, garbage, status] of [
    ['garbage', 'garbage\r\n\r\n', 400],
    ['headers that are too large', `${HEALTH.slice(0, -2)}A: ${'b'.repeat(20_000)}\r\n\r\n`, 431],
    ['a tunnel', `CONNECT example.com:443 HTTP/1.1\r\n${HOST}\r\n`, 405],
  ] as const) {
    test(`${name} after valid requests is ${status} after their answers, then the end`, async (t) => {
      const { port, call } = await startServer(t);
      const wire = await Wire.open(port, signUp('matt') + HEALTH + garbage + HEALTH);
      assert.equal((await wire.answer()).status, 201);
      assert.equal((await wire.answer()).status, 200);
      const refusal = await wire.answer();
      assertError(refusal, status);
      assert.equal(refusal.headers.connection, 'close');
      await wire.closed;
      assert.equal(wire.unread, '');
      assert.equal((await call('GET', '/users/1')).status, 401);
    });
  }

  test('garbage after a response that was read already is 400, then the end', async (t) => {
    const { port } = await startServer(t);
    const wire = await Wire.open(port, HEALTH);
    assert.equal((await wire.answer()).status, 200);
    wire.write('garbage\r\n\r\n');
    assertError(await wire.answer(), 400);
    assert.equal(await wire.closed, 'end');
  });

  test('a request after Connection: close is not answered', async (t) => {
    const { port } = await startServer(t);
    for (const [name, rest] of [
      ['matt', HEALTH],
      ['elie', 'garbage\r\n\r\n'],
    ] as const) {
      const wire = await Wire.open(port, signUp(name, 'Connection: close\r\n') + rest);
      const { status, headers } = await wire.answer();
      assert.deepEqual([status, headers.connection], [201, 'close']);
      await wire.closed;
      assert.equal(wire.unread, '');
    }
  });

  test('a request after a response that closes the connection is not handled', async (t) => {
    const { port, call, signUp: signUpOne } = await startServer(t, { HASH_CONCURRENCY: '1' });
    const body = 'x'.repeat(100_000);
    const tooLarge = `POST /nowhere HTTP/1.1\r\n${HOST}Content-Length: ${body.length}\r\n\r\n${body}`;
    const wire = await Wire.open(port, tooLarge + signUp('matt'));
    const refusal = await wire.answer();
    assertError(refusal, 404);
    assert.equal(refusal.headers.connection, 'close');
    await wire.closed;
    assert.equal(wire.unread, '');
    // Passwords are hashed one by one, so whatever was begun before this one is done by the end of it.
    await signUpOne('elie');
    assert.deepEqual((await call('GET', '/users')).json, [{ id: 1, username: 'elie' }]);
  });

  test('a request waits for the previous response, and sees the effect of that request', async (t) => {
    const { port } = await startServer(t);
    const wire = await Wire.open(port, signUp('matt') + HEALTH.replace('/healthz', '/users'));
    assert.equal((await wire.answer()).status, 201);
    assert.deepEqual((await wire.answer()).json, [{ id: 1, username: 'matt' }]);
    wire.end();
  });

  test('PIPELINED_MAX requests are answered, and the connection stays open', async (t) => {
    const { port } = await startServer(t);
    const wire = await Wire.open(port);
    for (let round = 0; round < 50; round++) {
      wire.write((NOWHERE + HEALTH).repeat(PIPELINED_MAX / 2));
      for (let count = 0; count < PIPELINED_MAX / 2; count++) {
        assert.equal((await wire.answer()).status, 404);
        assert.equal((await wire.answer()).status, 200);
      }
    }
    wire.end();
    assert.equal(await wire.closed, 'end');
    assert.equal(wire.unread, '');
  });

  for (const [name, rest] of [
    ['one more', signUp('matt')],
    ['one more and an incomplete request', `${signUp('matt')}GET /`],
    ['garbage after one more', `${signUp('matt')}garbage\r\n\r\n`],
    ['a tunnel after one more', `${signUp('matt')}CONNECT example.com:443 HTTP/1.1\r\n${HOST}\r\n`],
    ['many more than fit in a packet', signUp('matt').repeat(5_000)],
  ] as const) {
    test(`${name} than PIPELINED_MAX: the last response closes, and the rest is not handled`, async (t) => {
      const { port, call } = await startServer(t);
      const wire = await Wire.open(port, signUp('elie') + HEALTH.repeat(PIPELINED_MAX - 1) + rest);
      assert.equal((await wire.answer()).status, 201);
      for (let count = 2; count < PIPELINED_MAX; count++) {
        const { status, headers } = await wire.answer();
        assert.deepEqual([status, headers.connection], [200, 'keep-alive']);
      }
      const { status, headers } = await wire.answer();
      assert.deepEqual([status, headers.connection], [200, 'close']);
      assert.equal(await wire.closed, 'end');
      assert.equal(wire.unread, '');
      assert.deepEqual((await call('GET', '/users')).json, [{ id: 1, username: 'elie' }]);
    });
  }

  test('other connections are served between two pipelined requests', async (t) => {
    const { port, log } = await startServer(t);
    const [many, one] = [await Wire.open(port, NOWHERE), await Wire.open(port, NOWHERE)];
    for (const wire of [many, one]) assertError(await wire.answer(), 404);
    many.write(NOWHERE.repeat(PIPELINED_MAX));
    one.write(HEALTH);
    for (let count = 0; count < PIPELINED_MAX; count++) assertError(await many.answer(), 404);
    const paths = log.slice(2).map((line) => JSON.parse(line).path);
    assert.equal(paths.length, PIPELINED_MAX + 1);
    assert.notEqual(paths.at(-1), '/healthz');
    for (const wire of [many, one]) wire.end();
  });

  test('a request that asks for another protocol is answered, and the connection closed', async (t) => {
    const { port, call } = await startServer(t);
    const upgrade = `GET /healthz HTTP/1.1\r\n${HOST}Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n`;
    // The parser drops the rest of the packet; the body would be taken for a request of its own.
    const wire = await Wire.open(port);
    const hidden = signUp('matt');
    const head = `POST /nowhere HTTP/1.1\r\n${HOST}Content-Length: ${hidden.length}\r\n\r\n`;
    await wire.flush(upgrade + head);
    const { status, headers } = await wire.answer();
    assert.deepEqual([status, headers.connection], [200, 'close']);
    await wire.flush(hidden);
    await wire.closed;
    assert.equal(wire.unread, '');
    assert.deepEqual((await call('GET', '/users')).json, []);
  });

  test('an unread body that is not too large leaves the connection usable', async (t) => {
    const { port } = await startServer(t);
    const body = 'x'.repeat(10_000);
    const head = `POST /nowhere HTTP/1.1\r\n${HOST}Content-Length: ${body.length}\r\n\r\n`;
    const wire = await Wire.open(port, head + body + HEALTH);
    assertError(await wire.answer(), 404);
    assert.equal((await wire.answer()).status, 200);
    wire.end();
  });

  test('a body that ends too early is 400 for a client that still listens', async (t) => {
    const { port } = await startServer(t);
    const wire = await Wire.open(port, signUp('matt').slice(0, -5));
    wire.end();
    const answer = await wire.answer();
    assertError(answer, 400);
    assert.equal(answer.headers.connection, 'close');
    assert.equal(await wire.closed, 'end');
  });

  test('a client that disconnects during its body does not affect others', async (t) => {
    const { port, call, signUp: signUpOne } = await startServer(t);
    const wire = await Wire.open(port, signUp('matt', 'Expect: 100-continue\r\n').slice(0, -5));
    assert.equal((await wire.answer()).status, 100);
    wire.reset();
    await wire.closed;
    await signUpOne('elie');
    const { json } = await call('GET', '/users');
    assert.deepEqual(
      json.map(({ username }: { username: string }) => username),
      ['elie'],
    );
  });
});
