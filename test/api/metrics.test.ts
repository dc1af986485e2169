// GET /metrics: who may read it, and that Prometheus can.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import { describe, it } from 'node:test';
import { createApp } from '../../src/app.ts';
import { callRunning } from '../../src/store/file/offline.ts';
import { temporaryFolder } from '../support/disk/temporary-folder.ts';
import { assertFailure } from '../support/server/answers.ts';
import { parseExposition, type Sample } from '../support/server/exposition.ts';
import { createPerson } from '../support/server/person.ts';
import { send, sendRaw, startServer } from '../support/server/server.ts';

const WAY = 'set METRICS_TOKEN and send it as a Bearer token, or ask over loopback without a proxy';
const FORBIDDEN = ['Forbidden', `This came through a proxy: ${WAY}`] as const;
const TOKEN = 'metrics-token-4711';

function parse(text: string): { samples: Sample[]; types: Map<string, string> } {
  const families = parseExposition(text);
  return {
    samples: families.flatMap(({ samples }) => samples),
    types: new Map(families.map(({ name, type }) => [name, type])),
  };
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

  const hosts: [host: string, reason: string][] = [
    ['rebound.example:3000', 'a domain that was pointed at this machine'],
    ['jot.example', 'a proxy that passes the Host of its client on'],
    ['192.0.2.1', 'another address'],
    ['127.0.0.1.example', 'a domain that begins like an address'],
    ['localhost.example', 'a domain that begins like the name'],
    ['[::2]:3000', 'another IPv6 address'],
  ];
  for (const [host, reason] of hosts) {
    it(`is 403 for the Host ${host}: ${reason}`, async (t) => {
      const { call } = await startServer(t);
      const answer = await call('GET', '/metrics', { headers: { Host: host } });
      assertFailure(answer, 403, 'Forbidden', `The Host is not a loopback name or address: ${WAY}`);
    });
  }

  it('is 403 without a Host, which a client on HTTP/1.0 may omit', async (t) => {
    const { port } = await startServer(t);
    assert.match(await sendRaw(port, 'GET /metrics HTTP/1.0\r\n\r\n'), /^HTTP\/1\.1 403 /);
  });

  for (const host of [
    'localhost',
    'LOCALHOST:3000',
    '127.0.0.1:3000',
    '127.8.8.8',
    '[::1]:3000',
    '[::ffff:127.0.0.1]',
  ]) {
    it(`answers the Host ${host}`, async (t) => {
      const { call } = await startServer(t);
      assert.equal((await call('GET', '/metrics', { headers: { Host: host } })).status, 200);
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
    assert.equal(valueIn('process_start_time_seconds'), performance.timeOrigin / 1_000);
    for (const name of ['jot_log_lines_lost_total', 'jot_backlog_cuts_total'])
      assert.equal(types.get(name), 'counter');
  });

  it('shows jot_ready as 1 only while /readyz is 200', async (t) => {
    const folder = temporaryFolder(t);
    const app = createApp({ settings: { PORT: 0, DATABASE_URL: `file:${folder}/jot.jsonl`, LOG: 'off' } });
    const server = createServer(app.handle).listen(0, '127.0.0.1');
    t.after(() => server.close());
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const ready = async () => {
      const { samples } = parse((await send(port, 'GET', '/metrics')).text);
      const value = samples.find(({ name }) => name === 'jot_ready')?.value;
      assert.equal((await send(port, 'GET', '/readyz')).status, value === 1 ? 200 : 503);
      return value;
    };
    assert.equal(await ready(), 0);
    await app.open();
    assert.equal(await ready(), 1);
    await app.close();
    assert.equal(await ready(), 0);
  });

  it('shows the size of the data file, and how much of it a compaction removes', async (t) => {
    const path = `${temporaryFolder(t)}/jot.jsonl`;
    const server = await startServer(t, { DATABASE_URL: `file:${path}` });
    const bytes = async () => {
      const { samples } = parse((await server.call('GET', '/metrics')).text);
      const value = (part: string) =>
        samples.find(({ name }) => name === `jot_data_file_${part}bytes`)?.value;
      return { all: Number(value('')), dead: Number(value('dead_')) };
    };
    assert.deepEqual(await bytes(), { all: statSync(path).size, dead: 0 });
    const matt = await createPerson(server, 'matt');
    const post = await matt.post();
    const fresh = await bytes();
    for (let edit = 0; edit < 9; edit++) await matt.call('PATCH', post, { json: { title: `${edit}` } });
    const edited = await bytes();
    assert.equal(edited.all, statSync(path).size);
    assert.ok(edited.dead > fresh.dead && edited.dead < edited.all, JSON.stringify(edited));
    await callRunning(path, 'compact');
    assert.deepEqual(await bytes(), { all: statSync(path).size, dead: 0 });
  });

  it('lacks the metrics of a data file if the store is in memory', async (t) => {
    const server = await startServer(t);
    assert.doesNotMatch((await server.call('GET', '/metrics')).text, /jot_data_file/);
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

describe('parseExposition, which these tests rely on', () => {
  const head = (name: string, type: string) => `# HELP ${name} Help.\n# TYPE ${name} ${type}\n`;
  const buckets = (first: number, last: number) =>
    `${head('a_seconds', 'histogram')}a_seconds_bucket{x="y",le="1"} ${first}\n` +
    `a_seconds_bucket{x="y",le="+Inf"} ${last}\na_seconds_sum{x="y"} 1\na_seconds_count{x="y"} 2\n`;
  const wrong: [what: string, text: string][] = [
    ['a sample without a head', 'a 1\n'],
    ['a head without a type', '# HELP a Help.\na 1\n'],
    ['a sample of another family', `${head('a', 'gauge')}b 1\n`],
    ['a family that is there twice', `${head('a', 'gauge')}a 1\n${head('a', 'gauge')}a 2\n`],
    ['a series that is there twice', `${head('a', 'gauge')}a{x="1",y="2"} 1\na{y="2",x="1"} 2\n`],
    ['an unfinished last line', `${head('a', 'gauge')}a 1`],
    ['an empty line', `${head('a', 'gauge')}a 1\n\n`],
    ['a value that is not a number', `${head('a', 'gauge')}a undefined\n`],
    ['a quote in a label', `${head('a', 'gauge')}a{x="""} 1\n`],
    ['a name with a hyphen', `${head('a-b', 'gauge')}a-b 1\n`],
    ['milliseconds', `${head('a_ms', 'gauge')}a_ms 1\n`],
    ['a counter without _total', `${head('a', 'counter')}a 1\n`],
    ['a gauge with _total', `${head('a_total', 'gauge')}a_total 1\n`],
    ['buckets that do not add up', buckets(3, 2)],
    ['a last bucket that is not the count', buckets(1, 3)],
  ];
  for (const [what, text] of wrong) {
    it(`rejects ${what}`, () => assert.throws(() => parseExposition(text), assert.AssertionError));
  }

  it('accepts what is right', () => {
    const text = `${head('a', 'gauge')}a{x="\\"\\\\",y=""} -1.5e-7\n${head('b_total', 'counter')}b_total 1\n`;
    assert.equal(parseExposition(text + buckets(1, 2)).length, 3);
  });
});
