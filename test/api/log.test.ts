// The log: one line for each request, no secret in any of them, and the whole story of what went wrong.

import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { describe, it } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { anyone, type Endpoint, endpoint } from '../../src/api/endpoint.ts';
import { createIdentify } from '../../src/api/identify.ts';
import { advance, type Caller, type Identified, type Matched } from '../../src/api/journey.ts';
import { Metrics } from '../../src/api/metrics.ts';
import { randomKey } from '../../src/auth/keys.ts';
import { Tokens } from '../../src/auth/tokens.ts';
import { parseConfig } from '../../src/config.ts';
import { JotError } from '../../src/lib/errors.ts';
import { object, text } from '../../src/schema/schema.ts';
import { openStore } from '../../src/store/open.ts';
import { temporaryFolder } from '../support/disk/temporary-folder.ts';
import { assertFailure, assertFields, assertHas } from '../support/server/answers.ts';
import { createPerson } from '../support/server/person.ts';
import { startPipeline } from '../support/server/pipeline.ts';
import { type Answer, sendRaw, startServer } from '../support/server/server.ts';
import { Wire } from '../support/server/wire.ts';

const NOBODY: Caller = {
  principal: null,
  refusal: { code: 'authorization_required', message: 'No token' },
};
const PASSWORD = 'pass-4711-word';

/** An endpoint whose handler does nothing but that. */
function throwing(what: () => unknown): Endpoint {
  return endpoint({
    method: 'GET',
    path: '/throw',
    group: 'test',
    summary: 'Throw',
    access: anyone,
    status: 200,
    response: object({ value: text() }),
    handle: async () => {
      throw what();
    },
  });
}

