// OWASP Application Security Verification Standard 5.0: requirements of its chapters on validation, the API,
// authentication, sessions, authorization, cryptography, configuration and logging, against the running server. What
// RFC 8725, RFC 9700 and the API Security Top 10 ask for too is shown in their files.

import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { describe, it, type TestContext } from 'node:test';
import { anyone, endpoint } from '../../src/api/endpoint.ts';
import { temporaryFolder } from '../support/disk/temporary-folder.ts';
import {
  assertFailure,
  assertFields,
  assertUnauthorized,
  headerOf,
  partsOf,
} from '../support/server/answers.ts';
import { createPerson } from '../support/server/person.ts';
import { startPipeline } from '../support/server/pipeline.ts';
import { type Answer, sendRaw, startServer } from '../support/server/server.ts';
import { Wire } from '../support/server/wire.ts';

const YEAR_MS = 365 * 86_400_000;
const FRESH = ['Fresh Token Required', 'Sign in again to do this'] as const;

async function startWithMatt(t: TestContext, settings: Record<string, string> = {}, password = 'secret') {
  const server = await startServer(t, settings);
  const matt = await createPerson(server, 'matt', password);
  const signIn = (username: string, given: string) =>
    server.call('POST', '/auth', { json: { username, password: given } });
  return { server, matt, signIn };
}

describe('OWASP ASVS 5.0, V2 over HTTP', () => {
  it('V2.2.1: what does not fit its declaration is refused, and every bad field is named', async (t) => {
    const { server, matt } = await startWithMatt(t);
    const bad = await server.call('POST', '/users', { json: { username: ' matt\n', password: 5 } });
    assert.equal(bad.status, 400);
    assert.deepEqual(Object.keys(bad.json.fields), ['username', 'password']);
    const list = await matt.call('GET', `${matt.posts}?limit=0&after=-1&order=up`);
    assert.deepEqual(Object.keys(list.json.fields), ['limit', 'after', 'order']);
    for (const path of ['/users/01', '/users/1.0', '/users/1e0', '/users/9007199254740992']) {
      assert.equal((await matt.call('GET', path)).status, 404, path);
    }
    assert.equal((await matt.call('GET', '/users/1')).status, 200);
  });

  it('V2.3.2: of more than a hundred sessions of a user the oldest ends', async (t) => {
    const { server, matt } = await startWithMatt(t);
    for (let count = 1; count < 100; count++) {
      server.clock.ms += 1;
      await server.signIn('matt');
    }
    assert.equal((await matt.call('GET', '/auth')).status, 200);
    server.clock.ms += 1;
    const last = await server.signIn('matt');
    assert.equal((await matt.call('GET', '/auth')).status, 401);
    assert.equal((await server.call('GET', '/auth/sessions', { token: last.access })).json.length, 100);
  });

  it('V2.3.3: a change happens whole or not at all', async (t) => {
    const { server, matt, signIn } = await startWithMatt(t);
    await server.signUp('elie');
    const other = await server.signIn('matt');
    const change = await matt.call('PUT', matt.path, { json: { username: 'elie', password: 'new' } });
    assertFailure(change, 409, 'Conflict', 'Username already exists');
    assert.equal((await signIn('matt', 'new')).status, 401);
    assert.equal((await server.call('GET', '/auth', { token: other.access })).status, 200);
    await matt.call('PUT', matt.path, { json: { username: 'matthew', password: 'new' } });
    assert.equal((await signIn('matthew', 'new')).status, 200);
    assert.equal((await server.call('GET', '/auth', { token: other.access })).status, 401);
  });

  it('V2.3.4: of many who want the same name at once one gets it', async (t) => {
    const server = await startServer(t);
    const spellings = ['matt', 'MATT', 'Matt', 'ｍａｔｔ', 'matT'];
    const answers = spellings.map((username) =>
      server.call('POST', '/users', { json: { username, password: 'foo' } }),
    );
    const statuses = (await Promise.all(answers)).map(({ status }) => status);
    assert.deepEqual(statuses.sort(), [201, 409, 409, 409, 409]);
    assert.equal((await server.call('GET', '/users')).json.length, 1);
  });
});

