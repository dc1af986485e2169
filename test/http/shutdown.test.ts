// Ending well: what is idle is cut at once, what is under way is finished, what never ends is cut at a deadline. A request
// is held under way by its own client, who was told to continue and has not sent the body yet.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, test } from 'node:test';
import { createApp } from '../../src/app.ts';
import { LARGE, startWithLongPage, untilHeld } from '../support/server/long-page.ts';
import { startServer } from '../support/server/server.ts';
import { assertError, Wire } from '../support/server/wire.ts';

const HOST = 'Host: localhost\r\n';
const HEALTH = `GET /healthz HTTP/1.1\r\n${HOST}\r\n`;
const BODY = '{"username":"matt","password":"secret"}';
const SIGN_UP = [
  'POST /users HTTP/1.1',
  'Host: localhost',
  'Content-Type: application/json',
  `Content-Length: ${BODY.length}`,
  'Expect: 100-continue',
  '\r\n',
].join('\r\n');

// Longer than any test takes: whoever waits for it fails.
const PATIENT = { timeouts: { shutdownMs: 60_000 } };
const IMPATIENT = { timeouts: { shutdownMs: 200 } };

async function held(port: number): Promise<Wire> {
  const wire = await Wire.open(port, SIGN_UP);
  assert.equal((await wire.answer()).status, 100);
  return wire;
}

/** Each has its answer, whole, and is told that there is no other one. */
async function assertLastAnswers(wires: readonly Wire[]): Promise<void> {
  for (const wire of wires) {
    const { status, headers } = await wire.answer();
    assert.deepEqual([status, headers.connection], [200, 'close']);
    assert.equal(await wire.closed, 'end');
  }
}

