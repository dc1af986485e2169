// EXPLAIN: the journey of a request, step by step, in `Server-Timing`.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { headerOf, partsOf } from '../support/server/answers.ts';
import { createPerson } from '../support/server/person.ts';
import { type Answer, sendRaw, startServer } from '../support/server/server.ts';

const ENTRY = /^([a-z]+);dur=(\d+\.\d\d)(?:;desc="([\x20\x21\x23-\x5b\x5d-\x7e]+)")?$/;

/** Name and reason of each step. */
function stepsOf(answer: Answer): [name: string, reason: string][] {
  return headerOf(answer, 'server-timing')
    .split(/, (?=[a-z]+;dur=)/)
    .map((entry) => {
      const [, name = '', , reason = ''] = ENTRY.exec(entry) ?? [];
      assert.notEqual(name, '', entry);
      return [name, reason];
    });
}

const EXPLAINED = { EXPLAIN: 'on' };

describe('Server-Timing', () => {
  it('is sent for an unparseable request too', async (t) => {
    const { port } = await startServer(t, EXPLAINED);
    const answer = await sendRaw(port, 'garbage\r\n\r\n');
    assert.match(answer, /^Server-Timing: parse;dur=\d+\.\d\d;desc="The request is not valid HTTP"\r$/m);
    const { port: quietPort } = await startServer(t);
    assert.equal((await sendRaw(quietPort, 'garbage\r\n\r\n')).includes('Server-Timing'), false);
  });

  it('lists each step of a read with the reason for its outcome', async (t) => {
    const server = await startServer(t, { ...EXPLAINED, RATE_LIMIT: '600/m' });
    const matt = await createPerson(server, 'matt');
    server.clock.ms += 13_000;
    const { kid } = partsOf(matt.access).header;
    const before = (posts: string): [string, string][] => [
      ['parse', 'HTTP/1.1'],
      ['route', `GET ${posts}`],
      ['identify', `HS256 ok, key ${kid}, 287 s left`],
    ];
    const miss = stepsOf(await matt.call('GET', matt.posts));
    assert.deepEqual(miss, [
      ...before('/users/:user_id/posts'),
      ['admit', 'default 599 of 600'],
      ['authorize', 'owner, user 1'],
      ['validate', ''],
      ['cache', 'miss'],
      ['handle', ''],
      ['marshal', ''],
    ]);
    const hit = stepsOf(await matt.call('GET', matt.posts));
    assert.deepEqual(hit.slice(5), [
      ['validate', ''],
      ['cache', 'hit'],
    ]);
    const self = stepsOf(await matt.call('GET', matt.path));
    assert.deepEqual(
      self.slice(5).map(([name]) => name),
      ['validate', 'handle', 'marshal'],
    );
  });

  it('lists the body, several buckets and a condition', async (t) => {
    const server = await startServer(t, { ...EXPLAINED, RATE_LIMIT: '600/m', RATE_LIMIT_AUTH: '60/m' });
    const matt = await createPerson(server, 'matt');
    const login = stepsOf(await server.call('POST', '/auth', { json: {} }));
    assert.deepEqual(login.slice(2, 6), [
      ['identify', 'Request does not contain an access token'],
      ['admit', 'default 597 of 600, auth 57 of 60'],
      ['authorize', 'anyone'],
      ['validate', '2 bytes'],
    ]);
    const path = await matt.post();
    const options = { json: { body: 'x' }, headers: { 'If-Match': '*' } };
    const change = stepsOf(await matt.call('PATCH', path, options));
    assert.deepEqual(change.slice(5), [
      ['validate', '12 bytes'],
      ['condition', 'version 1'],
      ['handle', ''],
      ['marshal', ''],
    ]);
  });

  it('ends with the step that refused, and why', async (t) => {
    const server = await startServer(t, { ...EXPLAINED, RATE_LIMIT_LOGIN: '1/h' });
    const matt = await createPerson(server, 'matt');
    const refused: [answer: Answer, name: string, reason: string][] = [
      [await server.call('GET', '/%zz'), 'route', 'A percent escape in the path is malformed or not UTF-8'],
      [await server.call('GET', '/nothing'), 'route', 'There is nothing at this address'],
      [await server.call('GET', '/auth/refresh'), 'route', 'Allowed methods: OPTIONS, POST'],
      [await server.call('GET', '/auth'), 'authorize', 'Request does not contain an access token'],
      [await server.call('GET', '/auth', { token: 'x' }), 'authorize', 'Not enough segments'],
      [await matt.call('GET', '/users/2'), 'authorize', 'This belongs to another user'],
      [await matt.call('GET', '/auth?limit=0'), 'validate', 'Not valid: limit'],
      [await matt.call('GET', '/users/1/posts/1'), 'handle', 'There is no such post'],
      [
        await matt.call('DELETE', '/users/1', { headers: { 'If-Match': '"x"' } }),
        'condition',
        'The resource does not match the condition; fetch it again',
      ],
    ];
    for (const [answer, name, reason] of refused) assert.deepEqual(stepsOf(answer).at(-1), [name, reason]);
  });

  it('reports a refused token under `identify`, even if no token is needed', async (t) => {
    const { call } = await startServer(t, EXPLAINED);
    const steps = stepsOf(await call('GET', '/users', { token: 'x' }));
    assert.deepEqual(steps[2], ['identify', 'Not enough segments']);
  });

  it('lists the steps of OPTIONS and of the system paths', async (t) => {
    const { call } = await startServer(t, EXPLAINED);
    assert.deepEqual(stepsOf(await call('OPTIONS', '/users')), [
      ['parse', 'HTTP/1.1'],
      ['route', ''],
    ]);
    const health = stepsOf(await call('GET', '/healthz'));
    assert.deepEqual(
      health.map(([name]) => name),
      [...['parse', 'route', 'identify', 'admit', 'authorize', 'validate', 'handle', 'marshal']],
    );
  });

  it('replaces characters that a quoted string cannot hold', async (t) => {
    const { call } = await startServer(t, EXPLAINED);
    const header = Buffer.from('{"alg":"HS256","crit":[]}').toString('base64url');
    const answer = await call('GET', '/users', { token: `${header}.e30.e30` });
    assert.deepEqual(stepsOf(answer)[2], ['identify', "The 'crit' header parameter is not supported"]);
  });

  it('never holds a token, a part of one, or a password', async (t) => {
    const server = await startServer(t, EXPLAINED);
    const matt = await createPerson(server, 'matt', 'pass-4711-word');
    const secrets = [matt.access, matt.refresh].flatMap((token) => token.split('.').slice(1));
    const login = { json: { username: 'matt', password: 'pass-4711-word' } };
    const refresh = { json: { refresh_token: matt.refresh } };
    const answers = [
      await matt.call('GET', '/auth'),
      await matt.call('GET', '/users'),
      await matt.call('GET', '/auth', { token: `${matt.access}x` }),
      await matt.call('GET', '/auth', { token: matt.refresh }),
      await server.call('GET', '/auth', { headers: { Authorization: `Basic ${matt.access}` } }),
      await server.call('POST', '/auth', login),
      await server.call('POST', '/auth', { json: { username: 'matt', password: 'pass-4711-word\0' } }),
      await server.call('POST', '/auth', {
        body: '{"pass-4711-word',
        headers: { 'Content-Type': 'application/json' },
      }),
      await server.call('POST', '/auth/refresh', refresh),
      await matt.call('PUT', matt.path, login),
      await matt.call('POST', '/auth/logout'),
      await matt.call('GET', '/auth'),
      await server.call('POST', '/auth/refresh', refresh),
    ];
    for (const answer of answers) {
      const timing = headerOf(answer, 'server-timing');
      assert.ok(timing.length > 20);
      for (const secret of [...secrets, 'pass-4711-word', 'scrypt'])
        assert.equal(timing.includes(secret), false);
    }
  });

  it('measures on the clock that only runs forward', async (t) => {
    let ms = 0;
    const { call } = await startServer(t, EXPLAINED, { elapsedMs: () => ms++ });
    const timing = headerOf(await call('GET', '/nothing'), 'server-timing');
    assert.match(timing, /^parse;dur=1\.00;desc="HTTP\/1\.1", route;dur=1\.00;desc="[^"]+"$/);
  });
});

describe('EXPLAIN', () => {
  const production = { NODE_ENV: 'production', JWT_SECRET_KEY: 'a secret of 32 bytes or even more' };
  const rows: [settings: Record<string, string>, isOn: boolean, reason: string][] = [
    [{ EXPLAIN: '' }, true, 'by default in development'],
    [{ ...production, EXPLAIN: '' }, false, 'by default in production'],
    [{ EXPLAIN: 'off' }, false, 'switched off'],
    [{ ...production, EXPLAIN: 'on' }, true, 'switched on in production'],
  ];
  for (const [settings, isOn, reason] of rows) {
    it(`is ${isOn ? 'on' : 'off'} ${reason}`, async (t) => {
      const { call } = await startServer(t, settings);
      for (const path of ['/users', '/nothing', '/auth', '/healthz']) {
        assert.equal('server-timing' in (await call('GET', path)).headers, isOn);
      }
    });
  }
});
