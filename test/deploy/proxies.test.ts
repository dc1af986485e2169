// The configurations of nginx and Caddy, run by nginx and Caddy in front of a real server.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { temporaryFolder } from '../support/disk/temporary-folder.ts';
import { serve } from '../support/process/command.ts';
import { CLIENT, type ProxyKind, proxies, startProxy } from '../support/process/proxies.ts';

const JSON_BODY = { 'Content-Type': 'application/json' };
const USER = JSON.stringify({ username: 'matt'.repeat(16), password: 'correct horse' });

for (const [name, proxy] of Object.entries(proxies)) {
  describe(`${proxy.file} with ${name} in front of a server`, { skip: proxy.skip }, () => {
    it('passes on the address of the client, and never one that the client made up', async (t) => {
      const { ask, log } = await startBehind(t, proxy);
      const forged = { 'X-Forwarded-For': '192.0.2.1', Forwarded: 'for=192.0.2.1' };
      assert.equal((await ask('GET', '/users', forged)).status, 200);
      assert.equal((await log('/users')).address, CLIENT);
    });

    it('leaves an ETag strong and a response uncompressed', async (t) => {
      const { ask } = await startBehind(t, proxy);
      assert.equal((await ask('POST', '/users', JSON_BODY, USER)).status, 201);
      const { headers } = await ask('GET', '/users', { 'Accept-Encoding': 'gzip, br' });
      assert.match(headers.etag ?? '', /^"/);
      assert.equal(headers['content-encoding'], undefined);
    });

    it('lets the server reject a body that is too long', async (t) => {
      const { ask } = await startBehind(t, proxy);
      const { status, body } = await ask('POST', '/users', JSON_BODY, `"${'x'.repeat(900 * 1024)}"`);
      assert.deepEqual([status, JSON.parse(body).code], [413, 'content_too_large']);
    });

    it('does not pass on requests for the metrics', async (t) => {
      const { ask } = await startBehind(t, proxy);
      const { status, body } = await ask('GET', '/metrics');
      assert.equal(status, 404);
      assert.doesNotMatch(body, /jot_|status_code/);
    });

    it('serves under a path with the lines at the end of the file', async (t) => {
      const { ask, log } = await startBehind(t, proxy, withPath);
      const { status, headers } = await ask('POST', '/jot/users', JSON_BODY, USER);
      assert.deepEqual([status, headers.location], [201, '/jot/users/1']);
      assert.equal((await log('/users')).address, CLIENT);
      assert.equal((await ask('GET', headers.location ?? '')).status, 401);
      const metrics = await ask('GET', '/jot/metrics');
      assert.equal(metrics.status, 404);
      assert.doesNotMatch(metrics.body, /jot_|status_code/);
    });
  });
}

describe('Caddyfile with caddy during a restart of the server', { skip: proxies.caddy.skip }, () => {
  it('keeps a request waiting until the server is back', async (t) => {
    const { ask, served, options } = await startBehind(t, proxies.caddy);
    assert.equal((await ask('GET', '/healthz')).status, 200);
    served.command.kill('SIGTERM');
    await served.command.ended;
    await assert.rejects(once(connect(served.port, '127.0.0.1'), 'connect'), { code: 'ECONNREFUSED' });
    const asked = ask('GET', '/users');
    await serve(t, { ...options, env: { ...options.env, PORT: String(served.port) } });
    assert.equal((await asked).status, 200);
  });
});

/** Returns the configuration with the commented lines at its end, in the block of the site. */
function withPath(shipped: string): string {
  const [site = '', path = ''] = shipped.split(/^# Under a path.*\n(?:# .*\n)#\n/m);
  return site.replace(/^\}$/m, `${path.replaceAll(/^#/gm, '')}}`);
}

async function startBehind(t: TestContext, proxy: ProxyKind, change = (shipped: string) => shipped) {
  const folder = temporaryFolder(t);
  const env = {
    PORT: '0',
    DATABASE_URL: 'memory:',
    BASE_PATH: '/jot',
    LOG: 'json',
    TRUST_PROXY: '127.0.0.1',
    PASSWORD_COST: 'ln=1,r=1,p=1',
  };
  const options = { cwd: folder, env };
  const served = await serve(t, options);
  const shipped = readFileSync(new URL(`../../scripts/deploy/${proxy.file}`, import.meta.url), 'utf8');
  const { ask } = await startProxy(t, proxy, change(shipped), served.port);
  const log = async (path: string): Promise<Record<string, unknown>> =>
    JSON.parse(await served.command.line(new RegExp(`"path":"${path}"`)));
  return { ask, log, served, options };
}
