import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import { mediaOf } from '../../src/http/media.ts';
import { startServer } from '../support/server/server.ts';

const ACCEPT = { header: 'Accept', value: 'application/json, application/x-www-form-urlencoded' };
const IDENTITY = { header: 'Accept-Encoding', value: 'identity' };
const FORM = 'application/x-www-form-urlencoded';

describe('mediaOf accepts', () => {
  for (const [type, source, why] of [
    ['application/json', 'json', 'what most clients say'],
    ['Application/JSON', 'json', 'case means nothing'],
    [' application/json ', 'json', 'white space around it'],
    ['application/json;charset=utf-8', 'json', 'UTF-8 named'],
    ['application/json ; charset=UTF-8', 'json', 'UTF-8 in capitals, with white space'],
    ['application/json; charset="utf-8"', 'json', 'UTF-8 in quotes'],
    ['application/json; charset=utf8', 'json', 'as many write it'],
    ['application/json; version=2', 'json', 'a parameter of somebody else'],
    ['application/json;', 'json', 'a semicolon and nothing'],
    ['application/merge-patch+json', 'json', 'a kind of JSON (RFC 6839)'],
    ['application/vnd.api+json; charset=utf-8', 'json', 'another kind of JSON'],
    ['image/x.y-z+JSON', 'json', 'any type with that suffix'],
    [FORM, 'text', 'what `curl -d` says'],
    [`${FORM}; charset=utf-8`, 'text', 'a form with its charset'],
  ] as const) {
    it(`${JSON.stringify(type)} as ${source}: ${why}`, () => {
      assert.equal(mediaOf({ 'content-type': type }).source, source);
    });
  }

  for (const coding of ['', 'identity', 'Identity', 'identity, IDENTITY', ' identity ,']) {
    it(`the Content-Encoding ${JSON.stringify(coding)} as an absent one`, () => {
      const headers = { 'content-type': 'application/json', 'content-encoding': coding };
      assert.equal(mediaOf(headers).source, 'json');
    });
  }

  it('a type and parses the bytes as that type', () => {
    const bytes = Buffer.from('{"a":"b=%25"}');
    assert.deepEqual(mediaOf({ 'content-type': 'application/json' }).parse(bytes), { a: 'b=%25' });
    assert.deepEqual(mediaOf({ 'content-type': FORM }).parse(bytes), { '{"a":"b': '%"}' });
    assert.throws(() => mediaOf({ 'content-type': FORM }).parse(Buffer.from([0x61, 0x3d, 0xe9])), {
      code: 'bad_request',
      message: 'The body is not UTF-8',
    });
  });
});

describe('mediaOf rejects', () => {
  const type = 'The Content-Type must be application/json or application/x-www-form-urlencoded';
  const charset = 'The charset must be UTF-8';
  for (const [given, message, why] of [
    [undefined, 'The body needs a Content-Type', 'none named'],
    ['', 'The body needs a Content-Type', 'an empty one'],
    ['text/plain', type, 'plain text'],
    ['text/json', type, 'a name that JSON never had'],
    ['application/jsonx', type, 'only the start is JSON'],
    ['application/json+x', type, 'another suffix'],
    ['application/x+json/y', type, 'not a media type'],
    ['+json', type, 'only a suffix'],
    ['json', type, 'no slash'],
    ['*/*', type, 'what belongs into Accept'],
    ['application/json, text/plain', type, 'two types'],
    ['multipart/form-data; boundary=x', type, 'a form with files'],
    ['application/json; charset=latin1', charset, 'Latin-1'],
    ['application/json; charset=utf-16', charset, 'UTF-16'],
    ['application/json; charset=utf-80', charset, 'only the start is UTF-8'],
    ['application/json; charset=', charset, 'a charset without a name'],
    [`${FORM}; charset=iso-8859-1`, charset, 'a form in Latin-1'],
    ['text/plain; charset=latin1', charset, 'both wrong'],
  ] as const) {
    it(`${JSON.stringify(given)}: ${why}`, () => {
      const headers = given === undefined ? {} : { 'content-type': given };
      const details = { accept: ACCEPT };
      assert.throws(() => mediaOf(headers), {
        name: 'JotError',
        code: 'unsupported_media_type',
        message,
        details,
      });
    });
  }

  for (const coding of [
    'gzip',
    'br',
    'x',
    'identity, gzip',
    'gzip, identity',
    'identity gzip',
    'identity;q=1',
  ]) {
    it(`the content coding ${coding}, and lists those it accepts`, () => {
      assert.throws(() => mediaOf({ 'content-type': 'application/json', 'content-encoding': coding }), {
        code: 'unsupported_media_type',
        message: 'A content coding is not supported',
        details: { accept: IDENTITY },
      });
    });
  }
});

describe('POST /users with a Content-Type', () => {
  test('of JSON, a form or a +json type signs up alike', async (t) => {
    const { call } = await startServer(t);
    const body = JSON.stringify({ username: 'tim', password: 'x' });
    const headers = { 'content-type': 'application/vnd.x+json' };
    for (const options of [
      { json: { username: 'matt', password: 'x' } },
      { form: { username: 'elie', password: 'x' } },
      { body, headers },
    ]) {
      assert.equal((await call('POST', '/users', options)).status, 201);
    }
  });

  test('of another type, or without a type, is 415 with Accept', async (t) => {
    const { call } = await startServer(t);
    const body = JSON.stringify({ username: 'matt', password: 'x' });
    for (const headers of [{}, { 'content-type': 'text/plain' }]) {
      const answer = await call('POST', '/users', { body, headers });
      assert.equal(answer.status, 415);
      assert.equal(answer.json.error, 'Unsupported Media Type');
      assert.equal(answer.headers.accept, ACCEPT.value);
      assert.equal(answer.headers['accept-encoding'], undefined);
    }
  });

  test('and a Content-Encoding is 415 with Accept-Encoding', async (t) => {
    const { call } = await startServer(t);
    const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip' };
    const answer = await call('POST', '/users', { body: '{}', headers });
    assert.equal(answer.status, 415);
    assert.equal(answer.headers['accept-encoding'], IDENTITY.value);
    assert.equal(answer.headers.accept, undefined);
  });

  test('and the Content-Encoding identity signs up', async (t) => {
    const { call } = await startServer(t);
    const headers = { 'content-encoding': 'identity' };
    const answer = await call('POST', '/users', { json: { username: 'matt', password: 'x' }, headers });
    assert.equal(answer.status, 201);
  });

  test('of any type reads an absent body as {}', async (t) => {
    const { call } = await startServer(t);
    for (const headers of [{}, { 'content-length': '0' }, { 'content-type': 'text/plain' }]) {
      const answer = await call('POST', '/users', { headers });
      assert.equal(answer.status, 400);
      assert.deepEqual(answer.json.fields, { username: 'is required', password: 'is required' });
    }
  });

  test('rejects a repeated key in a form and uses the last one in JSON', async (t) => {
    const { call } = await startServer(t);
    const type = { 'content-type': FORM };
    const twice = await call('POST', '/users', {
      body: 'username=a&username=b&password=x&z=1&z=2',
      headers: type,
    });
    assert.equal(twice.status, 400);
    assert.deepEqual(twice.json.fields, { username: 'is given more than once' });
    const body = '{"username":"a","username":"b","password":"x"}';
    const last = await call('POST', '/users', { body, headers: { 'content-type': 'application/json' } });
    assert.deepEqual([last.status, last.json.username], [201, 'b']);
  });
});
