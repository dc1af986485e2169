// What is said about an answer: headers that are on all of them, or on those of a kind.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { headerOf } from '../support/server/answers.ts';
import { createPerson } from '../support/server/person.ts';
import { type Answer, sendRaw, startServer } from '../support/server/server.ts';

const TIME =
  /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{2} (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d{2}:\d{2}:\d{2} -0000$/;

/** One answer of each kind, success and failure. */
async function everyKind(t: Parameters<typeof startServer>[0], settings: Record<string, string> = {}) {
  const server = await startServer(t, settings);
  const matt = await createPerson(server, 'matt');
  const path = await matt.post();
  const answers: Record<string, Answer> = {
    'GET /users': await server.call('GET', '/users'),
    'GET /': await server.call('GET', '/'),
    'a post': await matt.call('GET', path),
    'a 201': await matt.call('POST', matt.posts, { json: { title: 'T', body: 'é 😀' } }),
    'a 204': await matt.call('DELETE', path),
    'a 304': await server.call('GET', '/users', { headers: { 'If-None-Match': '*' } }),
    'a bad target': await server.call('GET', '/%zz'),
    'a 401': await server.call('GET', '/auth'),
    'a 403': await matt.call('GET', '/users/2'),
    'a 404 of a path': await server.call('GET', '/nothing'),
    'a 404 of a post': await matt.call('GET', path),
    'a 405': await server.call('PUT', '/users'),
    'a login': await server.call('POST', '/auth', { json: { username: 'matt', password: 'secret' } }),
    OPTIONS: await server.call('OPTIONS', '/users'),
    '/metrics': await server.call('GET', '/metrics'),
  };
  return { server, matt, answers };
}

describe('Response headers', () => {
  it('include X-Content-Type-Options, X-Request-Id, Cache-Control, Content-Type and Content-Length', async (t) => {
    const { answers } = await everyKind(t);
    for (const [name, answer] of Object.entries(answers)) {
      const { headers, text, status } = answer;
      assert.equal(headers['x-content-type-options'], 'nosniff', name);
      assert.match(headerOf(answer, 'x-request-id'), /^[\w-]{36}$/, name);
      assert.ok(headers['cache-control'], name);
      if (status === 204 || status === 304) {
        assert.deepEqual(
          [text, headers['content-type'], headers['content-length']],
          ['', undefined, undefined],
        );
        continue;
      }
      assert.equal(headers['content-length'], String(Buffer.byteLength(text)), name);
      assert.match(text, /[^\n]\n$/, name);
      if (name === '/metrics') continue;
      assert.equal(headers['content-type'], 'application/json; charset=utf-8', name);
    }
  });

  it('are the same for HEAD as for GET', async (t) => {
    const { server, matt } = await everyKind(t);
    for (const path of ['/users', '/', '/healthz', matt.path, matt.posts, '/auth', '/nothing', '/users/2']) {
      // The second one of two is from the cache, where there is one.
      await matt.call('GET', path);
      const [get, head] = [await matt.call('GET', path), await matt.call('HEAD', path)];
      const { 'x-request-id': _, date: ___, ...ofGet } = get.headers;
      const { 'x-request-id': __, date: ____, ...ofHead } = head.headers;
      assert.deepEqual([head.status, head.text, ofHead], [get.status, '', ofGet]);
    }
    assert.equal((await server.call('HEAD', '/auth/refresh')).status, 405);
  });

  it('come with bodies whose times have the format of RFC 822, in every month', async (t) => {
    const server = await startServer(t);
    for (const [month, name] of ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun'].entries()) {
      server.clock.ms = Date.UTC(2027, month, 5, 7, 8, 9, 999);
      const { json } = await server.call('POST', '/users', { json: { username: name, password: 'x' } });
      assert.match(json.created, TIME);
      assert.ok(json.created.endsWith(`, 05 ${name} 2027 07:08:09 -0000`));
      assert.equal(Date.parse(json.created), Date.UTC(2027, month, 5, 7, 8, 9));
    }
  });
});

describe('Connection: close', () => {
  it('does not prevent the response if more bytes follow the request', async (t) => {
    const { port } = await startServer(t);
    const request = 'GET /auth HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';
    for (const more of ['', '\r\n', '{}', request]) {
      const answer = await sendRaw(port, `${request}${more}`);
      assert.match(answer, /^HTTP\/1\.1 401 /, JSON.stringify(more));
      assert.equal(answer.match(/HTTP\/1\.1/g)?.length, 1);
    }
  });
});

describe('X-Request-Id', () => {
  const own: [given: string, reason: string][] = [
    ['a', 'one character'],
    ['A-Za-z0-9._-', 'each kind of character'],
    ['x'.repeat(64), 'sixty-four'],
  ];
  for (const [given, reason] of own) {
    it(`is the client's own: ${reason}`, async (t) => {
      const { call, log } = await startServer(t);
      for (const path of ['/users', '/nothing', '/auth']) {
        const { headers } = await call('GET', path, { headers: { 'X-Request-Id': given } });
        assert.equal(headers['x-request-id'], given);
        assert.equal(JSON.parse(log.at(-1) ?? '').request_id, given);
      }
    });
  }

  const others: [given: string, reason: string][] = [
    ['', 'empty'],
    ['x'.repeat(65), 'sixty-five characters'],
    ['a b', 'a space'],
    ['a/b', 'a slash'],
    ['"a"', 'quotes'],
    ['é', 'not ASCII'],
    ['a,b', 'two of them'],
  ];
  for (const [given, reason] of others) {
    it(`is generated, also in the log, instead of a harmful value: ${reason}`, async (t) => {
      const { port, log } = await startServer(t);
      const head = `GET /users HTTP/1.1\r\nHost: a\r\nX-Request-Id: ${given}\r\nConnection: close\r\n\r\n`;
      const id = /^X-Request-Id: (.*)$/im.exec(await sendRaw(port, Buffer.from(head, 'latin1')))?.[1];
      assert.match(String(id).trim(), /^[\w-]{36}$/);
      assert.equal(JSON.parse(log.at(-1) ?? '').request_id, String(id).trim());
    });
  }

  it('differs for every request', async (t) => {
    const { call } = await startServer(t);
    const ids = new Set<unknown>();
    for (let count = 0; count < 20; count++) ids.add((await call('GET', '/users')).headers['x-request-id']);
    assert.equal(ids.size, 20);
  });
});

describe('Cache-Control', () => {
  it('is no-store on responses with a token, private on those that needed one, else no-cache', async (t) => {
    const { server, matt, answers } = await everyKind(t);
    const refresh = { json: { refresh_token: matt.refresh } };
    const kinds: [kind: string, answers: (Answer | undefined)[]][] = [
      [
        'no-store',
        [
          answers['a login'],
          await server.call('POST', '/auth', { json: {} }),
          await server.call('POST', '/auth/refresh', refresh),
          await server.call('POST', '/auth/refresh'),
        ],
      ],
      [
        'private, no-cache',
        [
          ...[answers['a post'], answers['a 201'], answers['a 204'], answers['a 401'], answers['a 403']],
          ...[answers['a 404 of a post'], answers['/metrics']],
          await matt.call('GET', matt.posts),
          await matt.call('GET', '/auth/sessions'),
          await matt.call('GET', matt.path, { headers: { 'If-None-Match': '*' } }),
        ],
      ],
      [
        'no-cache',
        [
          ...[answers['GET /users'], answers['GET /'], answers['a 304'], answers['a 404 of a path']],
          ...[answers['a 405'], answers.OPTIONS],
          await server.call('POST', '/users', { json: { username: 'tim', password: 'x' } }),
        ],
      ],
    ];
    for (const [kind, all] of kinds) {
      for (const answer of all)
        assert.deepEqual([answer?.text, answer?.headers['cache-control']], [answer?.text, kind]);
    }
  });
});
