// OWASP API Security Top 10, 2023: what each of the risks comes to here, against the running server.

import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { forge } from '../support/cases/forge.ts';
import { assertFailure, assertFields, assertUnauthorized, nextOf } from '../support/server/answers.ts';
import { createPerson } from '../support/server/person.ts';
import { type Answer, sendRaw, startServer, type TestServer } from '../support/server/server.ts';

const SECRET = 'a secret of 32 bytes or even more';
const LIMITS = { RATE_LIMIT: '600/m', RATE_LIMIT_AUTH: '60/m', RATE_LIMIT_LOGIN: '10/15m' };

interface Listed {
  readonly method: string;
  readonly path: string;
}

/** Everything there is, as the server itself says. */
async function endpointsOf({ call }: TestServer): Promise<readonly Listed[]> {
  return (await call('GET', '/')).json.endpoints;
}

async function startWithTwo(t: TestContext, settings: Record<string, string> = {}) {
  const server = await startServer(t, { JWT_SECRET_KEY: SECRET, ...settings });
  const matt = await createPerson(server, 'matt');
  const elie = await createPerson(server, 'elie');
  const post = await matt.post('First', 'Private');
  return { server, matt, elie, post };
}

/** Posts of about the default size of a body: a page takes what is near 256 KiB of them, and links to the rest. */
async function assertPagesEndEarly(t: TestContext): Promise<void> {
  const tim = await createPerson(await startServer(t), 'tim');
  for (let count = 0; count < 7; count++) await tim.post('Long', 'x'.repeat(65_000));
  const page = await tim.call('GET', `${tim.posts}?limit=200`);
  assert.deepEqual([page.status, page.json.length], [200, 4]);
  assert.equal(nextOf(page), `${tim.posts}?limit=200&after=4`);
  const rest = await tim.call('GET', String(nextOf(page)));
  assert.deepEqual([rest.json.length, nextOf(rest)], [3, null]);
}

