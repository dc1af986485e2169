// BASE_PATH: the path that a proxy takes away, as a client meets it, with a proxy that takes it away
// and with one that does not.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { withoutBase } from '../../src/http/base-path.ts';
import { startServer } from '../support/server/server.ts';

const MATT = { username: 'matt', password: 'foo' };

describe('withoutBase', () => {
  const rows: readonly [path: string, below: string | null, reason: string][] = [
    ['/api/users', '/users', 'below it'],
    ['/api', '/', 'the base itself'],
    ['/api/', '/', 'with a slash'],
    ['/api/api', '/api', 'once'],
    ['/api//users', '//users', 'the rest as it is'],
    ['/users', null, 'not below it'],
    ['/apix/users', null, 'another name'],
    ['//api/users', null, 'two slashes'],
    ['/API/users', null, 'another case'],
    ['/x/api/users', null, 'not at the start'],
  ];
  for (const [path, below, reason] of rows) {
    it(`returns ${below} for ${path}: ${reason}`, () => assert.equal(withoutBase(path, '/api'), below));
  }

  it('returns null if there is no base', () => assert.equal(withoutBase('/users', ''), null));
});

describe('BASE_PATH', () => {
  it('is put before Location, Link, the index and the server of the documentation', async (t) => {
    for (const [BASE_PATH, url] of [
      ['/api', '/api'],
      ['', '/'],
    ] as const) {
      const { call } = await startServer(t, { BASE_PATH });
      const created = await call('POST', '/users', { json: MATT });
      assert.equal(created.headers.location, `${BASE_PATH}/users/1`);
      await call('POST', '/users', { json: { ...MATT, username: 'elie' } });
      const { headers } = await call('GET', '/users?limit=1');
      assert.equal(headers.link, `<${BASE_PATH}/users?limit=1&after=1>; rel="next"`);
      const { json: index } = await call('GET', '/');
      assert.equal(index.documentation, `${BASE_PATH}/openapi.json`);
      assert.ok(index.endpoints.every(({ path }: { path: string }) => path.startsWith(`${BASE_PATH}/`)));
      const { json: document } = await call('GET', index.documentation);
      assert.deepEqual(document.servers, [{ url }]);
      assert.ok('/users' in document.paths, 'paths are relative to the server');
    }
  });

  it('may be in a request or not; any other path is 404', async (t) => {
    const { call } = await startServer(t, { BASE_PATH: '/api' });
    const { json: created } = await call('POST', '/api/users', { json: MATT });
    const { json: pair } = await call('POST', '/auth', { json: MATT });
    const token = pair.access_token;
    for (const path of ['/api/users/1', '/users/1']) {
      assert.deepEqual((await call('GET', path, { token })).json, created);
    }
    for (const path of ['/api', '/api/', '/', '/api/healthz', '/api/users?limit=1']) {
      assert.equal((await call('GET', path)).status, 200, path);
    }
    for (const path of ['/apix/users', '//api/users', '/api//users', '/api/users/', '/api/api/users']) {
      assert.equal((await call('GET', path)).status, 404, path);
    }
    const { status, headers } = await call('PUT', '/api/users');
    assert.deepEqual([status, headers.allow], [405, 'GET, HEAD, OPTIONS, POST']);
    assert.equal((await call('OPTIONS', '/api/users')).headers.allow, 'GET, HEAD, OPTIONS, POST');
    assert.equal((await call('GET', '/api/users/%ff')).status, 400);
  });

  it('leads to no metrics, so that a proxy can refuse the only path that does', async (t) => {
    const { call } = await startServer(t, { BASE_PATH: '/api' });
    const statuses: number[] = [];
    for (const path of ['/metrics', '/api/metrics']) statuses.push((await call('GET', path)).status);
    assert.deepEqual(statuses, [200, 404]);
  });

  it('hides no endpoint if it is the path of one', async (t) => {
    const { call } = await startServer(t, { BASE_PATH: '/users' });
    const { headers } = await call('POST', '/users', { json: MATT });
    assert.equal(headers.location, '/users/users/1');
    const { json: pair } = await call('POST', '/users/auth', { json: MATT });
    for (const path of ['/users/users/1', '/users/1']) {
      const { status, json } = await call('GET', path, { token: pair.access_token });
      assert.deepEqual([status, json.username], [200, 'matt'], path);
    }
  });

  it('leads a list from page to page behind a proxy that takes it away', async (t) => {
    const { call } = await startServer(t, { BASE_PATH: '/a/b' });
    for (const username of ['a', 'b', 'c']) await call('POST', '/users', { json: { ...MATT, username } });
    const names: string[] = [];
    for (let path: string | undefined = '/a/b/users?limit=1'; path !== undefined; ) {
      const { json, headers } = await call('GET', path.replace('/a/b', ''));
      names.push(json[0].username);
      path = /<(.+)>/.exec(String(headers.link))?.[1];
    }
    assert.deepEqual(names, ['a', 'b', 'c']);
  });
});
