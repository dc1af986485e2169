// Warnings about a TRUST_PROXY that does not match the requests, each of which is logged once.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { startServer, type TestServer } from '../support/server/server.ts';

const FORWARDED = { headers: { 'X-Forwarded-For': '192.0.2.1' } };
const UNTRUSTED = 'X-Forwarded-For is ignored, since TRUST_PROXY does not name its sender';
const SILENT =
  'an address in TRUST_PROXY sends no X-Forwarded-For; if it is a proxy, its clients share one rate limit';

function warnings({ log }: TestServer): unknown[] {
  return log
    .map((line) => JSON.parse(line))
    .filter(({ level }) => level === 'warn')
    .map(({ message, address }) => [message, address]);
}

describe('createProxyWarnings', () => {
  for (const trusted of ['', '10.0.0.0/8']) {
    it(`warns once of X-Forwarded-For that TRUST_PROXY=${trusted} ignores`, async (t) => {
      const server = await startServer(t, trusted === '' ? {} : { TRUST_PROXY: trusted });
      await server.call('GET', '/users');
      assert.deepEqual(warnings(server), []);
      for (let count = 0; count < 3; count++) await server.call('GET', '/users', FORWARDED);
      assert.deepEqual(warnings(server), [[UNTRUSTED, '127.0.0.1']]);
    });
  }

  it('warns once of a trusted proxy that sends no X-Forwarded-For', async (t) => {
    const server = await startServer(t, { TRUST_PROXY: '127.0.0.1' });
    await server.call('GET', '/users', FORWARDED);
    assert.deepEqual(warnings(server), []);
    for (let count = 0; count < 3; count++) await server.call('GET', '/users');
    assert.deepEqual(warnings(server), [[SILENT, '127.0.0.1']]);
  });

  it('is silent about requests that no limit applies to, such as health checks of a proxy', async (t) => {
    const server = await startServer(t, { TRUST_PROXY: '127.0.0.1' });
    for (const path of ['/', '/healthz', '/readyz', '/metrics', '/nowhere']) await server.call('GET', path);
    assert.deepEqual(warnings(server), []);
  });
});
