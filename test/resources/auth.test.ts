// POST /auth: what a login takes, and what it answers.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assertFailure, assertUnauthorized, partsOf } from '../support/server/answers.ts';
import { createPerson } from '../support/server/person.ts';
import { type CallOptions, START_MS, startServer } from '../support/server/server.ts';

const INVALID = ['Bad Request', 'Invalid credentials'] as const;

describe('POST /auth with the right credentials', () => {
  it('returns a pair of tokens, and nothing else', async (t) => {
    const { call, signUp } = await startServer(t);
    await signUp('matt', 'foo');
    const { status, headers, json } = await call('POST', '/auth', {
      json: { username: 'matt', password: 'foo' },
    });
    assert.equal(status, 200);
    const { access_token, refresh_token, ...rest } = json;
    assert.deepEqual(rest, { token_type: 'JWT', expires_in: 300 });
    assert.notEqual(access_token, refresh_token);
    assert.equal(headers['cache-control'], 'no-store');
    assert.equal((await call('GET', '/auth', { token: access_token })).json.username, 'matt');
  });

  it('puts nothing private into the tokens, which are not encrypted', async (t) => {
    const { call, signUp } = await startServer(t);
    await signUp('matt', 'foo');
    const { json } = await call('POST', '/auth', { json: { username: 'matt', password: 'foo' } });
    const iat = START_MS / 1000;
    const access = partsOf(json.access_token);
    assert.deepEqual(Object.keys(access.header), ['typ', 'alg', 'kid']);
    assert.equal(access.header.typ, 'JWT');
    assert.equal(access.header.alg, 'HS256');
    const { sid } = access.payload;
    assert.match(sid, /^[\w-]{22}$/);
    assert.deepEqual(access.payload, { identity: 1, iat, nbf: iat, exp: iat + 300, sid, fresh: true });
    const refresh = partsOf(json.refresh_token);
    assert.deepEqual(refresh.payload, {
      identity: 1,
      iat,
      nbf: iat,
      exp: iat + 30 * 86_400,
      sid,
      generation: 0,
    });
  });

  it('follows JWT_EXPIRATION_DELTA and JWT_REFRESH_EXPIRATION_DELTA', async (t) => {
    const { call, signUp } = await startServer(t, {
      JWT_EXPIRATION_DELTA: '12h',
      JWT_REFRESH_EXPIRATION_DELTA: '60d',
    });
    await signUp('matt', 'foo');
    const { json } = await call('POST', '/auth', { json: { username: 'matt', password: 'foo' } });
    assert.equal(json.expires_in, 43_200);
    const lifetimeOf = (token: string) => partsOf(token).payload.exp - partsOf(token).payload.iat;
    assert.equal(lifetimeOf(json.access_token), 43_200);
    assert.equal(lifetimeOf(json.refresh_token), 60 * 86_400);
  });

  it('accepts a form, as `curl -d username=matt -d password=foo` sends it', async (t) => {
    const { call, signUp } = await startServer(t);
    await signUp('matt', 'foo & bar+%');
    const form = { username: 'matt', password: 'foo & bar+%' };
    assert.equal((await call('POST', '/auth', { form })).status, 200);
    assert.equal((await call('POST', '/auth', { form: { ...form, password: 'foo' } })).status, 401);
  });

  it('accepts another +json type, ignores unknown keys, and uses the last of a repeated JSON key', async (t) => {
    const { call, signUp } = await startServer(t);
    await signUp('matt', 'foo');
    const { status } = await call('POST', '/auth', {
      body: '{"username": "matt", "password": "x", "__proto__": {"a": 1}, "remember": true, "password": "foo"}',
      headers: { 'Content-Type': 'application/vnd.api+json; charset=UTF-8' },
    });
    assert.equal(status, 200);
  });

  const spellings: [signedUp: string, given: string, reason: string][] = [
    ['matt', 'MATT', 'case'],
    ['Straße', 'STRASSE', 'ß is SS'],
    ['STRASSE', 'straẞe', 'so is the capital ẞ'],
    ['José', 'Jose\u0301', 'NFC and NFD'],
    ['ﬁona', 'FIONA', 'NFKC: a ligature'],
    ['ｍａｔｔ', 'matt', 'NFKC: full-width letters'],
    ['Σίσυφος', 'ΣΊΣΥΦΟΣ', 'a final sigma'],
  ];
  for (const [signedUp, given, reason] of spellings) {
    it(`accepts ${given} for ${signedUp}: ${reason}`, async (t) => {
      const { call, signUp } = await startServer(t);
      await signUp(signedUp, 'foo');
      const { status, json } = await call('POST', '/auth', { json: { username: given, password: 'foo' } });
      assert.equal(status, 200);
      const self = await call('GET', '/auth', { token: json.access_token });
      assert.equal(self.json.username, signedUp);
    });
  }

  it('measures and compares passwords in NFC, but with their case and compatibility forms', async (t) => {
    const { call, signUp } = await startServer(t);
    await signUp('matt', 'Caf\u00e9 \ufb01');
    const statusWith = async (password: string) =>
      (await call('POST', '/auth', { json: { username: 'matt', password } })).status;
    assert.equal(await statusWith('Cafe\u0301 \ufb01'), 200);
    assert.equal(await statusWith('caf\u00e9 \ufb01'), 401);
    assert.equal(await statusWith('Caf\u00e9 fi'), 401);
    assert.equal(await statusWith('Cafe \ufb01'), 401);
  });
});