describe('App.close', () => {
  test('cuts at once a socket that is idle after its answer', async (t) => {
    const { app, port } = await startServer(t, {}, PATIENT);
    const wire = await Wire.open(port, HEALTH);
    assert.equal((await wire.answer()).status, 200);
    await app.close();
    await wire.closed;
    assert.equal(wire.unread, '');
  });

  test('cuts at once a socket that never sent a byte', async (t) => {
    const { app, port, call } = await startServer(t, {}, PATIENT);
    const wire = await Wire.open(port);
    // Once a later connection was served, the server has taken this one too.
    assert.equal((await call('GET', '/healthz')).status, 200);
    await app.close();
    await wire.closed;
    assert.equal(wire.unread, '');
  });

  test('cuts idle sockets while it waits for requests in progress', async (t) => {
    const { app, port } = await startServer(t, {}, PATIENT);
    const busy = await held(port);
    const idle = await Wire.open(port, HEALTH);
    assert.equal((await idle.answer()).status, 200);
    const closed = app.close();
    await idle.closed;
    busy.write(BODY);
    assert.equal((await busy.answer()).status, 201);
    await closed;
  });

  test('finishes a request in progress, and closes its connection', async (t) => {
    const { app, port } = await startServer(t, {}, PATIENT);
    const wire = await held(port);
    const closed = app.close();
    wire.write(BODY);
    const { status, headers, json } = await wire.answer();
    assert.deepEqual([status, headers.connection, json.username], [201, 'close', 'matt']);
    assert.equal(await wire.closed, 'end');
    await closed;
  });

  test('answers requests that were sent before it, in order', async (t) => {
    const { app, port, call } = await startServer(t, {}, PATIENT);
    const wires = await Promise.all([held(port), held(port), held(port)]);
    assert.equal((await call('GET', '/healthz')).status, 200);
    const closed = app.close();
    for (const wire of wires) wire.write(BODY);
    const statuses = await Promise.all(wires.map(async (wire) => (await wire.answer()).status));
    assert.deepEqual(statuses.sort(), [201, 409, 409]);
    await closed;
  });

  test('answers requests that arrived but were not read yet', async (t) => {
    const { app, port } = await startServer(t, {}, PATIENT);
    const wires = await Promise.all(Array.from({ length: 20 }, () => Wire.open(port, HEALTH)));
    for (const wire of wires) assert.equal((await wire.answer()).status, 200);
    // Written in the same turn, so nobody has read it when the closing begins.
    for (const wire of wires) wire.write(HEALTH);
    const closed = app.close();
    await assertLastAnswers(wires);
    await closed;
  });

  test('answers clients that connected and sent a request, accepted or not', async (t) => {
    const { app, port } = await startServer(t, {}, PATIENT);
    // One turn of the loop takes one of them; all of them are made, and have sent, before that.
    const wires = await Promise.all(Array.from({ length: 200 }, () => Wire.open(port, HEALTH)));
    const closed = app.close();
    await assertLastAnswers(wires);
    await closed;
  });

  test('cuts clients that connected and sent nothing', async (t) => {
    const { app, port } = await startServer(t, {}, PATIENT);
    const wires = await Promise.all(Array.from({ length: 50 }, () => Wire.open(port)));
    await app.close();
    for (const wire of wires) {
      await wire.closed;
      assert.equal(wire.unread, '');
    }
  });

  test('ends, however many clients keep connecting', async (t) => {
    const { app, port } = await startServer(t, {}, PATIENT);
    let isClosed = false;
    const knockers = Array.from({ length: 4 }, async () => {
      while (!isClosed) await connectionError(port);
    });
    await app.close();
    isClosed = true;
    await Promise.all(knockers);
    assert.equal(await connectionError(port), 'ECONNREFUSED');
  });

  test('lets a client read the rest of its answer', async (t) => {
    const server = await startWithLongPage(t, PATIENT);
    const wire = await server.ask('192.0.2.1');
    await untilHeld(server, 1);
    const closed = server.app.close();
    wire.resume();
    assert.equal((await wire.answer()).json[0].body.length, LARGE);
    assert.equal(await wire.closed, 'end');
    await closed;
  });

  test('sends Connection: close with an error response in progress too', async (t) => {
    const { app, port } = await startServer(t, {}, PATIENT);
    const wire = await held(port);
    const closed = app.close();
    wire.write('x'.repeat(BODY.length));
    const answer = await wire.answer();
    assertError(answer, 400);
    assert.equal(answer.headers.connection, 'close');
    await closed;
  });

  test('cuts a request whose body never comes at the deadline', async (t) => {
    const { app, port, log } = await startServer(t, {}, IMPATIENT);
    const wire = await held(port);
    wire.write(BODY.slice(0, 9));
    await app.close();
    await wire.closed;
    await assert.rejects(wire.answer(), /^Error: No answer/);
    const told = log.map((line) => JSON.parse(line)).filter(({ message }) => message === 'request');
    const outcomes = told.map(({ path, status, aborted, unsent_status }) => ({
      path,
      status,
      aborted,
      unsent_status,
    }));
    const nothing = { status: undefined, unsent_status: undefined };
    assert.deepEqual(outcomes, [{ path: '/users', aborted: true, ...nothing }]);
  });

  test('cuts a request whose head never ends at the deadline', async (t) => {
    const { app, port, call } = await startServer(t, {}, IMPATIENT);
    const wire = await Wire.open(port, `GET /healthz HTTP/1.1\r\n${HOST}`);
    assert.equal((await call('GET', '/healthz')).status, 200);
    await app.close();
    await wire.closed;
    await assert.rejects(wire.answer(), /^Error: No answer/);
  });

  test('answers 503 to requests queued for a password hash, and finishes the running hash', async (t) => {
    const settings = { HASH_CONCURRENCY: '1', PASSWORD_COST: 'ln=16,r=8,p=4' };
    const { app, port, call } = await startServer(t, settings, PATIENT);
    // Far more than are hashed while the queue is looked at.
    const wires = await Promise.all(Array.from({ length: 12 }, () => held(port)));
    for (const wire of wires) wire.write(BODY);
    let queued = 0;
    while (queued < 3)
      queued = Number(/^jot_hashes_queued (\d+)$/m.exec((await call('GET', '/metrics')).text)?.[1]);
    const closed = app.close();
    const answers = await Promise.all(wires.map((wire) => wire.answer()));
    const statuses = new Set(answers.map(({ status }) => status));
    assert.deepEqual([...statuses].sort(), [201, 503]);
    for (const answer of answers) {
      assert.equal(answer.headers.connection, 'close');
      if (answer.status !== 503) continue;
      assertError(answer, 503);
      assert.equal(answer.headers['retry-after'], '1');
      assert.match(answer.json.description, /shutting down/);
    }
    await closed;
  });

  test('logs its start with signal and requests in progress, and its end', async (t) => {
    const { app, port, log } = await startServer(t, {}, PATIENT);
    const wire = await held(port);
    const closed = app.close('SIGTERM');
    assert.deepEqual(ends(log), [{ message: 'shutting down', signal: 'SIGTERM', requests: 1 }]);
    wire.write(BODY);
    assert.equal((await wire.answer()).status, 201);
    await closed;
    await app.close('SIGINT');
    assert.deepEqual(ends(log).slice(1), [{ message: 'stopped', connections_cut: 0 }]);
  });

  test('logs how many connections it had to cut', async (t) => {
    const { app, port, log } = await startServer(t, {}, IMPATIENT);
    const wires = await Promise.all([held(port), held(port)]);
    await app.close();
    await Promise.all(wires.map((wire) => wire.closed));
    assert.deepEqual(ends(log), [
      { message: 'shutting down', requests: 2 },
      { message: 'stopped', connections_cut: 2 },
    ]);
  });

  test('accepts no new connection while it waits, and none afterwards', async (t) => {
    const { app, port } = await startServer(t, {}, PATIENT);
    const wire = await held(port);
    const closed = app.close();
    await untilRefused(port);
    wire.write(BODY);
    await closed;
    assert.equal(await connectionError(port), 'ECONNREFUSED');
  });

  test('may be called twice, concurrently and afterwards', async (t) => {
    const { app, port } = await startServer(t, {}, PATIENT);
    const wire = await held(port);
    let ended = 0;
    const closings = [app.close(), app.close()].map((closing) => closing.then(() => ended++));
    await untilRefused(port);
    assert.equal(ended, 0);
    wire.write(BODY);
    assert.equal((await wire.answer()).status, 201);
    await Promise.all(closings);
    await app.close();
    assert.equal(ended, 2);
  });

  test('resolves for an app that never listened', async () => {
    const app = createApp({ settings: { DATABASE_URL: 'memory:', PORT: '0' } });
    await app.close();
  });
});

