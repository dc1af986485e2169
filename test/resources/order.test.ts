// The order of answers: what comes first never tells of what comes later. Each request here is wrong in two ways that are
// next to each other in the order, and gets the answer of the first.

import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { createPerson } from '../support/server/person.ts';
import { type CallOptions, sendRaw, startServer } from '../support/server/server.ts';

const TEXT: CallOptions = { body: 'x', headers: { 'Content-Type': 'text/plain' } };
const LARGE: CallOptions = { json: { title: 'x'.repeat(2_000) } };

async function startSmall(t: TestContext) {
  const server = await startServer(t, { MAX_BODY: '1000' });
  const matt = await createPerson(server, 'matt');
  const elie = await createPerson(server, 'elie');
  const { json } = await server.call('POST', '/auth/refresh', {
    json: { refresh_token: (await server.signIn('matt')).refresh },
  });
  return { server, matt, elie, notFresh: json.access_token as string };
}

describe('Response status precedence', () => {
  it('a parser error comes before a bad target, and a bad target before 404', async (t) => {
    const { port, call } = await startServer(t);
    const raw = (head: string) => sendRaw(port, `${head}\r\nConnection: close\r\n\r\n`);
    assert.match(await raw('GET /%zz HTTP/1.1'), /^HTTP\/1\.1 400 .*Host header is missing/s);
    assert.match(await raw('GET /%zz HTTP/2.0\r\nHost: a'), /^HTTP\/1\.1 505 /);
    assert.match(await raw('GET /nothing HTTP/1.1\r\nHost: a\r\nHost: b'), /^HTTP\/1\.1 400 /);
    assert.equal((await call('GET', '/nothing/%zz')).status, 400);
    assert.equal((await call('GET', '/users/%ff')).status, 400);
  });

  it('404 comes before 405', async (t) => {
    const { call } = await startServer(t);
    for (const path of ['/users/007', '/users/abc', '/users/1/posts/0', '/users/', '//users', '/nothing']) {
      assert.equal((await call('POST', path)).status, 404, path);
      assert.equal((await call('OPTIONS', path)).status, 404, path);
    }
    const { status, headers } = await call('POST', '/users/7');
    assert.deepEqual([status, headers.allow], [405, 'DELETE, GET, HEAD, OPTIONS, PATCH, PUT']);
  });

  it('404 and 405 come before 429', async (t) => {
    const { call } = await startServer(t, { RATE_LIMIT: '1/h' });
    await call('GET', '/users');
    assert.equal((await call('GET', '/users')).status, 429);
    assert.equal((await call('GET', '/nothing')).status, 404);
    assert.equal((await call('DELETE', '/users')).status, 405);
  });

  it('429 comes before 401, 403, 400, 404 and 409', async (t) => {
    const server = await startServer(t, { RATE_LIMIT: '5/h' });
    const matt = await createPerson(server, 'matt');
    for (let count = 0; count < 3; count++) await server.call('GET', '/users');
    assert.equal((await server.call('GET', '/users/1')).status, 429);
    assert.equal((await server.call('POST', '/users', { json: {} })).status, 429);
    assert.equal(
      (await server.call('POST', '/users', { json: { username: 'matt', password: 'x' } })).status,
      429,
    );
    for (let count = 0; count < 5; count++) await matt.call('GET', '/users');
    assert.equal((await matt.call('GET', '/users/2')).status, 429);
    assert.equal((await matt.call('GET', '/users/1/posts/99')).status, 429);
  });

  it('401 comes before 403, 415, 413, 400 and 404', async (t) => {
    const { server } = await startSmall(t);
    for (const options of [{}, TEXT, LARGE, { json: { title: 1 } }]) {
      for (const path of ['/users/1', '/users/999', '/users/1/posts/99']) {
        assert.equal((await server.call('PUT', path, options)).status, 401);
      }
    }
    assert.equal((await server.call('GET', '/users/1/posts?limit=0')).status, 401);
  });

  it('403 comes before a token that is not fresh, 415, 413, 400 and 404', async (t) => {
    const { server, elie, notFresh } = await startSmall(t);
    assert.equal((await server.call('DELETE', '/users/2', { token: notFresh })).status, 403);
    for (const options of [{}, TEXT, LARGE, { json: { title: 1 } }]) {
      for (const path of ['/users/1', '/users/1/posts/99']) {
        assert.equal((await elie.call('PUT', path, options)).status, 403);
      }
    }
    assert.equal((await elie.call('GET', '/users/1/posts?limit=0')).status, 403);
  });

  it('403 is the same for an existing and a missing user', async (t) => {
    const { elie } = await startSmall(t);
    for (const [method, tail] of [
      ['GET', ''],
      ['PUT', ''],
      ['PATCH', ''],
      ['DELETE', ''],
      ['GET', '/posts'],
      ['POST', '/posts'],
      ['GET', '/posts/1'],
      ['DELETE', '/posts/1'],
    ] as const) {
      const [there, notThere] = [
        await elie.call(method, `/users/1${tail}`),
        await elie.call(method, `/users/999${tail}`),
      ];
      assert.equal(there.status, 403);
      assert.equal(notThere.status, 403);
      assert.equal(notThere.text, there.text);
      const names = (headers: object) => Object.keys(headers).sort();
      assert.deepEqual(names(notThere.headers), names(there.headers));
    }
  });

  it('a token that is not fresh comes before invalid fields, 412 and 409, and after 415 and 413', async (t) => {
    const { server, notFresh: token } = await startSmall(t);
    const put = (options: CallOptions) => server.call('PUT', '/users/1', { ...options, token });
    const taken = { json: { username: 'elie', password: 'x' }, headers: { 'If-Match': '"x"' } };
    for (const options of [{ json: { username: 1 } }, { json: { password: '' } }, taken]) {
      const { status, json } = await put(options);
      assert.deepEqual([status, json.error], [401, 'Fresh Token Required']);
    }
    assert.equal((await put(TEXT)).status, 415);
    assert.equal((await put(LARGE)).status, 413);
    assert.equal((await put({ json: {} })).status, 400, 'the body names neither username nor password');
  });

  it('415, 413 and 400 come before 404', async (t) => {
    const { matt } = await startSmall(t);
    const path = '/users/1/posts/99';
    assert.equal((await matt.call('PUT', path, TEXT)).status, 415);
    assert.equal((await matt.call('PUT', path, LARGE)).status, 413);
    assert.equal((await matt.call('PUT', path, { json: { title: 1 } })).status, 400);
    assert.equal((await matt.call('PUT', path, { json: { title: 'T', body: 'B' } })).status, 404);
  });

  it('404 comes before 412, and that before 409', async (t) => {
    const { matt } = await startSmall(t);
    const headers = { 'If-Match': '"x"' };
    const post = { json: { title: 'T', body: 'B' }, headers };
    assert.equal((await matt.call('PUT', '/users/1/posts/99', post)).status, 404);
    const taken = { json: { username: 'elie', password: 'x' } };
    assert.equal((await matt.call('PUT', '/users/1', { ...taken, headers })).status, 412);
    assert.equal((await matt.call('PUT', '/users/1', taken)).status, 409);
  });

  it('400 comes before 412 and 409', async (t) => {
    const { matt, server } = await startSmall(t);
    const json = { username: 'elie', password: '' };
    assert.equal((await matt.call('PUT', '/users/1', { json, headers: { 'If-Match': '"x"' } })).status, 400);
    assert.equal((await server.call('POST', '/users', { json })).status, 400);
  });
});

