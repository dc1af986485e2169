// POST /signup and POST /users: what a username and a password may be, and whose name it is.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Endpoint } from '../../src/api/endpoint.ts';
import { assertFailure, assertFields, assertHas } from '../support/server/answers.ts';
import { createPerson } from '../support/server/person.ts';
import { sendRaw, startServer, type TestServer } from '../support/server/server.ts';

const CREATED = 'Mon, 23 Nov 2026 12:00:00 -0000';
const PLACES = ['/signup', '/users'];

const LENGTH = 'must be 1 to 64 characters long';
const CONTROL = 'must not contain control characters';
const BIDI = 'must not contain bidirectional controls';
const INVISIBLE = 'must not consist of invisible characters';
const SPACE = 'must not start or end with white space';
const SURROGATE = 'must not contain a lone surrogate';
const STRING = 'must be a string';
const PASSWORD_LENGTH = 'must be at least 1 character long';
const PASSWORD_BYTES = 'must be at most 1024 bytes long';
const ZERO = 'must not contain U+0000';

function shown(value: unknown): string {
  const json = JSON.stringify(value);
  return json.length > 40 ? `${json.slice(0, 30)}… (${json.length} characters)` : json;
}

async function assertConflict({ call }: TestServer, username: string): Promise<void> {
  for (const path of PLACES) {
    const answer = await call('POST', path, { json: { username, password: 'foo' } });
    assertFailure(answer, 409, 'Conflict', 'Username already exists');
  }
}

