// What operators and newcomers ask: /, /healthz and /readyz.

import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { Metrics } from '../../src/api/metrics.ts';
import { type App, createApp } from '../../src/app.ts';
import { system } from '../../src/resources/system.ts';
import { openStore } from '../../src/store/open.ts';
import { temporaryFolder } from '../support/disk/temporary-folder.ts';
import { assertFailure, assertHas } from '../support/server/answers.ts';
import { startPipeline } from '../support/server/pipeline.ts';
import { type CallOptions, send, startServer } from '../support/server/server.ts';

const VERSION = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version;

/** The app inside a server of somebody else's, where it neither listens nor opens by itself. */
async function embed(
  t: TestContext,
  settings = {},
): Promise<{ app: App; call: (path: string, options?: CallOptions) => ReturnType<typeof send> }> {
  const app = createApp({ settings: { DATABASE_URL: 'memory:', EXPLAIN: 'off', ...settings } });
  const server = createServer(app.handle);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  t.after(() => app.close());
  const { port } = server.address() as AddressInfo;
  return { app, call: (path, options) => send(port, 'GET', path, options) };
}

describe('GET /', () => {
  it('lists every method with its path and a summary', async (t) => {
    const { call } = await startServer(t);
    for (const accept of ['*/*', 'application/json', undefined]) {
      const { status, json } = await call(
        'GET',
        '/',
        accept === undefined ? {} : { headers: { Accept: accept } },
      );
      assert.equal(status, 200);
      const { endpoints, ...rest } = json;
      assert.deepEqual(rest, { name: 'jot', version: VERSION, documentation: '/openapi.json' });
      assert.deepEqual(endpoints[0], { method: 'POST', path: '/auth', summary: 'Sign in' });
      for (const each of endpoints) assert.deepEqual(Object.keys(each), ['method', 'path', 'summary']);
    }
  });

  it('is the same to a browser', async (t) => {
    const { call } = await startServer(t);
    const Accept = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8';
    const [browser, curl] = [await call('GET', '/', { headers: { Accept } }), await call('GET', '/')];
    assert.deepEqual([browser.status, browser.json], [200, curl.json]);
  });
});

describe('GET /healthz', () => {
  it('answers that the process is alive, and since when', async (t) => {
    const clock = { ms: 5_000 };
    const { call } = await startServer(t, {}, { elapsedMs: () => clock.ms });
    const { status, json } = await call('GET', '/healthz');
    assert.equal(status, 200);
    assertHas(json, { status: 'ok', version: VERSION, uptime_seconds: 0 });
    clock.ms += 61_999;
    assert.equal((await call('GET', '/healthz')).json.uptime_seconds, 61);
  });
});

describe('GET /readyz', () => {
  it('answers that requests would be served', async (t) => {
    const { call } = await startServer(t);
    const { status, json } = await call('GET', '/readyz');
    assert.equal(status, 200);
    assert.equal(json.status, 'ok');
  });

  it('answers 503 with the reason when the store fails', async (t) => {
    const reason = 'No space left on the device';
    const options = { version: '1', endpoints: () => [], document: () => '', metrics: new Metrics() };
    const endpoints = system({
      ...options,
      readiness: async () => ({ ok: false, reason }),
      uptimeSeconds: () => 1,
    });
    const { call } = await startPipeline(t, endpoints);
    const answer = await call('GET', '/readyz');
    assertFailure(answer, 503, 'Service Unavailable', reason);
    assert.equal(answer.headers['retry-after'], '1');
    assert.equal((await call('GET', '/healthz')).status, 200);
  });
});

describe('App.handle in another http.Server', () => {
  it('answers 503 until it is opened, but GET /healthz 200', async (t) => {
    const { app, call } = await embed(t);
    for (const path of ['/readyz', '/users', '/auth', '/nothing', '/users/007']) {
      const answer = await call(path);
      assertFailure(answer, 503, 'Service Unavailable', 'Jot is starting');
      assert.equal(answer.headers['retry-after'], '1');
      assert.equal(answer.headers['x-content-type-options'], 'nosniff');
    }
    assert.equal((await call('/healthz')).status, 200);
    assert.equal((await call('/metrics')).status, 200);

    await app.open();
    await app.open();
    t.after(() => app.close());
    assert.equal((await call('/readyz')).status, 200);
    assert.deepEqual((await call('/users')).json, []);
    assert.equal((await call('/auth')).status, 401);
    assert.equal((await call('/nothing')).status, 404);
  });

  it('opens once, however often it is asked to', async (t) => {
    const url = `file:${temporaryFolder(t)}/jot.jsonl`;
    const { app, call } = await embed(t, { DATABASE_URL: url });
    await Promise.all([app.open(), app.open()]);
    assert.equal((await call('/users')).status, 200);
  });

  it('releases the data file if it is closed while it opens, and does not open again', async (t) => {
    const url = `file:${temporaryFolder(t)}/jot.jsonl`;
    const app = createApp({ settings: { PORT: '0', DATABASE_URL: url, LOG: 'off' } });
    const listening = app.listen();
    await Promise.all([assert.rejects(listening, { code: 'unavailable' }), app.close()]);
    await assert.rejects(app.open(), { code: 'unavailable' });
    await assert.rejects(app.listen(), { code: 'unavailable' });
    await (await openStore(url)).close();
  });

  it('releases the data file if its key file is unusable', async (t) => {
    const folder = temporaryFolder(t);
    writeFileSync(`${folder}/jot.keys.json`, 'nonsense');
    const url = `file:${folder}/jot.jsonl`;
    const app = createApp({ settings: { PORT: '0', DATABASE_URL: url, LOG: 'off' } });
    await assert.rejects(app.listen(), { code: 'unavailable' });
    await (await openStore(url)).close();
    rmSync(`${folder}/jot.keys.json`);
    await app.listen();
    await app.close();
  });

  it('answers 503 again once it is closed', async (t) => {
    const { app, call } = await embed(t);
    await app.open();
    assert.equal((await call('/users')).status, 200);
    await app.close();
    await app.close();
    const answer = await call('/readyz');
    assertFailure(answer, 503, 'Service Unavailable', 'Jot is shutting down');
    assert.equal(answer.headers.connection, 'close');
    assert.equal((await call('/healthz')).status, 200);
    assert.equal((await call('/users')).status, 503);
  });
});