describe('App.listen', () => {
  test('rejects for a port in use, and both apps keep working', async (t) => {
    const { port, call } = await startServer(t);
    const second = createApp({ settings: { DATABASE_URL: 'memory:', PORT: String(port) } });
    await assert.rejects(second.listen(), { code: 'EADDRINUSE' });
    await second.close();
    assert.equal((await call('GET', '/healthz')).status, 200);
  });
});

describe('GET /readyz', () => {
  test('is 503 while the server is closing, and 200 before', async (t) => {
    const { app, port, call } = await startServer(t, {}, PATIENT);
    assert.equal((await call('GET', '/readyz')).status, 200);
    const busy = await held(port);
    const probe = await Wire.open(port, HEALTH);
    assert.equal((await probe.answer()).status, 200);
    probe.write(`GET /readyz HTTP/1.1\r\n${HOST}`);
    // Once a later request was answered, the server has read the start of this one.
    assert.equal((await call('GET', '/healthz')).status, 200);
    const closed = app.close();
    probe.write('\r\n');
    const answer = await probe.answer();
    assertError(answer, 503);
    assert.match(answer.json.description, /shutting down/);
    assert.match(answer.headers['retry-after'] ?? '', /^[1-9]\d*$/);
    assert.equal(answer.headers.connection, 'close');
    assert.equal(await probe.closed, 'end');
    busy.write(BODY);
    assert.equal((await busy.answer()).status, 201);
    await closed;
  });
});

/** What the log says about the end. */
function ends(log: readonly string[]): object[] {
  const events = log.map((line) => JSON.parse(line));
  return events
    .filter(({ message }) => message === 'shutting down' || message === 'stopped')
    .map(({ time: _time, level: _level, ...rest }) => rest);
}

// Whoever connects before everybody who had was taken is taken too.
async function untilRefused(port: number): Promise<void> {
  let code: string | undefined;
  while (code !== 'ECONNREFUSED') code = await connectionError(port);
}

async function connectionError(port: number): Promise<string | undefined> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    socket.destroy();
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code;
  }
}