describe('LOG: the line of a request', () => {
  it('names the method, path, status, address and user of each request', async (t) => {
    const server = await startServer(t, { TRUST_PROXY: '127.0.0.1' });
    const matt = await createPerson(server, 'matt');
    server.log.length = 0;
    const headers = {
      'X-Forwarded-For': '192.0.2.1',
      'X-Request-Id': 'id-1',
      Authorization: `JWT ${matt.access}`,
    };
    await server.call('GET', '/users/2?limit=1', { headers });
    await server.call('GET', '/nothing');
    const lines = server.log.map((line) => JSON.parse(line));
    for (const line of lines) assert.equal(typeof line.ms, 'number');
    const common = { time: '2026-11-23T12:00:00.000Z', level: 'info', message: 'request' };
    const [first, second] = lines;
    const firstTold = { request_id: 'id-1', method: 'GET', path: '/users/2', status: 403 };
    assertHas(first, { ...common, ...firstTold, address: '192.0.2.1', user: 1 });
    const secondTold = { request_id: second.request_id, method: 'GET', path: '/nothing', status: 404 };
    assertHas(second, { ...common, ...secondTold, address: '127.0.0.1' });
    assert.equal(lines.length, 2);
  });

  it('names the user of a sign-up, login or refresh, but not of a failed attempt', async (t) => {
    const server = await startServer(t);
    await createPerson(server, 'elie');
    const matt = await createPerson(server, 'matt');
    const login = (username: string) => server.call('POST', '/auth', { json: { username, password: 'no' } });
    await server.call('POST', '/auth/refresh', { json: { refresh_token: matt.refresh } });
    for (const username of ['matt', 'nobody']) await login(username);
    const told = server.log.map((line) => JSON.parse(line));
    assert.deepEqual(
      told.map(({ path, status, user }) => [path, status, user]),
      [
        ['/users', 201, 1],
        ['/auth', 200, 1],
        ['/users', 201, 2],
        ['/auth', 200, 2],
        ['/auth/refresh', 200, 2],
        ['/auth', 401, undefined],
        ['/auth', 401, undefined],
      ],
    );
  });

  it('omits path segments too long to be a word or an id, such as a token', async (t) => {
    const { call, log } = await startServer(t);
    const [longest, longer] = [64, 65].map((length) => 'x'.repeat(length));
    await call('GET', `/reset/${longest}/${longer}/${longer}?${longer}`);
    assert.equal(JSON.parse(log[0] ?? '').path, `/reset/${longest}/(long)/(long)`);
  });

  it('has the first 256 characters of a path', async (t) => {
    const { call, log } = await startServer(t);
    await call('GET', '/a'.repeat(3_000));
    assert.equal(JSON.parse(log[0] ?? '').path, '/a'.repeat(128));
  });

  it('has no status if the client disconnected before the response, but the status it would have had', async (t) => {
    const metrics = new Metrics();
    const server = new EventEmitter();
    const begun = once(server, 'begun');
    const identify = async (matched: Matched): Promise<Identified> => {
      const gone = new Promise((resolve) => matched.request.socket.once('close', resolve));
      server.emit('begun');
      await gone;
      return advance(matched, { caller: NOBODY });
    };
    const { log, port } = await startPipeline(t, [throwing(() => new JotError('conflict', 'Taken'))], {
      identify,
      metrics,
    });
    const wire = await Wire.open(port, 'GET /throw HTTP/1.1\r\nHost: a\r\n\r\n');
    await begun;
    wire.reset();
    while (log.length === 0) await nextTurn();
    const { status, aborted, unsent_status } = JSON.parse(log[0] ?? '');
    assert.deepEqual([status, aborted, unsent_status], [undefined, true, 409]);
    assert.match(
      await metrics.render(),
      /^jot_http_requests_total\{method="GET",route="\/throw",status="aborted"\} 1$/m,
    );
  });

  it('is written for an unparseable request too', async (t) => {
    const { log, port } = await startServer(t);
    const answer = await sendRaw(port, 'nonsense\r\n\r\n');
    const line = JSON.parse(log.at(-1) ?? '');
    assert.equal(line.message, 'request refused');
    assert.equal(line.status, 400);
    assert.ok(answer.includes(`X-Request-Id: ${line.request_id}`));
    assert.equal(log.length, 1);
  });

  for (const LOG of ['json', 'text']) {
    it(`is one line, whatever is in the request (${LOG})`, async (t) => {
      const { call, log, port } = await startServer(t, { LOG });
      const forged = 'matt\r\n2026-11-23T12:00:00.000Z info request status=200';
      for (const path of ['/signup', '/users']) {
        const answer = await call('POST', path, { json: { username: forged, password: PASSWORD } });
        assertFields(answer, { username: 'must not contain control characters' });
      }
      await call('POST', '/auth', { json: { username: forged, password: PASSWORD } });
      await call('GET', '/%0d%0aevil');
      await call('GET', '/users', { headers: { 'User-Agent': 'x\ty' } });
      await sendRaw(port, 'GET /\x7f\x85\xe2\x80\xa8 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
      assert.equal(log.length, 6);
      for (const line of log) assert.match(line, /^[\x20-\x7e]+\n$/);
    });
  }

  it('is not written with LOG=off', async (t) => {
    const { call, log } = await startServer(t, { LOG: 'off' });
    await call('GET', '/users');
    assert.deepEqual(log, []);
  });
});

describe('LOG: passwords, tokens and hashes', () => {
  for (const LOG of ['json', 'text']) {
    it(`appear in no line and in no error (${LOG})`, async (t) => {
      const server = await startServer(t, {
        LOG,
        DATABASE_URL: `file:${temporaryFolder(t)}/jot.jsonl`,
        RATE_LIMIT_LOGIN: '3/h',
        METRICS_TOKEN: 'metrics-token-4711',
        JWT_SECRET_KEY: 'secret-4711',
      });
      const matt = await createPerson(server, 'matt', PASSWORD);
      const login = { json: { username: 'matt', password: PASSWORD } };
      const typed = (body: string) => ({ body, headers: { 'Content-Type': 'application/json' } });
      const errors: Answer[] = [
        await server.call('POST', '/users', login),
        await server.call('POST', '/users', { json: { username: PASSWORD, password: `${PASSWORD}\0` } }),
        await server.call('POST', '/users', { json: { username: '', password: PASSWORD.repeat(100) } }),
        await server.call('POST', '/auth', typed(`{"username": "matt", "password": "${PASSWORD}`)),
        await server.call('POST', '/auth', typed(`{"password": "${PASSWORD}"} x`)),
        await server.call('POST', '/auth', typed(`${PASSWORD}`)),
        await server.call('POST', '/auth', { ...login, headers: { 'Content-Type': `text/${PASSWORD}` } }),
        await server.call('POST', '/auth', { json: { username: 'elie', password: PASSWORD } }),
        await server.call('POST', `/nothing?password=${PASSWORD}`),
        await server.call('GET', `/users?limit=${PASSWORD}&token=${matt.access}`),
        await server.call('GET', '/auth', { token: `${matt.access}x` }),
        await server.call('GET', '/auth', { headers: { Authorization: `Basic ${PASSWORD}` } }),
        await server.call('GET', '/auth', { token: matt.refresh }),
        await server.call('POST', '/auth/refresh', { json: { refresh_token: matt.access } }),
        await server.call('GET', '/metrics', { headers: { Authorization: `Bearer ${PASSWORD}` } }),
        await matt.call('PUT', '/users/2', login),
      ];
      for (let count = 0; count < 4; count++) {
        errors.push(
          await server.call('POST', '/auth', { json: { username: 'matt', password: `${PASSWORD}.` } }),
        );
      }
      await matt.call('PATCH', matt.path, { json: { password: `${PASSWORD}2` } });
      await server.call('POST', '/auth/refresh', { json: { refresh_token: matt.refresh } });
      await matt.call('POST', '/auth/logout');
      await server.close();

      assert.ok(errors.every(({ status }) => status >= 400));
      assert.equal(errors.at(-1)?.status, 429);
      const secrets = [matt.access, matt.refresh].flatMap((token) => token.split('.').slice(1));
      const words = [...secrets, PASSWORD, 'secret-4711', 'metrics-token-4711', '$scrypt', 'password_hash'];
      const said = [...server.log, ...errors.map((answer) => answer.text + JSON.stringify(answer.headers))];
      assert.ok(server.log.length > errors.length);
      for (const line of said) {
        for (const word of words) assert.equal(line.includes(word), false, `${word} in ${line}`);
      }
    });
  }

  it('do not appear if they are part of the request target', async (t) => {
    const { log, port } = await startServer(t);
    const target = `http://matt:${PASSWORD}@localhost/users?password=${PASSWORD}`;
    const answer = await sendRaw(
      port,
      `GET ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`,
    );
    assert.match(answer, /^HTTP\/1\.1 [24]00 /);
    assert.equal(log.length, 1);
    assert.equal(log.join().includes(PASSWORD), false, log.join());
  });
});

describe('LOG: an unexpected error', () => {
  it('is logged once, with its stack and the request id; the client sees only the id', async (t) => {
    const { call, log } = await startPipeline(t, [throwing(() => new TypeError('inner workings'))]);
    const answer = await call('GET', '/throw', { headers: { 'X-Request-Id': 'id-7' } });
    assertFailure(answer, 500, 'Internal Server Error', 'Something went wrong; request id-7');
    assert.equal(answer.headers['x-request-id'], 'id-7');
    const lines = log.map((line) => JSON.parse(line));
    assert.deepEqual(
      lines.map(({ message }) => message),
      ['unexpected error', 'request'],
    );
    assert.deepEqual([lines[0].level, lines[0].request_id], ['error', 'id-7']);
    assert.match(lines[0].stack, /^TypeError: inner workings\n +at .*log\.test\.ts/);
    assert.deepEqual([lines[1].status, lines[1].request_id], [500, 'id-7']);
  });

  it('is followed by its indented stack in the text format', async (t) => {
    const { call, log } = await startPipeline(t, [throwing(() => new Error('inner\nworkings'))], {
      logFormat: 'text',
    });
    await call('GET', '/throw', { headers: { 'X-Request-Id': 'id-7' } });
    assert.equal(log.length, 2);
    const [first = '', ...below] = String(log[0]).trimEnd().split('\n');
    assert.equal(first, '2026-11-23T12:00:00.000Z error unexpected error request_id=id-7');
    assert.ok(below.length > 1);
    for (const line of below) assert.match(line, /^ {4}/);
  });

  it('may be any thrown value', async (t) => {
    for (const thrown of ['just text', undefined, null, { toString: () => 'an object' }]) {
      const { call, log } = await startPipeline(t, [throwing(() => thrown)]);
      assert.equal((await call('GET', '/throw')).status, 500);
      assert.equal(JSON.parse(log[0] ?? '').stack, String(thrown));
    }
  });

  it('may come from any step: a clock that fails while a token is read', async (t) => {
    const { authPrefixes, tokens: settings } = parseConfig({});
    const key = randomKey();
    const session = { sid: 'x', user_id: 1, generation: 0, last_used: 0 };
    const token = new Tokens([key], settings, () => 0).access(session, true);
    const broken = new Tokens([key], settings, () => {
      throw new Error('no clock');
    });
    const store = await openStore('memory:');
    const identify = createIdentify({ store, tokens: broken, authPrefixes, now: () => 0 });
    const { call, log } = await startPipeline(t, [throwing(() => new Error('not reached'))], { identify });
    const answer = await call('GET', '/throw', { token });
    assert.equal(answer.status, 500);
    assert.match(JSON.parse(log[0] ?? '').stack, /^Error: no clock\n/);
    assert.equal(answer.text.includes('clock'), false);
  });
});

describe('LOG: an expected failure', () => {
  it('is answered with its message, and its cause is logged', async (t) => {
    const cause = new Error('ENOSPC: no space left on device, write');
    const failure = () => new JotError('unavailable', 'The change could not be written', { cause });
    const { call, log } = await startPipeline(t, [throwing(failure)]);
    const answer = await call('GET', '/throw', { headers: { 'X-Request-Id': 'id-8' } });
    assertFailure(answer, 503, 'Service Unavailable', 'The change could not be written');
    const [line, ...others] = log.map((each) => JSON.parse(each));
    const { level, message, request_id, reason } = line;
    assert.deepEqual(
      { level, message, request_id, reason },
      { level: 'warn', message: 'failed', request_id: 'id-8', reason: String(cause) },
    );
    assert.equal(others.length, 1);
  });

  it('adds nothing to the line if it has no cause', async (t) => {
    const { call, log } = await startPipeline(t, [throwing(() => new JotError('not_found', 'It is gone'))]);
    assertFailure(await call('GET', '/throw'), 404, 'Not Found', 'It is gone');
    assert.equal(log.length, 1);
  });
});
