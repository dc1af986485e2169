// GET /metrics: who may read it, and that Prometheus can.

import assert from 'node:assert/strict';
import { networkInterfaces } from 'node:os';
import { describe, it } from 'node:test';
import { assertFailure } from '../support/server/answers.ts';
import { createPerson } from '../support/server/person.ts';
import { sendRaw, startServer } from '../support/server/server.ts';

const WAY = 'set METRICS_TOKEN and send it as a Bearer token, or ask over loopback without a proxy';
const FORBIDDEN = ['Forbidden', `This came through a proxy: ${WAY}`] as const;
const SAMPLE = /^([a-zA-Z_:][\w:]*)(?:\{((?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\["\\n])*",?)*)\})? (\S+)$/;
const TOKEN = 'metrics-token-4711';

interface Sample {
  readonly name: string;
  readonly labels: string;
  readonly value: number;
}

/** Reads the text format 0.0.4, in which every sample stands under the HELP and TYPE of its family. */
function parse(text: string): { samples: Sample[]; types: Map<string, string> } {
  assert.ok(text.endsWith('\n'));
  const samples: Sample[] = [];
  const types = new Map<string, string>();
  let helped = '';
  for (const line of text.trimEnd().split('\n')) {
    const [, keyword, name = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? [];
    if (keyword === 'HELP') helped = name;
    else if (keyword === 'TYPE') {
      assert.equal(name, helped);
      assert.ok(!types.has(name), `${name} is declared twice`);
      types.set(name, rest);
    } else {
      const [, sample = '', labels = '', value] = SAMPLE.exec(line) ?? [];
      assert.ok(sample.replace(/_(bucket|sum|count)$/, '') === helped || sample === helped, line);
      assert.ok(Number.isFinite(Number(value)), line);
      samples.push({ name: sample, labels, value: Number(value) });
    }
  }
  return { samples, types };
}

describe('GET /metrics without METRICS_TOKEN', () => {
  it('answers clients on this machine', async (t) => {
    const { call } = await startServer(t);
    const { status, headers, text } = await call('GET', '/metrics');
    assert.equal(status, 200);
    assert.equal(headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
    assert.match(text, /^# HELP /);
    assert.equal((await call('HEAD', '/metrics')).status, 200);
  });

  const traces: [name: string, value: string][] = [
    ['Forwarded', 'for=192.0.2.1'],
    ['X-Forwarded-For', '192.0.2.1'],
    ['X-Forwarded-For', '127.0.0.1'],
    ['X-Forwarded-For', ''],
    ['X-Forwarded-Host', 'example.com'],
    ['X-Forwarded-Proto', 'https'],
    ['X-Forwarded-Port', '443'],
    ['X-Forwarded-Server', 'proxy'],
    ['X-Forwarded-Prefix', '/api'],
    ['Via', '1.1 proxy'],
    ['X-Real-IP', '192.0.2.1'],
  ];
  for (const [name, value] of traces) {
    it(`is 403 for a request that came through a proxy: ${name}: ${value}`, async (t) => {
      const { call } = await startServer(t, { TRUST_PROXY: '127.0.0.1' });
      assertFailure(await call('GET', '/metrics', { headers: { [name]: value } }), 403, ...FORBIDDEN);
    });
  }

  it('is 403 from another address', async (t) => {
    const addresses = Object.values(networkInterfaces()).flatMap((all) => all ?? []);
    const outer = addresses.find(({ family, internal }) => family === 'IPv4' && !internal);
    if (outer === undefined) return t.skip('this machine has no address but loopback');
    const { port } = await startServer(t, { HOST: '0.0.0.0' });
    const response = await fetch(`http://${outer.address}:${port}/metrics`);
    assert.equal(response.status, 403);
    assert.match(await response.text(), new RegExp(`"This came from another machine: ${WAY}"`));
  });

  it('does not accept the access token of a user', async (t) => {
    const server = await startServer(t);
    const { access } = await createPerson(server, 'matt');
    const headers = { Forwarded: 'for=192.0.2.1', Authorization: `Bearer ${access}` };
    assert.equal((await server.call('GET', '/metrics', { headers })).status, 403);
  });
});

describe('GET /metrics with METRICS_TOKEN', () => {
  const refused: [authorization: string | undefined, reason: string][] = [
    [undefined, 'none, though from this machine'],
    ['Bearer', 'the scheme alone'],
    ['Bearer wrong', 'another one'],
    [`Bearer ${TOKEN}x`, 'a longer one'],
    [`Bearer ${TOKEN.slice(0, -1)}`, 'a shorter one'],
    [`Bearer ${TOKEN.toUpperCase()}`, 'in capitals'],
    [`JWT ${TOKEN}`, 'another scheme'],
    [TOKEN, 'no scheme'],
  ];
  for (const [authorization, reason] of refused) {
    it(`is 401: ${reason}`, async (t) => {
      const { call } = await startServer(t, { METRICS_TOKEN: TOKEN });
      const headers: Record<string, string> =
        authorization === undefined ? {} : { Authorization: authorization };
      const answer = await call('GET', '/metrics', { headers });
      assert.equal(answer.status, 401);
      assert.equal(answer.json.status_code, 401);
      assert.equal(answer.headers['www-authenticate'], 'Bearer');
      assert.equal(answer.text.includes(TOKEN), false);
    });
  }

  for (const scheme of ['Bearer', 'bearer', 'BEARER']) {
    it(`accepts the token as ${scheme}, through a proxy too`, async (t) => {
      const { call } = await startServer(t, { METRICS_TOKEN: TOKEN });
      const headers = { Authorization: `${scheme} ${TOKEN}`, 'X-Forwarded-For': '192.0.2.1' };
      assert.equal((await call('GET', '/metrics', { headers })).status, 200);
    });
  }
});

describe('GET /metrics: the text', () => {
  it('is in the exposition format of Prometheus', async (t) => {
    const server = await startServer(t);
    const matt = await createPerson(server, 'matt');
    await matt.post();
    await matt.call('GET', matt.posts);
    const { samples, types } = parse((await server.call('GET', '/metrics')).text);
    assert.equal(types.get('jot_http_requests_total'), 'counter');
    assert.equal(types.get('jot_http_request_duration_seconds'), 'histogram');
    const gauges = samples.filter(({ name }) => types.get(name) === 'gauge');
    const valueIn = (name: string) => gauges.find((each) => each.name === name)?.value;
    assert.deepEqual(
      ['jot_users', 'jot_posts', 'jot_sessions', 'jot_hashes_running', 'jot_cache_entries'].map(valueIn),
      [1, 1, 1, 0, 1],
    );
    assert.equal(valueIn('jot_hashes_queued'), 0);
    assert.ok(Number(valueIn('jot_connections')) >= 1);
    assert.ok(Number(valueIn('process_resident_memory_bytes')) > 1e6);
  });

  it('shows how many names the login guard remembers: each, and each with its address', async (t) => {
    const server = await startServer(t, { RATE_LIMIT_LOGIN: '10/h' });
    const keys = async () =>
      parse((await server.call('GET', '/metrics')).text).samples.find(
        ({ name, labels }) => name === 'jot_limiter_keys' && labels === 'limit="login"',
      )?.value;
    assert.equal(await keys(), 0);
    for (const username of ['matt', 'elie', 'MATT']) {
      await server.call('POST', '/auth', { json: { username, password: 'wrong' } });
    }
    assert.equal(await keys(), 4);
  });

  it('shows the keys of every limit that is not off, by its name', async (t) => {
    const server = await startServer(t, { RATE_LIMIT: '10/h', RATE_LIMIT_AUTH: '10/h' });
    await server.call('POST', '/auth');
    const { samples } = parse((await server.call('GET', '/metrics')).text);
    const keys = new Map(
      samples.filter(({ name }) => name === 'jot_limiter_keys').map(({ labels, value }) => [labels, value]),
    );
    assert.equal(keys.get('limit="default"'), 1);
    assert.equal(keys.get('limit="auth"'), 1);
    const quiet = await startServer(t, { RATE_LIMIT: 'off' });
    assert.doesNotMatch((await quiet.call('GET', '/metrics')).text, /limit="default"/);
  });

  it('counts by method, route and status: never by path', async (t) => {
    const server = await startServer(t);
    const matt = await createPerson(server, 'matt');
    for (const path of [
      '/users/2',
      '/users/3',
      '/users/1/posts/4711',
      '/nothing/4711',
      '/users?after=4711',
    ]) {
      await matt.call('GET', path);
    }
    await server.call('OPTIONS', '/users');
    await sendRaw(server.port, 'not HTTP at all\r\n\r\n');
    const { text } = await server.call('GET', '/metrics');
    assert.equal(
      parse(text).samples.some(({ labels }) => labels.includes('4711')),
      false,
    );
    const counts = Object.fromEntries(
      parse(text)
        .samples.filter(({ name }) => name === 'jot_http_requests_total')
        .map(({ labels, value }) => [labels, value]),
    );
    assert.deepEqual(counts, {
      'method="POST",route="/users",status="201"': 1,
      'method="POST",route="/auth",status="200"': 1,
      'method="GET",route="/users/:id",status="403"': 2,
      'method="GET",route="/users/:user_id/posts/:id",status="404"': 1,
      'method="GET",route="(none)",status="404"': 1,
      'method="GET",route="/users",status="200"': 1,
      'method="OPTIONS",route="(none)",status="204"': 1,
      'method="(none)",route="(none)",status="400"': 1,
    });
  });

  it('has a histogram of durations that adds up', async (t) => {
    let ms = 0;
    // Each look at the clock takes 20 ms; a request looks twice.
    const server = await startServer(t, {}, { elapsedMs: () => (ms += 20) });
    for (let count = 0; count < 3; count++) await server.call('GET', '/users');
    const { samples } = parse((await server.call('GET', '/metrics')).text);
    const family = 'jot_http_request_duration_seconds';
    const ofUsers = samples.filter(({ labels }) => labels.startsWith('method="GET",route="/users"'));
    const buckets = ofUsers.filter(({ name }) => name === `${family}_bucket`);
    const counts = buckets.map(({ labels, value }) => [/le="([^"]+)"/.exec(labels)?.[1], value]);
    assert.deepEqual(counts, [
      ...['0.001', '0.0025', '0.005', '0.01'].map((bound) => [bound, 0]),
      ...[['0.025', 3]],
      ...['0.05', '0.1', '0.25', '0.5', '1', '2.5', '5', '10', '+Inf'].map((bound) => [bound, 3]),
    ]);
    const valueIn = (name: string) => ofUsers.find((each) => each.name === `${family}_${name}`)?.value;
    assert.equal(valueIn('count'), 3);
    assert.equal(Math.round(Number(valueIn('sum')) * 1_000), 60);
  });
});