describe('POST /auth with anything wrong with the credentials', () => {
  const rows: [reason: string, options: CallOptions][] = [
    ['a wrong password', { json: { username: 'matt', password: 'bar' } }],
    ['an unknown user', { json: { username: 'nobody', password: 'foo' } }],
    ['white space around the name', { json: { username: ' matt', password: 'foo' } }],
    ['white space around the password', { json: { username: 'matt', password: 'foo ' } }],
    [
      'a zero behind the password, which HMAC would not see',
      { json: { username: 'matt', password: 'foo\0' } },
    ],
    ['no password', { json: { username: 'matt' } }],
    ['no username', { json: { password: 'foo' } }],
    ['neither', { json: {} }],
    ['no body at all', {}],
    ['an empty form', { body: '', headers: { 'Content-Type': 'application/x-www-form-urlencoded' } }],
    ['an empty password', { json: { username: 'matt', password: '' } }],
    ['an empty username', { json: { username: '', password: 'foo' } }],
    ['a password that is no text', { json: { username: 'matt', password: 1 } }],
    ['a username that is no text', { json: { username: { $ne: null }, password: 'foo' } }],
    ['null for both', { json: { username: null, password: null } }],
    ['a list of passwords', { json: { username: 'matt', password: ['foo'] } }],
    ['a password that is longer than any', { json: { username: 'matt', password: 'f'.repeat(1025) } }],
    ['a username that is longer than any', { json: { username: 'm'.repeat(10_000), password: 'foo' } }],
    [
      'half a character',
      {
        body: '{"username": "matt", "password": "\\ud800"}',
        headers: { 'Content-Type': 'application/json' },
      },
    ],
    ['names that every object inherits', { json: { username: 'constructor', password: 'toString' } }],
  ];
  for (const [reason, options] of rows) {
    it(`is 401 Invalid credentials: ${reason}`, async (t) => {
      const { call, signUp } = await startServer(t);
      await signUp('matt', 'foo');
      const answer = await call('POST', '/auth', options);
      assertUnauthorized(answer, ...INVALID);
      assert.equal(answer.headers['cache-control'], 'no-store');
    });
  }
});