describe('OWASP ASVS 5.0, V4 over HTTP', () => {
  it('V4.1.1: every answer says what it is, in UTF-8', async (t) => {
    const { server, matt } = await startWithMatt(t);
    const json = [
      ...[await server.call('GET', '/'), await server.call('GET', '/users'), await matt.call('GET', '/auth')],
      ...[
        await server.call('GET', '/nothing'),
        await server.call('PUT', '/users'),
        await server.call('GET', '/auth'),
      ],
    ];
    for (const { headers, text } of json) {
      assert.equal(headers['content-type'], 'application/json; charset=utf-8');
      JSON.parse(text);
    }
    const metrics = await server.call('GET', '/metrics');
    assert.equal(metrics.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
    assert.match(
      await sendRaw(server.port, 'nonsense\r\n\r\n'),
      /\r\nContent-Type: application\/json; charset=utf-8\r\n/,
    );
  });

  it('V4.1.3: who the client is, only a proxy that is trusted may say', async (t) => {
    const visit = async (settings: Record<string, string>, headers: Record<string, string>) => {
      const server = await startServer(t, settings);
      await server.call('GET', '/users', { headers });
      return JSON.parse(server.log[0] ?? '').address;
    };
    const names = ['X-Forwarded-For', 'X-Real-IP', 'Forwarded', 'Client-IP', 'X-User-ID', 'Via'];
    const claimed = Object.fromEntries(names.map((name) => [name, '192.0.2.1']));
    assert.equal(await visit({}, claimed), '127.0.0.1');
    assert.equal(await visit({ TRUST_PROXY: '10.0.0.1' }, claimed), '127.0.0.1');
    // What the client itself wrote stands to the left of what the proxy added.
    const both = { 'X-Forwarded-For': '198.51.100.9, 192.0.2.1' };
    assert.equal(await visit({ TRUST_PROXY: '127.0.0.1' }, both), '192.0.2.1');
  });

  it('V4.1.4: a method that is not declared is refused, TRACE and what a header claims among them', async (t) => {
    const { server, matt } = await startWithMatt(t);
    for (const method of ['TRACE', 'PUT', 'DELETE', 'SEARCH', 'PURGE']) {
      const answer = await server.call(method, '/users');
      assert.equal(answer.status, 405, method);
      assert.equal(answer.headers.allow, 'GET, HEAD, OPTIONS, POST');
    }
    assert.match(
      await sendRaw(server.port, 'CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n'),
      /^HTTP\/1\.1 405 /,
    );
    const headers = { 'X-HTTP-Method-Override': 'DELETE', 'X-Method-Override': 'DELETE' };
    assert.equal((await matt.call('GET', `${matt.path}?_method=DELETE`, { headers })).status, 200);
    assert.equal((await matt.call('GET', matt.path)).status, 200);
  });

  it('V4.2.1: a request whose end can be read in two ways is refused, and nothing behind it is answered', async (t) => {
    const { server } = await startWithMatt(t);
    const framings = [
      ['Content-Length: 5', 'Transfer-Encoding: chunked'],
      ['Content-Length: 5', 'Content-Length: 6'],
      ['Transfer-Encoding: gzip, chunked'],
      ['Transfer-Encoding: chunked, identity'],
      ['Transfer-Encoding: xchunked'],
      ['Content-Length: +5'],
    ];
    for (const lines of framings) {
      const head = ['POST /auth HTTP/1.1', 'Host: a', 'Content-Type: application/json', ...lines];
      const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n';
      const got = await sendRaw(server.port, `${head.join('\r\n')}\r\n\r\n0\r\n\r\n${smuggled}`);
      assert.match(got, /^HTTP\/1\.1 (400|501) /, lines.join());
      assert.equal(got.match(/HTTP\/1\.1 /g)?.length, 1, got);
    }
  });

  it('V4.2.2: Content-Length is the length of what follows, and is absent where nothing does', async (t) => {
    const { server, matt } = await startWithMatt(t);
    await matt.post('é 😀', 'ü');
    const token = `Authorization: JWT ${matt.access}`;
    const wire = await Wire.open(server.port);
    // Each answer is found behind the last one only if that one's length was right.
    for (const method of ['GET', 'HEAD', 'OPTIONS', 'GET']) {
      wire.write(`${method} /users/1/posts/1 HTTP/1.1\r\nHost: a\r\n${token}\r\n\r\n`);
      const { status, text, headers } = await wire.answer(method);
      assert.equal(status, method === 'OPTIONS' ? 204 : 200);
      if (method === 'GET') assert.equal(headers['content-length'], String(Buffer.byteLength(text)));
      if (method === 'OPTIONS') assert.equal(headers['content-length'], undefined);
    }
    assert.equal(wire.unread, '');
    wire.end();
    await wire.closed;
  });
});

describe('OWASP ASVS 5.0, V6 over HTTP', () => {
  it('V6.2.1: in production a password has at least eight characters', async (t) => {
    const server = await startServer(t, { NODE_ENV: 'production' });
    const signUp = (password: string) =>
      server.call('POST', '/users', { json: { username: 'matt', password } });
    for (const password of ['', '1234567', '😀'.repeat(7)])
      assert.equal((await signUp(password)).status, 400);
    assert.equal((await signUp('12345678')).status, 201);
    const token = (await server.signIn('matt', '12345678')).access;
    assert.equal(
      (await server.call('PATCH', '/users/1', { token, json: { password: 'short' } })).status,
      400,
    );
  });

  it('V6.2.2: a user can change the password', async (t) => {
    const { matt, signIn } = await startWithMatt(t);
    assert.equal((await matt.call('PATCH', matt.path, { json: { password: 'new' } })).status, 200);
    assert.equal((await signIn('matt', 'secret')).status, 401);
    assert.equal((await signIn('matt', 'new')).status, 200);
  });

  it('V6.2.3: to change a password, a name or an account takes a token for which the password was just given', async (t) => {
    const { server, matt } = await startWithMatt(t);
    const { json } = await server.call('POST', '/auth/refresh', { json: { refresh_token: matt.refresh } });
    const token = json.access_token;
    const changes = [
      ['PATCH', { password: 'new' }],
      ['PATCH', { username: 'new' }],
      ['PUT', { username: 'new', password: 'new' }],
      ['DELETE', undefined],
    ] as const;
    for (const [method, body] of changes) {
      assertUnauthorized(await server.call(method, matt.path, { token, json: body }), ...FRESH);
    }
    for (const [method, body] of changes) {
      assert.ok((await matt.call(method, matt.path, { json: body })).status < 300);
    }
  });

  it('V6.2.5: a password may be of any characters, all of one kind too', async (t) => {
    const { server, signIn } = await startWithMatt(t);
    const passwords = [
      'aaaaaaaa',
      '        ',
      '00000000',
      '😀😀😀😀😀😀😀😀',
      '{"a":"b"}',
      "' OR 1=1 --",
      'a\tb\nc',
    ];
    for (const [index, password] of passwords.entries()) {
      await server.signUp(`user ${index}`, password);
      assert.equal((await signIn(`user ${index}`, password)).status, 200, password);
    }
  });

  it('V6.2.8: a password is checked as it was given: case, spaces and every last character count', async (t) => {
    const long = `${'x'.repeat(1000)} End `;
    const { signIn } = await startWithMatt(t, {}, long);
    for (const other of [long.toLowerCase(), long.trim(), long.slice(0, -1), long.slice(0, 72), `${long} `]) {
      assert.equal((await signIn('matt', other)).status, 401);
    }
    assert.equal((await signIn('matt', long)).status, 200);
  });

  it('V6.2.9: a password may be long, 64 characters of any script and far more', async (t) => {
    const { server, signIn } = await startWithMatt(t);
    for (const password of ['😀'.repeat(64), 'x'.repeat(1024)]) {
      const username = `with ${password.length}`;
      await server.signUp(username, password);
      assert.equal((await signIn(username, password)).status, 200);
    }
    const tooLong = await server.call('POST', '/users', {
      json: { username: 'a', password: 'x'.repeat(1025) },
    });
    assertFields(tooLong, { password: 'must be at most 1024 bytes long' });
  });

  it('V6.2.10: a password stays valid for as long as its user likes', async (t) => {
    const { server, signIn } = await startWithMatt(t);
    server.clock.ms += 50 * YEAR_MS;
    assert.equal((await signIn('matt', 'secret')).status, 200);
    assert.equal((await signIn('matt', 'wrong')).status, 401);
  });

  it('V6.3.1: guesses at one account are slowed down, from everywhere too, and lock nobody out where they have signed in', async (t) => {
    const { server, matt } = await startWithMatt(t, { RATE_LIMIT_LOGIN: '10/15m', TRUST_PROXY: '127.0.0.1' });
    const tryFrom = async (address: string, password: string) => {
      const headers = { 'X-Forwarded-For': address };
      const json = { username: 'MATT', password };
      return (await server.call('POST', '/auth', { json, headers })).status;
    };
    for (let count = 0; count < 10; count++) assert.equal(await tryFrom('192.0.2.1', 'wrong'), 401);
    assert.equal(await tryFrom('192.0.2.1', 'secret'), 429);
    assert.equal(await tryFrom('192.0.2.2', 'secret'), 200);
    for (let count = 10; count < 100; count++) {
      assert.equal(await tryFrom(`198.51.100.${count}`, 'wrong'), 401);
    }
    assert.equal(await tryFrom('203.0.113.1', 'wrong'), 429);
    assert.equal(await tryFrom('203.0.113.1', 'secret'), 429);
    assert.equal(await tryFrom('192.0.2.2', 'secret'), 200);
    // Whoever has the name after that has signed in nowhere.
    await matt.call('PATCH', `/users/${matt.id}`, { json: { username: 'Other' } });
    await server.signUp('matt');
    assert.equal(await tryFrom('192.0.2.2', 'secret'), 429);
    server.clock.ms += 15 * 60_000;
    assert.equal(await tryFrom('203.0.113.1', 'secret'), 200);
  });

  it('V6.3.2: there are no accounts but those that people made', async (t) => {
    const { server, matt, signIn } = await startWithMatt(t);
    assert.deepEqual((await server.call('GET', '/users')).json, [{ id: matt.id, username: 'matt' }]);
    for (const name of ['root', 'admin', 'sa', 'test', 'jot'])
      assert.equal((await signIn(name, name)).status, 401);
  });
});

describe('OWASP ASVS 5.0, V7 and V8 over HTTP', () => {
  it('V7.2.3: a session has an id of 128 random bits, another one each time', async (t) => {
    const { server, matt } = await startWithMatt(t);
    const ids = new Set<string>();
    for (let count = 0; count < 20; count++)
      ids.add(partsOf((await server.signIn('matt')).access).payload.sid);
    ids.add(partsOf(matt.access).payload.sid);
    assert.equal(ids.size, 21);
    for (const id of ids) assert.equal(Buffer.from(id, 'base64url').length, 16);
  });

  it('V7.2.4: each login makes a session and tokens of its own', async (t) => {
    const { server, matt } = await startWithMatt(t);
    const again = await server.signIn('matt');
    assert.notEqual(again.access, matt.access);
    await matt.call('POST', '/auth/logout');
    assert.equal((await server.call('GET', '/auth', { token: again.access })).status, 200);
    assert.equal((await matt.call('GET', '/auth')).status, 401);
  });

  it('V7.4.3: a password change ends every session, also that of the request, and starts one', async (t) => {
    const server = await startServer(t);
    const matt = await createPerson(server, 'matt');
    const other = await server.signIn('matt');
    const { json: started } = await matt.call('PATCH', matt.path, { json: { password: 'new' } });
    for (const { access: token, refresh: refresh_token } of [matt, other]) {
      assert.equal((await server.call('GET', '/auth', { token })).status, 401);
      assert.equal((await server.call('POST', '/auth/refresh', { json: { refresh_token } })).status, 401);
    }
    const { json: sessions } = await server.call('GET', '/auth/sessions', { token: started.access_token });
    assert.equal(sessions.length, 1);
  });

  it('V7.5.2: a user sees every session and can end one or all', async (t) => {
    const { server, matt } = await startWithMatt(t);
    const others = [await server.signIn('matt'), await server.signIn('matt')];
    const list = (await matt.call('GET', '/auth/sessions')).json;
    assert.deepEqual(
      list.map(({ current }: { current: boolean }) => current),
      [true, false, false],
    );
    assert.equal((await matt.call('DELETE', `/auth/sessions/${list[1].id}`)).status, 204);
    const statuses = async () =>
      Promise.all(
        [matt, ...others].map(
          async ({ access }) => (await server.call('GET', '/auth', { token: access })).status,
        ),
      );
    assert.deepEqual(await statuses(), [200, 401, 200]);
    assert.equal((await matt.call('DELETE', '/auth/sessions')).status, 204);
    assert.deepEqual(await statuses(), [401, 401, 401]);
  });

  it('V8.3.2: who may no longer, may not from the next request on, whatever the token says', async (t) => {
    const { server, matt } = await startWithMatt(t);
    const post = await matt.post();
    assert.equal((await matt.call('GET', post)).status, 200);
    await matt.call('DELETE', matt.path);
    assertUnauthorized(await matt.call('GET', post), 'Invalid JWT', 'User does not exist');
    await server.signUp('matt');
    assert.equal((await matt.call('GET', post)).status, 401);
  });
});

describe('OWASP ASVS 5.0, V11 and V13 over HTTP', () => {
  it('V11.2.2: keys and the cost of passwords can be changed while everybody stays signed in', async (t) => {
    const DATABASE_URL = `file:${temporaryFolder(t)}/jot.jsonl`;
    const [older, newer] = ['an older secret of 32 bytes or more', 'a newer secret of 32 bytes or more.'];
    const before = await startServer(t, { DATABASE_URL, JWT_SECRET_KEY: older });
    const matt = await createPerson(before, 'matt');
    await before.close();
    const settings = { DATABASE_URL, PASSWORD_COST: 'ln=2,r=1,p=1' };
    const after = await startServer(t, { ...settings, JWT_SECRET_KEY: `${newer},${older}` });
    assert.equal((await after.call('GET', '/auth', { token: matt.access })).status, 200);
    const { access } = await after.signIn('matt');
    assert.notEqual(partsOf(access).header.kid, partsOf(matt.access).header.kid);
    await after.close();
    const last = await startServer(t, { ...settings, JWT_SECRET_KEY: newer });
    assert.equal((await last.call('GET', '/auth', { token: access })).status, 200);
    assert.equal((await last.call('GET', '/auth', { token: matt.access })).status, 401);
    await last.close();
  });

  it('V11.4.2: a password is kept as scrypt with N=2^14, r=8, p=5 and a salt of its own', async (t) => {
    const path = `${temporaryFolder(t)}/jot.jsonl`;
    const server = await startServer(t, { DATABASE_URL: `file:${path}`, PASSWORD_COST: '' });
    for (const username of ['matt', 'elie']) await server.signUp(username, 'the same password');
    await server.close();
    const text = readFileSync(path, 'utf8');
    const hashes = [...text.matchAll(/"password_hash":"\$scrypt\$ln=14,r=8,p=5\$([^$]{22})\$([^$"]{43})"/g)];
    assert.equal(hashes.length, 2);
    assert.notEqual(hashes[0]?.[1], hashes[1]?.[1]);
    assert.notEqual(hashes[0]?.[2], hashes[1]?.[2]);
    assert.equal(text.includes('the same password'), false);
  });

  it('V13.3.2: nobody but its own user reads the key file or the data', async (t) => {
    const folder = `${temporaryFolder(t)}/made`;
    const server = await startServer(t, { DATABASE_URL: `file:${folder}/jot.jsonl` });
    await server.signUp('matt');
    const modes = ['', '/jot.jsonl', '/jot.keys.json'].map(
      (name) => statSync(`${folder}${name}`).mode & 0o777,
    );
    assert.deepEqual(modes, [0o700, 0o600, 0o600]);
    await server.close();
  });

  it('V13.4.1: no file is served, from whatever folder', async (t) => {
    const server = await startServer(t);
    const paths = [
      '/.git/config',
      '/.env',
      '/package.json',
      '/src/main.ts',
      '/data/jot.jsonl',
      '/data/jot.keys.json',
    ];
    const climbing = [
      '/../package.json',
      '/%2e%2e/package.json',
      '/..%2fpackage.json',
      '/users/../../package.json',
    ];
    for (const path of [...paths, ...climbing, '//etc/passwd', '/users//1']) {
      assertFailure(await server.call('GET', path), 404, 'Not Found', 'There is nothing at this address');
    }
  });
});

describe('OWASP ASVS 5.0, V16 over HTTP', () => {
  it('V16.2.1: a line of the log says when, in UTC, who, from where, what, and how it ended', async (t) => {
    const { server, matt } = await startWithMatt(t);
    server.log.length = 0;
    await matt.call('DELETE', `${matt.posts}/7?x=y`, { headers: { 'X-Request-Id': 'id-1' } });
    const { ms, ...line } = JSON.parse(server.log[0] ?? '');
    assert.equal(typeof ms, 'number');
    assert.deepEqual(line, {
      time: '2026-11-23T12:00:00.000Z',
      level: 'info',
      message: 'request',
      ...{ request_id: 'id-1', method: 'DELETE', path: '/users/1/posts/7', status: 404 },
      ...{ address: '127.0.0.1', user: 1 },
    });
  });

  it('V16.3.1: every login and every refusal of one is logged', async (t) => {
    const { server, matt, signIn } = await startWithMatt(t, { RATE_LIMIT_LOGIN: '1/h' });
    server.log.length = 0;
    await signIn('matt', 'secret');
    await server.call('POST', '/auth/refresh', { json: { refresh_token: matt.refresh } });
    await server.call('POST', '/auth/refresh', { json: { refresh_token: matt.access } });
    for (const password of ['wrong', 'secret']) await signIn('matt', password);
    await matt.call('POST', '/auth/logout');
    const told = server.log.map((line) => JSON.parse(line));
    assert.deepEqual(
      told.map(({ path, status, user }) => `${path} ${status} ${user ?? 'nobody'}`),
      [
        ...['/auth 200 1', '/auth/refresh 200 1', '/auth/refresh 401 nobody'],
        ...['/auth 401 nobody', '/auth 429 nobody', '/auth/logout 204 1'],
      ],
    );
  });

  it('V16.3.2: every refusal is logged, with whom it was for', async (t) => {
    const { server, matt } = await startWithMatt(t);
    server.log.length = 0;
    await matt.call('GET', '/users/2');
    await server.call('GET', '/users/2');
    await server.call('POST', '/users', { json: {} });
    await sendRaw(server.port, 'GET / HTTP/1.1\r\nConnection: close\r\n\r\n');
    const told = server.log.map((line) => JSON.parse(line));
    assert.deepEqual(
      told.map(({ status, user }) => [status, user]),
      [
        [403, 1],
        [401, undefined],
        [400, undefined],
        [400, undefined],
      ],
    );
  });

  it('V16.4.1: nothing that a client sends can begin a line of the log', async (t) => {
    for (const LOG of ['json', 'text']) {
      const server = await startServer(t, { LOG });
      const forged = 'x\r\n{"level":"info","message":"forged"}';
      await server.call('POST', '/auth', { json: { username: forged, password: forged } });
      await server.call('GET', `/${encodeURIComponent(forged)}`);
      await sendRaw(server.port, 'GET /\x1b[2J\x7f\x85 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
      await server.call('GET', '/users', { headers: { 'X-Request-Id': 'a"} {"x', 'User-Agent': '\x85' } });
      assert.equal(server.log.length, 4);
      for (const line of server.log) assert.match(line, /^[\x20-\x7e]+\n$/);
    }
  });

  it('V16.5.1: a bug is told to nobody but the log, and the server goes on', async (t) => {
    const broken = endpoint({
      ...{ method: 'GET', path: '/broken', group: 'test', summary: 'Break', access: anyone, status: 204 },
      handle: async () => {
        throw new TypeError('key 4711 of /srv/jot is undefined');
      },
    } as const);
    const { call, log } = await startPipeline(t, [broken]);
    const answers: Answer[] = [await call('GET', '/broken'), await call('GET', '/broken')];
    for (const answer of answers) {
      const id = headerOf(answer, 'x-request-id');
      assertFailure(answer, 500, 'Internal Server Error', `Something went wrong; request ${id}`);
      const told = log.map((line) => JSON.parse(line)).filter(({ request_id }) => request_id === id);
      assert.deepEqual(
        told.map(({ level }) => level),
        ['error', 'info'],
      );
      assert.match(told[0].stack, /^TypeError: key 4711 of \/srv\/jot is undefined\n +at /);
    }
  });
});