describe(':id and :user_id', () => {
  const rows: [id: string, status: number, reason: string][] = [
    ['1', 200, 'as it is written in Location'],
    ['%31', 200, 'an escape for the same'],
    ['9007199254740991', 403, 'the highest there can be, and nobody'],
    ['2', 403, 'nobody yet'],
    ['007', 404, 'zeros in front'],
    ['01', 404, 'a zero in front'],
    ['0', 404, 'zero'],
    ['-1', 404, 'negative'],
    ['+1', 404, 'a sign'],
    ['1.0', 404, 'a fraction'],
    ['1e0', 404, 'an exponent'],
    ['0x1', 404, 'hexadecimal'],
    ['%201', 404, 'a space'],
    ['abc', 404, 'a word'],
    ['%D9%A1', 404, 'a digit that is not ASCII'],
    ['9007199254740992', 404, 'one past the highest'],
    ['1%2Fposts', 404, 'an escaped slash is no slash'],
    ['1/', 404, 'a slash behind it'],
    ['', 404, 'nothing'],
    ['%', 400, 'half an escape'],
    ['%ff', 400, 'an escape that is not UTF-8'],
  ];
  it('are canonical positive integers up to 2^53 - 1', async (t) => {
    const server = await startServer(t);
    const matt = await createPerson(server, 'matt');
    for (const [id, status, reason] of rows) {
      await t.test(`/users/${id} is ${status}: ${reason}`, async () => {
        assert.equal((await matt.call('GET', `/users/${id}`)).status, status);
      });
    }
  });
});
