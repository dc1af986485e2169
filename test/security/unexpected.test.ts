// What nobody foresaw: whatever throws, wherever it does, the client gets a 500 that names the request and nothing else, the
// log has the whole story, and the server lives on. What is made to fail here are things that come from outside: clocks,
// and whoever takes the log.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { connect } from 'node:net';
import { describe, it, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { AppOptions } from '../../src/app.ts';
import { type Cleanup, temporaryFolder } from '../support/disk/temporary-folder.ts';
import { serve } from '../support/process/command.ts';
import { START_MS, send, startServer } from '../support/server/server.ts';
import { assertError, Wire } from '../support/server/wire.ts';

const SECRET = 'the disk at /var/lib/jot';
const HOST = 'Host: localhost\r\n';
const REQUEST_ID = 'of-the-client';
const CALLS_MAX = 100;
const EVENTS = ['unhandledRejection', 'uncaughtException'] as const;

/**
 * Collects uncaught exceptions and unhandled rejections, and fails the test at its end if there were any. They would end
 * the server's process; in a test's process the runner might blame another test.
 */
function watchEscapes(t: Cleanup): { readonly escaped: readonly unknown[] } {
  const escaped: unknown[] = [];
  const note = (error: unknown) => void escaped.push(error);
  const before = EVENTS.map((event) => [event, process.rawListeners(event)] as const);
  for (const event of EVENTS) process.removeAllListeners(event).on(event, note);
  t.after(async () => {
    // A rejection counts as unhandled only after the turn in which it happened.
    await setImmediate();
    for (const [event, listeners] of before) {
      process.removeAllListeners(event);
      for (const listener of listeners) process.on(event, listener as () => void);
    }
    assert.deepEqual(escaped, []);
  });
  return { escaped };
}

/** Throws at one call, counted from when it is armed, and says whether it came to that. */
class Fuse {
  calls = 0;
  #left = Number.POSITIVE_INFINITY;

  arm(calls: number): void {
    this.#left = calls;
  }

  /** Makes it harmless; whether it had gone off. */
  disarm(): boolean {
    const hasBlown = this.#left === 0;
    this.#left = Number.POSITIVE_INFINITY;
    return hasBlown;
  }

  burn(): void {
    if (this.#left === 0) return;
    this.#left--;
    if (this.#left === 0) throw new Error(SECRET);
  }
}

type Broken = 'now' | 'elapsedMs' | 'writeLog';

function optionsWith(broken: Broken, fuse: Fuse, log: string[]): Omit<AppOptions, 'settings'> {
  const burning = <T>(name: Broken, value: () => T) => {
    if (name === broken) fuse.burn();
    return value();
  };
  return {
    now: () => burning('now', () => START_MS),
    elapsedMs: () => burning('elapsedMs', () => performance.now()),
    writeLog: (line) => burning('writeLog', () => void log.push(line)),
  };
}

const LIMITED = { RATE_LIMIT: '1000000/m', RATE_LIMIT_AUTH: '1000000/m', EXPLAIN: 'on', LOG: 'json' };
const MATT = { username: 'matt', password: 'secret' };

const journeys = [
  ['what is free', 'GET', '/healthz', {}],
  ['the metrics', 'GET', '/metrics', {}],
  ['a list through the cache', 'GET', '/users', {}],
  ['signing in', 'POST', '/auth', { json: MATT }],
  ['a user with a condition', 'GET', '/users/1', { headers: { 'if-none-match': '"a"' }, signedIn: true }],
  ['a write', 'POST', '/users/1/posts', { json: { title: 'A', body: '' }, signedIn: true }],
  ['a refusal', 'GET', '/nowhere', {}],
  ['methods', 'OPTIONS', '/users', {}],
] as const;

describe('A clock that throws at any of its calls ends one request', () => {
  for (const broken of ['now', 'elapsedMs'] as const) {
    describe(`${broken}()`, () => {
      for (const [name, method, path, { signedIn = false, headers = {}, ...options }] of journeys.map(
        withDefaults,
      )) {
        it(name, async (t) => {
          const { escaped } = watchEscapes(t);
          const fuse = new Fuse();
          const log: string[] = [];
          const server = await startServer(t, LIMITED, optionsWith(broken, fuse, log));
          await server.signUp(MATT.username, MATT.password);
          const token = signedIn ? (await server.signIn(MATT.username, MATT.password)).access : undefined;
          const call = () => {
            const all = { ...headers, 'x-request-id': REQUEST_ID };
            return server.call(method, path, {
              ...options,
              headers: all,
              ...(token === undefined ? {} : { token }),
            });
          };
          const expected = (await call()).status;
          const statuses = new Set<number>();
          for (let calls = 1; calls < CALLS_MAX; calls++) {
            fuse.arm(calls);
            const answer = await call();
            if (!fuse.disarm()) break;
            statuses.add(answer.status);
            assert.doesNotMatch(answer.text, new RegExp(SECRET));
            if (answer.status === 500) {
              assertError(answer, 500);
              assert.equal(answer.json.description, `Something went wrong; request ${REQUEST_ID}`);
            } else assert.equal(answer.status, expected, 'only what comes behind the answer may fail unseen');
            assert.equal((await call()).status, expected);
          }
          assert.deepEqual(escaped, []);
          assert.ok(statuses.size > 0, 'the clock was asked');
          if (statuses.has(500))
            assert.ok(
              log.some((line) => line.includes(SECRET)),
              'the log has the story',
            );
        });
      }
    });
  }
});

function withDefaults([name, method, path, options]: (typeof journeys)[number]) {
  const defaults: { signedIn?: boolean; headers?: Record<string, string>; json?: unknown } = options;
  return [name, method, path, defaults] as const;
}

describe('elapsedMs() that throws where there is no journey', () => {
  for (const [name, request] of [
    ['garbage', 'garbage\r\n\r\n'],
    ['garbage behind a request', `GET /healthz HTTP/1.1\r\n${HOST}\r\ngarbage\r\n\r\n`],
    ['chunks that are none', `POST /users HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\nzz\r\n`],
    ['a tunnel', `CONNECT a:1 HTTP/1.1\r\n${HOST}\r\n`],
  ] as const) {
    it(`is 500 or unseen for ${name}, and the server lives on`, async (t) => {
      const { escaped } = watchEscapes(t);
      const fuse = new Fuse();
      const server = await startServer(t, LIMITED, optionsWith('elapsedMs', fuse, []));
      const outcomes: number[] = [];
      for (let calls = 1; calls < CALLS_MAX; calls++) {
        fuse.arm(calls);
        const wire = await Wire.open(server.port, request);
        let answer = await wire.answer();
        if (answer.status === 200) answer = await wire.answer();
        await wire.closed;
        if (!fuse.disarm()) break;
        outcomes.push(answer.status);
        assert.doesNotMatch(answer.text, new RegExp(SECRET));
        assert.equal((await server.call('GET', '/healthz')).status, 200);
      }
      assert.ok(outcomes.includes(500));
      assert.deepEqual(escaped, []);
    });
  }
});

describe('A log that nobody takes', () => {
  const failures: readonly (readonly [name: string, writeLog: () => unknown])[] = [
    ['throws', () => assert.fail(SECRET)],
    ['rejects', () => Promise.reject(new Error(SECRET))],
  ];
  for (const [name, writeLog] of failures) {
    test(`stops nothing, and its lines are counted: writeLog ${name}`, async (t) => {
      const { escaped } = watchEscapes(t);
      const server = await startServer(t, LIMITED, { writeLog });
      await server.signUp(MATT.username, MATT.password);
      assert.equal((await server.call('GET', '/nowhere')).status, 404);
      const wire = await Wire.open(server.port, 'garbage\r\n\r\n');
      assertError(await wire.answer(), 400);
      await wire.closed;
      const { text } = await server.call('GET', '/metrics');
      assert.equal(/^jot_log_lines_lost_total (\d+)$/m.exec(text)?.[1], '3');
      await server.close();
      assert.deepEqual(escaped, []);
    });
  }

  test('with a clock that is broken too, the answer is 500 all the same', async (t) => {
    const { escaped } = watchEscapes(t);
    let isBroken = false;
    const fail = () => {
      if (isBroken) throw new Error(SECRET);
      return START_MS;
    };
    const server = await startServer(t, LIMITED, { now: fail, elapsedMs: fail, writeLog: () => void fail() });
    isBroken = true;
    for (let count = 0; count < 5; count++) assertError(await server.call('GET', '/users'), 500);
    isBroken = false;
    assert.equal((await server.call('GET', '/users')).status, 200);
    assert.deepEqual(escaped, []);
  });
});

test('watchEscapes notices a rejection and a throw in a listener', async () => {
  const undone: (() => unknown)[] = [];
  const { escaped } = watchEscapes({ after: (undo) => void undone.push(undo) });
  void Promise.reject(new Error('nobody caught this'));
  process.nextTick(() => {
    throw new Error('nor that');
  });
  await setImmediate();
  await setImmediate();
  assert.deepEqual(escaped.map(String).sort(), ['Error: nobody caught this', 'Error: nor that']);
  await assert.rejects(async () => {
    for (const undo of undone) await undo();
  }, assert.AssertionError);
});

const canLimit = process.platform === 'linux' && spawnSync('prlimit', ['--version']).status === 0;

test('No file descriptor left to take a connection with is survived', { skip: !canLimit }, async (t) => {
  const folder = temporaryFolder(t);
  const env = { PORT: '0', DATABASE_URL: 'memory:', LOG: 'json' };
  const { command, port } = await serve(t, { cwd: folder, env });
  execFileSync('prlimit', ['--pid', String(command.pid), '--nofile=40:40']);
  const sockets = Array.from({ length: 100 }, () => connect(port, '127.0.0.1'));
  for (const socket of sockets) socket.on('error', () => socket.destroy());
  const closed = sockets.map((socket) => new Promise((resolve) => socket.once('close', resolve)));
  await Promise.race(closed);
  for (const socket of sockets) socket.destroy();
  await Promise.all(closed);
  const answered = async () => (await send(port, 'GET', '/healthz')).status;
  let status = await answered().catch(() => 0);
  for (let count = 0; count < 100 && status !== 200; count++) status = await answered().catch(() => 0);
  assert.equal(status, 200);
  command.kill('SIGTERM');
  assert.equal((await command.ended).code, 0);
});