describe('OWASP API Security Top 10 2023 over HTTP', () => {
  it("API1:2023 nobody gets at what is somebody else's, by any endpoint", async (t) => {
    const { server, matt, elie, post } = await startWithTwo(t);
    const owned = (await endpointsOf(server)).filter(({ path }) => /^\/users\/:/.test(path));
    assert.ok(owned.length >= 10);
    for (const { method, path } of owned) {
      for (const userId of [matt.id, 999]) {
        const theirs = path.replace(/^\/users\/:\w+/, `/users/${userId}`).replaceAll(/:\w+/g, '1');
        const answer = await elie.call(method, theirs, {
          json: { title: 'Mine', body: '', password: 'mine' },
        });
        assertFailure(answer, 403, 'Forbidden', 'This belongs to another user');
      }
    }
    // Nor by naming it below oneself, where it is no different from what does not exist.
    for (const method of ['GET', 'PUT', 'PATCH', 'DELETE']) {
      const answers = [1, 999].map((id) =>
        elie.call(method, `${elie.posts}/${id}`, { json: { title: 'Mine', body: '' } }),
      );
      for (const answer of await Promise.all(answers)) {
        assertFailure(answer, 404, 'Not Found', 'There is no such post');
      }
    }
    const [session] = (await matt.call('GET', '/auth/sessions')).json;
    assert.equal((await elie.call('DELETE', `/auth/sessions/${session.id}`)).status, 404);
    const { status, json } = await matt.call('GET', post);
    assert.deepEqual([status, json.title, json.body], [200, 'First', 'Private']);
  });

  it('API2:2023 passwords cannot be guessed, tokens not forged, and an account not taken with a token', async (t) => {
    const { server, matt } = await startWithTwo(t, { RATE_LIMIT_LOGIN: '10/15m' });
    const guess = (password: string) =>
      server.call('POST', '/auth', { json: { username: 'matt', password } });
    for (let count = 0; count < 10; count++) assert.equal((await guess(`${count}`)).status, 401);
    assert.equal((await guess('secret')).status, 429);
    const weak = [
      forge(matt.access, { secret: '', header: { alg: 'none' } }).replace(/[^.]*$/, ''),
      forge(matt.access, { secret: SECRET, claims: { exp: 1 } }),
      forge(matt.access, { secret: 'secret', claims: { identity: 2 } }),
    ];
    for (const token of weak) assert.equal((await server.call('GET', '/auth', { token })).status, 401);
    // Nor does a token in the address count.
    assert.equal((await server.call('GET', `/auth?access_token=${matt.access}`)).status, 401);
    const { json } = await server.call('POST', '/auth/refresh', { json: { refresh_token: matt.refresh } });
    const stolen = { token: json.access_token };
    const takeOver = await server.call('PATCH', matt.path, { ...stolen, json: { password: 'mine' } });
    assertUnauthorized(takeOver, 'Fresh Token Required', 'Sign in again to do this');
    assert.equal((await matt.call('PATCH', matt.path, { json: { password: 'own' } })).status, 200);
  });

  it('API3:2023 only declared fields come in, and only declared fields go out', async (t) => {
    const { server, matt, post } = await startWithTwo(t);
    const more = {
      id: 77,
      user_id: 2,
      created: 0,
      version: 9,
      password_hash: 'x',
      user: { id: 2 },
      ['__proto__']: {},
    };
    const signUp = await server.call('POST', '/users', {
      json: { username: 'tim', password: 'foo', ...more },
    });
    assert.equal(signUp.json.id, 3);
    const made = await matt.call('POST', matt.posts, { json: { title: 'T', body: '', ...more } });
    await matt.call('PATCH', post, { json: { body: 'Changed', ...more } });
    const self = await matt.call('GET', matt.path);
    const [session] = (await matt.call('GET', '/auth/sessions')).json;
    const [listed] = (await server.call('GET', '/users')).json;
    const undeclared = ['version', 'password', 'password_hash', 'user_id', 'sid', 'generation'];
    for (const shown of [signUp.json, self.json, made.json, made.json.user, listed, session]) {
      assert.deepEqual(
        undeclared.filter((name) => name in shown),
        [],
      );
    }
    assert.equal('created' in listed, false, 'the list shows less');
    const stored = (await matt.call('GET', post)).json;
    assert.deepEqual([stored.id, stored.user.id, stored.body], [1, 1, 'Changed']);
    assert.equal((await server.signIn('tim', 'foo')).access.split('.').length, 3);
  });

  it('API4:2023 every request and every list has a limit, and so has each caller', async (t) => {
    const { server, matt } = await startWithTwo(t, { ...LIMITS, MAX_BODY: '1KiB' });
    const body = `{"title":"T","body":"${'x'.repeat(1024)}"}`;
    const headers = { 'Content-Type': 'application/json' };
    assert.equal((await matt.call('POST', matt.posts, { body, headers })).status, 413);
    const deep = `{"title":${'['.repeat(40)}${']'.repeat(40)}}`;
    assert.equal((await matt.call('POST', matt.posts, { body: deep, headers })).status, 400);
    const long = await matt.call('POST', matt.posts, { json: { title: 'x'.repeat(201), body: '' } });
    assertFields(long, { title: 'must be 1 to 200 characters long' });
    assert.equal((await matt.call('GET', `${matt.posts}?limit=200`)).status, 200);
    assert.equal((await matt.call('GET', `${matt.posts}?limit=201`)).status, 400);
    await assertPagesEndEarly(t);
    const target = 'x'.repeat(20_000);
    assert.match(
      await sendRaw(server.port, `GET /${target} HTTP/1.1\r\nHost: a\r\n\r\n`),
      /^HTTP\/1\.1 414 /,
    );
    const statuses = new Set<number>();
    for (let count = 0; count < 600; count++) {
      const { status } = await server.call('GET', '/users');
      statuses.add(status);
      if (status === 429) break;
    }
    assert.deepEqual([...statuses], [200, 429]);
    assert.equal((await matt.call('GET', matt.posts)).status, 200);
  });

  it("API5:2023 an operator's endpoint is not for users, and no method is there that is not declared", async (t) => {
    const { server, matt } = await startWithTwo(t, { METRICS_TOKEN: 'metrics-token-of-the-operator' });
    const metrics = (authorization: string) => server.call('GET', '/metrics', { headers: { authorization } });
    for (const header of ['', `JWT ${matt.access}`, `Bearer ${matt.access}`, 'Bearer metrics']) {
      assert.equal((await metrics(header)).status, 401);
    }
    assert.equal((await metrics('Bearer metrics-token-of-the-operator')).status, 200);
    const open = await startServer(t);
    const proxied = { headers: { 'X-Forwarded-For': '127.0.0.1' } };
    assert.equal((await open.call('GET', '/metrics', proxied)).status, 403);
    assert.equal((await open.call('GET', '/metrics')).status, 200);
    const declared = await endpointsOf(server);
    for (const path of new Set(declared.map((each) => each.path))) {
      const own = declared.filter((each) => each.path === path).map(({ method }) => method);
      for (const method of ['PUT', 'PATCH', 'DELETE', 'POST', 'PROPFIND']) {
        if (own.includes(method)) continue;
        const answer = await matt.call(method, path.replaceAll(/:\w+/g, '1'));
        assert.equal(answer.status, 405, `${method} ${path}`);
      }
    }
  });

  it('API6:2023 accounts cannot be made or tried by the thousand from one place', async (t) => {
    const server = await startServer(t, { ...LIMITS, TRUST_PROXY: '127.0.0.1' });
    const from = (address: string, path: string, username: string) =>
      server.call('POST', path, {
        json: { username, password: 'foo' },
        headers: { 'X-Forwarded-For': address },
      });
    const answers: Answer[] = [];
    for (let count = 0; count < 61; count++) {
      const path = ['/users', '/signup', '/auth'][count % 3] ?? '';
      answers.push(await from('192.0.2.1', path, `user ${count}`));
    }
    const refused = answers.filter(({ status }) => status === 429);
    assert.deepEqual(refused, [answers.at(-1)]);
    assert.equal((await from('192.0.2.2', '/users', 'another')).status, 201);
  });

  it('API8:2023 in production nothing is explained, allowed across origins, or kept by a cache', async (t) => {
    const production = { NODE_ENV: 'production', EXPLAIN: '', LOG: '', JWT_SECRET_KEY: SECRET };
    const server = await startServer(t, production);
    const matt = await createPerson(server, 'matt', 'a password');
    const login = await server.call('POST', '/auth', { json: { username: 'matt', password: 'a password' } });
    assert.equal(login.headers['cache-control'], 'no-store');
    const origin = { headers: { Origin: 'https://evil.example' } };
    const answers = [
      ...[login, await matt.call('GET', matt.path, origin), await server.call('GET', '/users', origin)],
      ...[await server.call('GET', '/nothing'), await server.call('POST', '/auth', { body: '{' })],
      await server.call('OPTIONS', '/users', {
        headers: { ...origin.headers, 'Access-Control-Request-Method': 'POST' },
      }),
    ];
    for (const { headers } of answers) {
      assert.equal(headers['x-content-type-options'], 'nosniff');
      for (const name of [
        'server-timing',
        'access-control-allow-origin',
        'server',
        'x-powered-by',
        'set-cookie',
      ]) {
        assert.equal(headers[name], undefined, name);
      }
    }
    assert.equal(answers[1]?.headers['cache-control'], 'private, no-cache');
    const development = await startServer(t, { EXPLAIN: 'on', CORS_ORIGIN: '*' });
    const { headers } = await development.call('GET', '/users', origin);
    assert.ok(headers['server-timing'] && headers['access-control-allow-origin'], 'it would be seen');
  });

  it('API9:2023 what is there is what is documented, and nothing else is', async (t) => {
    const server = await startServer(t);
    const listed = (await endpointsOf(server)).map(({ method, path }) => `${method} ${path}`);
    const { paths } = (await server.call('GET', '/openapi.json')).json;
    const methods = ['get', 'post', 'put', 'patch', 'delete'];
    const documented = Object.entries(paths).flatMap(([path, item]) =>
      methods
        .filter((method) => Object.hasOwn(Object(item), method))
        .map((method) => `${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`),
    );
    assert.deepEqual(documented.sort(), listed.sort());
    assert.ok(listed.length >= 25);
    const old = [
      '/v1/users',
      '/api/users',
      '/debug',
      '/admin',
      '/users/',
      '/docs',
      '/server-status',
      '/.env',
    ];
    for (const path of old) assert.equal((await server.call('GET', path)).status, 404, path);
  });
});