describe('POST /signup and POST /users', () => {
  for (const path of PLACES) {
    it(`${path} creates a user that can sign in, and sends its Location`, async (t) => {
      const { call } = await startServer(t);
      const json = { username: 'matt', password: 'foo' };
      const { status, headers, json: user } = await call('POST', path, { json });
      assert.equal(status, 201);
      assert.equal(headers.location, '/users/1');
      assert.equal(headers.etag, undefined);
      assertHas(user, { id: 1, username: 'matt', created: CREATED, posts: [] });
      assert.equal((await call('POST', '/auth', { json })).status, 200);
    });
  }

  it('accept the declared fields and nothing else', async (t) => {
    const { call } = await startServer(t);
    const more = { id: 77, created: 'never', posts: [1], version: 9, disabled: true };
    const json = { username: 'matt', password: 'foo', ...more };
    const { status, json: user } = await call('POST', '/users', { json });
    assert.equal(status, 201);
    assertHas(user, { id: 1, username: 'matt', created: CREATED, posts: [] });
    for (const field of ['version', 'disabled']) assert.equal(field in user, false);
    assert.equal((await call('POST', '/auth', { json })).status, 200);
  });

  const names: [username: string, reason: string][] = [
    ['m', 'one character'],
    ['m'.repeat(64), 'sixty-four'],
    ['😀'.repeat(64), 'sixty-four characters of two code units each'],
    ['e\u0301'.repeat(64), 'sixty-four once they are put together'],
    ['matt and elie', 'white space inside'],
    ['constructor', 'a name that every object inherits'],
    ['__proto__', 'another one'],
    ['7', 'a digit'],
    ['<b>"\'&', 'what means something elsewhere'],
    ['матт', 'another script'],
    ['नर\u200dनर', 'a zero width joiner, which shapes letters'],
    ['👩\u200d🚀', 'an emoji that is made of two'],
    ['\u200bm', 'one visible character'],
  ];
  for (const [username, reason] of names) {
    it(`accept the name ${shown(username)}: ${reason}`, async (t) => {
      const { call } = await startServer(t);
      const { status, json } = await call('POST', '/signup', { json: { username, password: 'foo' } });
      assert.equal(status, 201);
      assert.equal(json.username, username.normalize('NFC'));
      assert.equal((await call('POST', '/auth', { json: { username, password: 'foo' } })).status, 200);
    });
  }

  const noNames: [username: unknown, problem: string, reason: string][] = [
    ['', LENGTH, 'empty'],
    ['m'.repeat(65), LENGTH, 'sixty-five characters'],
    ['😀'.repeat(65), LENGTH, 'sixty-five characters of two code units each'],
    [' matt', SPACE, 'a space in front'],
    ['matt ', SPACE, 'a space behind'],
    [' ', SPACE, 'nothing but a space'],
    ['matt\u00a0', SPACE, 'a space that does not break'],
    ['\u3000matt', SPACE, 'an ideographic space'],
    ['matt\ufeff', SPACE, 'a byte order mark'],
    ['matt\u2028', SPACE, 'a line separator'],
    ['ma\ntt', CONTROL, 'a line end'],
    ['matt\r\n', CONTROL, 'CR LF at the end'],
    ['ma\0tt', CONTROL, 'U+0000'],
    ['ma\u001btt', CONTROL, 'an escape'],
    ['ma\u007ftt', CONTROL, 'DEL'],
    ['ma\u0085tt', CONTROL, 'a control character of C1'],
    ['\u200b', INVISIBLE, 'a zero width space only'],
    ['\u200b \u00ad', INVISIBLE, 'invisible characters around a space'],
    ['\u3164', INVISIBLE, 'a Hangul filler'],
    ['\u2800', INVISIBLE, 'a Braille pattern without dots'],
    ['\u{e0041}', INVISIBLE, 'a tag'],
    ['ma\u202ett', BIDI, 'an override of the direction'],
    ['matt\u200f', BIDI, 'a mark of the direction at the end'],
    ['\u2066matt\u2069', BIDI, 'an isolate'],
    ['ma\u061ctt', BIDI, 'an Arabic letter mark'],
    ['ma\ud800tt', SURROGATE, 'half a character'],
    [null, STRING, 'null'],
    [7, STRING, 'a number'],
    [true, STRING, 'a boolean'],
    [['matt'], STRING, 'a list'],
    [{}, STRING, 'an object'],
  ];
  for (const [username, problem, reason] of noNames) {
    it(`reject the name ${shown(username)}: ${reason}`, async (t) => {
      const { call } = await startServer(t);
      for (const path of PLACES) {
        const answer = await call('POST', path, { json: { username, password: 'foo' } });
        assertFields(answer, { username: problem });
      }
      assert.deepEqual((await call('GET', '/users')).json, []);
    });
  }

  const passwords: [password: string, reason: string][] = [
    ['f', 'one character'],
    [' ', 'a space'],
    ['f'.repeat(1024), '1,024 bytes'],
    ['é'.repeat(512), '1,024 bytes in 512 characters'],
    ['e\u0301'.repeat(512), '1,024 bytes in NFC, 1,536 as it is sent'],
    ['\n\u001b', 'control characters'],
    ['😀', 'a character of two code units'],
  ];
  for (const [password, reason] of passwords) {
    it(`accept the password ${shown(password)}: ${reason}`, async (t) => {
      const { call } = await startServer(t);
      const json = { username: 'matt', password };
      assert.equal((await call('POST', '/signup', { json })).status, 201);
      assert.equal((await call('POST', '/auth', { json })).status, 200);
      const other = { ...json, password: `${password.slice(0, -1)}x` };
      assert.equal((await call('POST', '/auth', { json: other })).status, 401);
    });
  }

  const noPasswords: [password: unknown, problem: string, reason: string][] = [
    ['', PASSWORD_LENGTH, 'empty'],
    ['f'.repeat(1025), PASSWORD_BYTES, '1,025 bytes'],
    ['é'.repeat(513), PASSWORD_BYTES, '1,026 bytes in 513 characters'],
    ['foo\0', ZERO, 'U+0000 behind: HMAC would not see it'],
    ['\0', ZERO, 'U+0000 alone'],
    ['f\0oo', ZERO, 'U+0000 inside'],
    ['foo\udfff', SURROGATE, 'half a character'],
    [null, STRING, 'null'],
    [12345678, STRING, 'a number'],
    [['foo'], STRING, 'a list'],
  ];
  for (const [password, problem, reason] of noPasswords) {
    it(`reject the password ${shown(password)}: ${reason}`, async (t) => {
      const { call } = await startServer(t);
      const answer = await call('POST', '/signup', { json: { username: 'matt', password } });
      assertFields(answer, { password: problem });
      assert.deepEqual((await call('GET', '/users')).json, []);
    });
  }

  it('name every bad field at once', async (t) => {
    const { call } = await startServer(t);
    const required = { username: 'is required', password: 'is required' };
    assertFields(await call('POST', '/signup', { json: {} }), required);
    assertFields(await call('POST', '/signup'), required);
    assertFields(await call('POST', '/signup', { form: { user: 'matt' } }), required);
    assertFields(await call('POST', '/signup', { json: { password: 'foo' } }), { username: 'is required' });
    const both = await call('POST', '/signup', { json: { username: ' ', password: '' } });
    assertFields(both, { username: SPACE, password: PASSWORD_LENGTH });
  });

  it('read an empty body, announced or not, as {}', async (t) => {
    const { port } = await startServer(t);
    const head =
      'POST /signup HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: application/json\r\n';
    for (const body of ['Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 'Content-Length: 0\r\n\r\n', '\r\n']) {
      const answer = await sendRaw(port, `${head}${body}`);
      assert.match(
        answer,
        /^HTTP\/1\.1 400 .*"fields":\{"username":"is required","password":"is required"\}/s,
      );
    }
  });

  it('reject a field repeated in a form', async (t) => {
    const { call } = await startServer(t);
    const headers = { 'Content-Type': 'application/x-www-form-urlencoded' };
    const answer = await call('POST', '/signup', { body: 'username=a&username=b&password=c', headers });
    assertFields(answer, { username: 'is given more than once' });
  });
});

describe('SIGNUP=off', () => {
  const documented = async ({ call }: TestServer) => {
    const { endpoints } = (await call('GET', '/')).json;
    const { paths } = (await call('GET', '/openapi.json')).json;
    return PLACES.map((path) => [
      endpoints.some((each: Endpoint) => each.method === 'POST' && each.path === path),
      paths[path]?.post !== undefined,
    ]);
  };

  it('rejects every sign-up before its body is read, and is in no documentation', async (t) => {
    const server = await startServer(t, { SIGNUP: 'off' });
    for (const path of PLACES) {
      for (const options of [{ json: { username: 'matt', password: 'foo' } }, { body: '{' }]) {
        const answer = await server.call('POST', path, options);
        assertFailure(answer, 403, 'Forbidden', 'Sign-up is closed');
        assert.equal(answer.json.code, 'signup_closed');
      }
    }
    assert.deepEqual((await server.call('GET', '/users')).json, []);
    assert.deepEqual(await documented(server), [
      [false, false],
      [false, false],
    ]);
    assert.deepEqual(await documented(await startServer(t)), [
      [true, true],
      [true, true],
    ]);
  });
});

describe('PASSWORD_MIN_LENGTH', () => {
  it('counts characters in NFC', async (t) => {
    const { call } = await startServer(t, { PASSWORD_MIN_LENGTH: '3' });
    const signUp = (password: string) => call('POST', '/users', { json: { username: 'matt', password } });
    const problem = { password: 'must be at least 3 characters long' };
    assertFields(await signUp('fo'), problem);
    assertFields(await signUp('😀😀'), problem);
    assertFields(await signUp('fe\u0301'), problem);
    assert.equal((await signUp('foo')).status, 201);
  });

  it('is 8 in production, for a sign-up and for a change', async (t) => {
    const server = await startServer(t, {
      NODE_ENV: 'production',
      JWT_SECRET_KEY: 'a secret of 32 bytes or even more',
    });
    const problem = { password: 'must be at least 8 characters long' };
    for (const path of PLACES) {
      const short = await server.call('POST', path, { json: { username: 'matt', password: '1234567' } });
      assertFields(short, problem);
    }
    const matt = await createPerson(server, 'matt', '12345678');
    const json = { username: 'matt', password: '1234567' };
    for (const method of ['PUT', 'PATCH'])
      assertFields(await matt.call(method, matt.path, { json }), problem);
    assert.equal((await server.call('POST', '/auth', { json })).status, 401);
  });
});

describe('POST /signup: a username', () => {
  const same: [taken: string, wanted: string, reason: string][] = [
    ['matt', 'matt', 'to the letter'],
    ['matt', 'Matt', 'case'],
    ['Straße', 'STRASSE', 'ß is SS'],
    ['STRAẞE', 'strasse', 'and so is ẞ'],
    ['José', 'JOSE\u0301', 'NFD'],
    ['ﬁn', 'fin', 'a ligature'],
    ['x²', 'X2', 'a superscript'],
  ];
  for (const [taken, wanted, reason] of same) {
    it(`${shown(wanted)} is taken by ${shown(taken)}: ${reason}`, async (t) => {
      const server = await startServer(t);
      await server.signUp(taken, 'foo');
      await assertConflict(server, wanted);
      assert.deepEqual((await server.call('GET', '/users')).json, [{ id: 1, username: taken }]);
    });
  }

  it('that only looks alike is free', async (t) => {
    const { signUp } = await startServer(t);
    const ids = [];
    for (const name of ['matt', 'mat', 'm\u0430tt', 'mátt', 'ma tt']) ids.push(await signUp(name));
    assert.deepEqual(ids, [1, 2, 3, 4, 5]);
  });

  it('requested concurrently goes to one request, and the others use up no id', async (t) => {
    const { call, signUp } = await startServer(t);
    const spellings = ['matt', 'Matt', 'MATT', 'matt', 'mAtt', 'ｍatt'];
    const answers = await Promise.all(
      spellings.map((username) => call('POST', '/users', { json: { username, password: username } })),
    );
    const made = answers.filter(({ status }) => status === 201);
    assert.equal(made.length, 1);
    for (const answer of answers.filter((each) => !made.includes(each))) {
      assertFailure(answer, 409, 'Conflict', 'Username already exists');
    }
    const [user] = made.map(({ json }) => json);
    assert.deepEqual((await call('GET', '/users')).json, [{ id: 1, username: user.username }]);
    const own = { username: user.username, password: user.username };
    assert.equal((await call('POST', '/auth', { json: own })).status, 200);
    assert.equal(await signUp('elie'), 2);
  });

  it('is free again after its user is renamed or deleted', async (t) => {
    const server = await startServer(t);
    const matt = await createPerson(server, 'matt');
    await matt.call('PATCH', matt.path, { json: { username: 'matthew' } });
    const second = await createPerson(server, 'Matt');
    await assertConflict(server, 'MATTHEW');
    await second.call('DELETE', second.path);
    assert.equal(await server.signUp('matt'), 3);
  });
});