describe('POST /auth with a malformed body', () => {
  const json = { 'Content-Type': 'application/json' };
  const form = { 'Content-Type': 'application/x-www-form-urlencoded' };
  const deep = `{"a":${'['.repeat(32)}${']'.repeat(32)}}`;
  const rows: [reason: string, options: CallOptions, description: string][] = [
    ['truncated', { body: '{"username": "matt"', headers: json }, 'The body is not JSON'],
    [
      'trailing text',
      { body: '{} x', headers: json },
      'The body is not JSON: unexpected input at character 4',
    ],
    ['a list at the top', { body: '[]', headers: json }, 'The JSON must be an object'],
    ['null at the top', { body: 'null', headers: json }, 'The JSON must be an object'],
    ['a byte order mark', { body: '\ufeff{}', headers: json }, 'The body starts with a byte order mark'],
    ['33 levels', { body: deep, headers: json }, 'The JSON is nested more than 32 levels deep'],
    ['no UTF-8', { body: new Uint8Array([0x7b, 0xff, 0x7d]), headers: json }, 'The body is not UTF-8'],
    [
      'a bad escape in a form',
      { body: 'username=%zz', headers: form },
      'A percent escape is malformed or not UTF-8',
    ],
  ];
  for (const [reason, options, description] of rows) {
    it(`is 400: ${reason}`, async (t) => {
      const { call } = await startServer(t);
      const answer = await call('POST', '/auth', options);
      assert.equal(answer.status, 400);
      assert.equal(answer.json.error, 'Bad Request');
      assert.ok(answer.json.description.startsWith(description), answer.json.description);
      assert.equal('fields' in answer.json, false);
    });
  }

  it('is 400 with the field if a form repeats it', async (t) => {
    const { call, signUp } = await startServer(t);
    await signUp('matt', 'foo');
    const body = 'username=matt&password=foo&password=bar';
    const answer = await call('POST', '/auth', { body, headers: form });
    assertFailure(answer, 400, 'Bad Request', 'Not valid: password', {
      fields: { password: 'is given more than once' },
    });
    const unknownTwice = 'username=matt&password=foo&x=1&x=2';
    assert.equal((await call('POST', '/auth', { body: unknownTwice, headers: form })).status, 200);
  });

  it('is 415 for another type, another charset, a coding, or no type', async (t) => {
    const { call } = await startServer(t);
    const body = '{"username": "matt", "password": "foo"}';
    const accepted = 'application/json, application/x-www-form-urlencoded';
    const types = ['text/plain', 'multipart/form-data; boundary=x', 'application/json; charset=latin1'];
    for (const type of types) {
      const { status, headers } = await call('POST', '/auth', { body, headers: { 'Content-Type': type } });
      assert.deepEqual([type, status, headers.accept], [type, 415, accepted]);
    }
    const untyped = await call('POST', '/auth', { body, headers: {} });
    assert.deepEqual([untyped.status, untyped.headers.accept], [415, accepted]);
    const zipped = await call('POST', '/auth', { body, headers: { ...json, 'Content-Encoding': 'gzip' } });
    assert.deepEqual([zipped.status, zipped.headers['accept-encoding']], [415, 'identity']);
  });
});

describe('access_token and refresh_token exchanged', () => {
  it('are rejected by POST /auth/refresh and GET /auth', async (t) => {
    const server = await startServer(t);
    const matt = await createPerson(server, 'matt');
    const type = (name: string) => `This is not ${name} token`;
    const bought = await server.call('POST', '/auth/refresh', { json: { refresh_token: matt.access } });
    assertUnauthorized(bought, 'Invalid token', type('a refresh'));
    for (const path of ['/auth', matt.path, matt.posts, '/auth/sessions']) {
      assertUnauthorized(
        await server.call('GET', path, { token: matt.refresh }),
        'Invalid token',
        type('an access'),
      );
    }
    assert.equal((await server.call('POST', '/auth/logout', { token: matt.refresh })).status, 401);
    assert.equal((await matt.call('GET', '/auth')).status, 200);
  });
});
