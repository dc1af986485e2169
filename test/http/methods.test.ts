// Every path of the contract with every method: what is answered before anybody asks who is calling.

import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import { type Answer, startServer } from '../support/server/server.ts';
import { assertError, Wire } from '../support/server/wire.ts';

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'TRACE', 'PROPFIND'];

const contract = [
  ['/', ['GET']],
  ['/openapi.json', ['GET']],
  ['/healthz', ['GET']],
  ['/readyz', ['GET']],
  ['/metrics', ['GET']],
  ['/auth', ['GET', 'POST']],
  ['/auth/refresh', ['POST']],
  ['/auth/logout', ['POST']],
  ['/auth/sessions', ['GET', 'DELETE']],
  ['/auth/sessions/some-id', ['DELETE']],
  ['/signup', ['POST']],
  ['/users', ['GET', 'POST']],
  ['/users/1', ['GET', 'PUT', 'PATCH', 'DELETE']],
  ['/users/1/posts', ['GET', 'POST']],
  ['/users/1/posts/1', ['GET', 'PUT', 'PATCH', 'DELETE']],
] as const;

function allowOf(methods: readonly string[]): string {
  const bare = methods.includes('GET') ? ['HEAD'] : [];
  return [...methods, ...bare, 'OPTIONS'].sort().join(', ');
}

describe('OPTIONS and Allow of every path', () => {
  for (const [path, methods] of contract) {
    const allow = allowOf(methods);

    it(`${path} answers OPTIONS with 204 and ${allow}`, async (t) => {
      const { call } = await startServer(t);
      const { status, headers, text } = await call('OPTIONS', path);
      assert.deepEqual([status, headers.allow, text], [204, allow, '']);
      assert.equal(headers['content-length'], undefined);
      assert.equal(headers['x-content-type-options'], 'nosniff');
    });

    it(`${path} answers any other method with 405 and ${allow}`, async (t) => {
      const { call } = await startServer(t);
      for (const method of METHODS) {
        const answer = await call(method, path);
        if (allow.split(', ').includes(method)) {
          assert.ok(![404, 405].includes(answer.status), `${method} is ${answer.status}`);
          continue;
        }
        if (method === 'HEAD') assert.deepEqual([answer.status, answer.text], [405, '']);
        else assertError(answer, 405);
        assert.equal(answer.headers.allow, allow, method);
      }
    });

    it(`${path} with a trailing slash is another path, 404`, async (t) => {
      const { call } = await startServer(t);
      for (const method of ['GET', 'OPTIONS', 'POST', 'DELETE', 'TRACE']) {
        assertError(await call(method, `${path}/`), 404);
      }
    });
  }

  it('with a query are those of the same path', async (t) => {
    const { call } = await startServer(t);
    for (const [path, methods] of contract) {
      const { status, headers } = await call('OPTIONS', `${path}?a=/nowhere/%zz`);
      assert.deepEqual([status, headers.allow], [204, allowOf(methods)]);
    }
  });
});

// What differs between two requests, or says nothing about the answer.
const VARYING = ['date', 'x-request-id', 'connection', 'keep-alive', 'x-cache'];

function lasting({ headers }: Answer): Record<string, unknown> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !VARYING.includes(name)));
}

test('HEAD of every path with GET has its status and headers, and no body', async (t) => {
  const { call, signUp, signIn } = await startServer(t);
  const id = await signUp('matt');
  const { access: token } = await signIn('matt');
  await call('POST', `/users/${id}/posts`, { token, json: { title: 'A', body: 'é' } });
  // What counts requests is another text every time.
  const paths = contract
    .filter(([path, methods]) => path !== '/metrics' && methods.some((method) => method === 'GET'))
    .map(([path]) => path);
  for (const path of paths) {
    for (const options of [{}, { token }]) {
      const whole = await call('GET', path, options);
      const bare = await call('HEAD', path, options);
      assert.deepEqual([bare.status, bare.text], [whole.status, ''], path);
      assert.deepEqual(lasting(bare), lasting(whole), path);
      assert.equal(bare.headers['content-length'], String(Buffer.byteLength(whole.text)));
    }
  }
  assert.equal((await call('HEAD', '/metrics')).text, '');
});

describe('404 of an unknown path', () => {
  for (const [path, why] of [
    ['/nowhere', 'nobody knows it'],
    ['/Users', 'case matters'],
    ['/users//posts', 'an empty segment'],
    ['//users', 'an empty segment first'],
    ['/./users', 'a dot means nothing'],
    ['/users/../users', 'two dots neither'],
    ['/users%2F1', 'an escaped slash does not separate'],
    ['/users;a=b', 'nor does a semicolon'],
    ['/users/1/posts/1/2/3', 'too long'],
    ['/auth/login', 'only its start is known'],
    ['/users/:id', 'a pattern is no path'],
    ['/__proto__', 'a name of JavaScript’s'],
    ['/constructor', 'another one'],
    ['/favicon.ico', 'what browsers ask for'],
  ] as const) {
    it(`is sent with any method: ${path}, ${why}`, async (t) => {
      const { call } = await startServer(t);
      for (const method of ['GET', 'OPTIONS', 'POST', 'PATCH', 'TRACE']) {
        const answer = await call(method, path);
        assertError(answer, 404);
        assert.equal(answer.headers.allow, undefined);
      }
    });
  }
});

const noIds = [
  ['007', 'leading zeros'],
  ['1.0', 'a fraction'],
  ['-1', 'negative'],
  ['+1', 'a sign'],
  ['0', 'ids begin with 1'],
  ['abc', 'a word'],
  ['1e3', 'an exponent'],
  ['0x1', 'hexadecimal'],
  ['%201', 'a space before it'],
  ['1%0A', 'a line end behind it'],
  ['1%00', 'a zero byte behind it'],
  ['%D9%A1', 'an Arabic one'],
  ['%EF%BC%91', 'a wide one'],
  ['1%2Fposts', 'an escaped slash'],
  ['9007199254740992', 'one more than is exact'],
  ['9007199254740993', 'a number that would become another'],
  ['9'.repeat(400), 'beyond any number'],
  ['NaN', 'not a number'],
  ['me', 'a word that other servers know'],
] as const;

describe('404 of an invalid id, with any method, before anything else', () => {
  for (const [id, why] of noIds) {
    it(`${id.slice(0, 30)}: ${why}`, async (t) => {
      const { call } = await startServer(t);
      for (const path of [
        `/users/${id}`,
        `/users/${id}/posts`,
        `/users/${id}/posts/1`,
        `/users/1/posts/${id}`,
      ]) {
        for (const method of ['GET', 'HEAD', 'OPTIONS', 'PUT', 'POST', 'DELETE', 'TRACE']) {
          const answer = await call(method, path);
          assert.equal(answer.status, 404, `${method} ${path}`);
          assert.equal(answer.headers.allow, undefined);
          assert.equal(answer.headers['www-authenticate'], undefined);
        }
      }
    });
  }

  for (const [id, why] of [
    ['1', 'the first one'],
    ['%31', 'the same, escaped'],
    ['10', 'a zero at the end'],
    ['999999', 'one that nobody has yet'],
    ['9007199254740991', 'the last one there can be'],
  ] as const) {
    it(`${id} is a valid id: ${why}`, async (t) => {
      const { call } = await startServer(t);
      for (const path of [`/users/${id}`, `/users/1/posts/${id}`]) {
        assertError(await call('GET', path), 401, 'Authorization Required');
        assert.equal((await call('OPTIONS', path)).status, 204);
        assertError(await call('TRACE', path), 405);
      }
    });
  }

  it('%31 is 1', async (t) => {
    const { call, signUp, signIn } = await startServer(t);
    await signUp('matt');
    const { access: token } = await signIn('matt');
    for (const path of ['/users/1', '/users/%31', '/%75sers/1']) {
      const { status, json } = await call('GET', path, { token });
      assert.deepEqual([status, json.id], [200, 1]);
    }
  });
});

describe('400 of a percent escape in a path', () => {
  for (const [path, why] of [
    ['/users/%', 'without digits'],
    ['/users/%3', 'with one digit'],
    ['/users/%zz', 'that is not hexadecimal'],
    ['/users/%ff', 'that is not UTF-8'],
    ['/users/%c3', 'half a sequence'],
    ['/users/%c0%af', 'a slash in two bytes'],
    ['/users/%ed%a0%80', 'half a character'],
    ['/nowhere/%', 'where there is nothing'],
    ['/%', 'at the start'],
  ] as const) {
    it(`is sent with any method: ${path}, ${why}`, async (t) => {
      const { call } = await startServer(t);
      for (const method of ['GET', 'OPTIONS', 'POST', 'TRACE']) assertError(await call(method, path), 400);
    });
  }

  it('is not sent for an escape in a query that no endpoint reads', async (t) => {
    const { port } = await startServer(t);
    const wire = await Wire.open(port, 'OPTIONS /users?%zz HTTP/1.1\r\nHost: localhost\r\n\r\n');
    assert.equal((await wire.answer()).status, 204);
    wire.write('GET /users?limit=%zz HTTP/1.1\r\nHost: localhost\r\n\r\n');
    assertError(await wire.answer(), 400);
    wire.end();
  });
});
