// The rate limit that a request through proxies is charged to. Any client can send
// `X-Forwarded-For`, and every proxy appends to it, so only the part written by trusted proxies
// counts. Each row is a bug report against another library: the lines it received, and here the
// bucket that must be charged and the address that must be logged. Spellings of addresses are
// tested in test/http/address.test.ts.

import assert from 'node:assert/strict';
import { networkInterfaces } from 'node:os';
import { describe, it } from 'node:test';
import type { Cleanup } from '../support/disk/temporary-folder.ts';
import { startServer, type TestServer } from '../support/server/server.ts';
import { Wire } from '../support/server/wire.ts';

/** The address of this machine, where the proxy of every row is. */
const PROXY = '127.0.0.1';
const TRUSTED = '127.0.0.1, 10.0.0.0/8, 2001:db8:ffff::/48';
const RATE = 9;

type Row = readonly [
  shows: string,
  reported: string,
  lines: readonly string[],
  client: string,
  notCharged: readonly string[],
  trust?: string,
];

const strangers: readonly Row[] = [
  ['a client alone', 'gin-gonic/gin 2473', forwardedFor('6.6.6.6'), PROXY, [], ''],
  ['a peer outside the network', 'rails/rails 51610', forwardedFor('6.6.6.6'), PROXY, [], '10.0.0.0/8'],
  ['naming a proxy', 'gorilla/handlers 167', forwardedFor('6.6.6.6, 10.0.0.1'), PROXY, [], '10.0.0.0/8'],
  ['a network of one', 'nodejs/node 43360', forwardedFor('6.6.6.6'), PROXY, [], '10.1.1.1/32'],
  [
    'a network around mapped IPv4',
    'Instadapp/dsa-resolvers 150',
    forwardedFor('6.6.6.6'),
    PROXY,
    [],
    '::/64',
  ],
];

const spoofers: readonly Row[] = [
  ['the proxy appends', 'koajs/koa 1413', forwardedFor('6.6.6.6, 192.0.2.7'), '192.0.2.7', ['6.6.6.6']],
  [
    'trusted hops are walked over',
    'gin-gonic/gin 1245',
    forwardedFor('11.11.11.11, 192.0.2.7, 10.168.2.1, 127.0.0.1'),
    '192.0.2.7',
    ['11.11.11.11'],
  ],
  [
    'a trusted address left of the client',
    'kubernetes/ingress-nginx 4073',
    forwardedFor('10.1.1.1, 34.0.0.9'),
    '34.0.0.9',
    ['10.1.1.1'],
  ],
  [
    'several lines are one list',
    'sourcegraph/sourcegraph-public-snapshot 64137',
    forwardedFor('6.6.6.6, 192.0.2.7', '10.0.0.3', '10.0.0.2'),
    '192.0.2.7',
    ['6.6.6.6', '10.0.0.3'],
  ],
  [
    'other headers say nothing',
    'go-chi/chi 711',
    ['Forwarded: for=6.6.6.6', 'X-Real-IP: 6.6.6.6', 'True-Client-IP: 6.6.6.6', 'Client-IP: 6.6.6.6'],
    PROXY,
    ['6.6.6.6'],
  ],
];

const others: readonly Row[] = [
  ['a chain of proxies only', 'rack/rack 1224', forwardedFor('10.0.0.4, 10.0.0.3'), '10.0.0.4', ['10.0.0.3']],
  [
    'all of IPv4 can be trusted',
    'jshttp/proxy-addr 28',
    forwardedFor('192.0.2.7, 8.8.8.8'),
    '192.0.2.7',
    ['8.8.8.8'],
    '0.0.0.0/0',
  ],
  [
    'a mapped hop is that hop',
    'iuliandita/digarr 392',
    forwardedFor('192.0.2.7, ::ffff:a00:1, 0:0:0:0:0:FFFF:10.0.0.3'),
    '192.0.2.7',
    ['10.0.0.1', '10.0.0.3'],
  ],
  [
    'a mapped network ends where it should',
    'pgEdge/pgedge-postgres-mcp 205',
    forwardedFor('6.6.6.6, 192.0.3.1, 192.0.2.1'),
    '192.0.3.1',
    ['6.6.6.6', '192.0.2.1'],
    '127.0.0.1, ::ffff:192.0.2.0/120',
  ],
  [
    'proxies with IPv6, one in brackets',
    'symfony/symfony 14029',
    forwardedFor('2001:db8:1::7, [2001:db8:ffff::1], 2001:db8:ffff::2'),
    '2001:db8:1::7',
    ['2001:db8:ffff::1'],
  ],
  [
    'two clients with ports are two',
    'xorbitsai/xagent 1185',
    forwardedFor('192.0.2.7:4711'),
    '192.0.2.7',
    ['192.0.2.8:4711', PROXY],
  ],
  [
    'two mapped clients are two',
    'raullenchai/Rapid-MLX 589',
    forwardedFor('::ffff:192.0.2.7%eth0'),
    '192.0.2.7',
    ['::ffff:192.0.2.8', '::2'],
  ],
];

const junk: readonly Row[] = [
  ['a script', 'pallets/werkzeug 290', forwardedFor('<script>alert(1)</script>'), PROXY, ['10.0.0.1']],
  ['an empty header', 'Kludex/uvicorn 1611', forwardedFor(''), PROXY, ['10.0.0.1']],
  [
    '`unknown` right of an address',
    'Pylons/webob 77',
    forwardedFor('9.10.11.12, unknown'),
    PROXY,
    ['9.10.11.12'],
  ],
  [
    '`unknown` between two proxies',
    'symfony/symfony 15525',
    forwardedFor('6.6.6.6, unknown, 10.0.0.2'),
    '10.0.0.2',
    ['6.6.6.6'],
  ],
  [
    'junk left of the client is not read',
    'oakserver/oak 700',
    forwardedFor(`"6.6.6.6${' '.repeat(10_000)}x, 192.0.2.7`),
    '192.0.2.7',
    ['6.6.6.6'],
  ],
  [
    'an address in octal',
    'beaugunderson/ip-address 132',
    forwardedFor('010.8.8.8'),
    PROXY,
    ['10.8.8.8', '8.8.8.8'],
  ],
  [
    'a thousand hops are not followed',
    'httptoolkit/httptoolkit-website 71',
    forwardedFor(['192.0.2.7', ...Array(1_000).fill('10.0.0.2')].join(', ')),
    '10.0.0.2',
    ['192.0.2.7'],
  ],
];

function forwardedFor(...values: readonly string[]): string[] {
  return values.map((value) => `X-Forwarded-For: ${value}`);
}

async function call({ port }: TestServer, lines: readonly string[]): Promise<number> {
  const wire = await Wire.open(port, ['GET /users HTTP/1.1', 'Host: x', ...lines, '\r\n'].join('\r\n'));
  const { status, headers } = await wire.answer();
  wire.end();
  assert.equal(status, 200);
  return Number(headers['x-ratelimit-remaining']);
}

function lastAddress({ log }: TestServer): unknown {
  return JSON.parse(log.at(-1) ?? '').address;
}

/** Sends the request of the row, and then finds the bucket that was charged. */
async function assertCharged(t: Cleanup, [, , lines, client, notCharged, trust = TRUSTED]: Row) {
  const server = await startServer(t, { RATE_LIMIT: `${RATE}/h`, TRUST_PROXY: trust });
  assert.equal(await call(server, lines), RATE - 1);
  assert.equal(lastAddress(server), client);
  const plainly = client === PROXY ? [] : forwardedFor(client);
  assert.equal(await call(server, plainly), RATE - 2, `${client} has not been charged`);
  for (const other of notCharged) {
    assert.equal(await call(server, forwardedFor(other)), RATE - 1, `${other} has been charged`);
  }
}

describe('TRUST_PROXY says who is believed, and whose bucket is charged', () => {
  const tables = { strangers, spoofers, others, junk };
  for (const [name, rows] of Object.entries(tables)) {
    describe(name, () => {
      for (const row of rows) it(`${row[0]} (${row[1]})`, (t) => assertCharged(t, row));
    });
  }
});

describe('a server that believes everybody', () => {
  for (const [shows, ...row] of [...strangers, ...spoofers.slice(0, 3)]) {
    it(`would be found: ${shows}`, async (t) => {
      const [reported, lines, client, notCharged] = row;
      const wrong: Row = [shows, reported, lines, client, notCharged, '0.0.0.0/0'];
      await assert.rejects(assertCharged(t, wrong), { name: 'AssertionError' });
    });
  }
});

describe('the bucket of IPv6 clients is their /64', () => {
  const pairs: readonly [one: string, two: string, shared: boolean, shows: string, reported: string][] = [
    ['2001:db8:1:2::1', '2001:db8:1:2:ffff::9', true, 'any host of a network', 'zulip/zulip 21544'],
    ['2001:db8:1:2::1', '2001:db8:1:3::1', false, 'the next network', 'abriginets/umbress 157'],
    ['fe80::1%eth0', 'fe80::1%eth1', true, 'a zone, which a client may vary', 'rust-lang/libs-team 476'],
    ['::ffff:192.0.2.7', '192.0.2.7', true, 'IPv4 in IPv6', 'Yeraze/meshmonitor 2001'],
    ['64:ff9b::192.0.2.7', '192.0.2.7', false, 'a translated one', 'felippe-regazio/ssrfcheck 11'],
  ];
  for (const [one, two, shared, shows, reported] of pairs) {
    it(`${one} and ${two} ${shared ? 'share one' : 'have two'}: ${shows} (${reported})`, async (t) => {
      const server = await startServer(t, { RATE_LIMIT: `${RATE}/h`, TRUST_PROXY: TRUSTED });
      assert.equal(await call(server, forwardedFor(one)), RATE - 1);
      assert.equal(await call(server, forwardedFor(two)), shared ? RATE - 2 : RATE - 1);
    });
  }
});

describe('failed logins are counted by the same address', () => {
  it('a spoofed one does not give more guesses (go-authgate/authgate 206)', async (t) => {
    const server = await startServer(t, { RATE_LIMIT_LOGIN: '2/h', TRUST_PROXY: TRUSTED });
    await server.signUp('matt');
    const json = { username: 'matt', password: 'wrong' };
    const guess = async (forwarded: string) => {
      const headers = { 'x-forwarded-for': forwarded };
      return (await server.call('POST', '/auth', { json, headers })).status;
    };
    assert.equal(await guess('1.1.1.1, 192.0.2.7'), 401);
    assert.equal(await guess('2.2.2.2, 192.0.2.7:81'), 401);
    assert.equal(await guess('3.3.3.3, ::ffff:c000:207'), 429);
    assert.equal(await guess('1.1.1.1'), 401, 'another client has its own');
  });
});

describe('TRUST_PROXY refuses what would trust more than it says', () => {
  const rows: readonly [entry: string, shows: string, reported: string][] = [
    ['::ffff:10.0.0.0/8', "IPv4's length on a mapped network: all of IPv4", 'Instadapp/dsa-resolvers 150'],
    ['::ffff:10.0.0.0/95', 'a mapped network that ends outside of IPv4', 'JanssenProject/jans 15098'],
    ['fe80::1%eth0', 'a zone, which is not compared', 'whitequark/ipaddr.js 60'],
    ['010.0.0.0/8', 'octal: 8.0.0.0/8 to some', 'whitequark/ipaddr.js 16'],
    ['10.0.0.1:80', 'a port', 'home-assistant/home-assistant.io 25312'],
  ];
  for (const [entry, shows, reported] of rows) {
    it(`${entry}: ${shows} (${reported})`, async (t) => {
      await assert.rejects(startServer(t, { TRUST_PROXY: entry }), /TRUST_PROXY is /);
    });
  }
});

const hasIpv6 = Object.values(networkInterfaces()).some((each) =>
  each?.some(({ family }) => family === 'IPv6'),
);

it('a server for both protocols sees its IPv4 proxy as IPv4 (immense/Remotely 166)', {
  skip: hasIpv6 ? false : 'this machine has no IPv6',
}, async (t) => {
  const server = await startServer(t, { HOST: '::', RATE_LIMIT: `${RATE}/h`, TRUST_PROXY: '127.0.0.0/8' });
  assert.equal(await call(server, forwardedFor('192.0.2.7')), RATE - 1);
  assert.equal(lastAddress(server), '192.0.2.7');
  assert.equal(await call(server, []), RATE - 1);
  assert.equal(lastAddress(server), PROXY);
});

it('a client that resets its connection is charged as itself, or not served (nodejs/node 23858)', async (t) => {
  const server = await startServer(t);
  for (let count = 0; count < 50; count++) {
    const wire = await Wire.open(server.port, 'GET /users HTTP/1.1\r\nHost: localhost\r\n\r\n');
    wire.reset();
    await wire.closed;
  }
  assert.equal((await server.call('GET', '/users')).status, 200);
  for (const line of server.log) assert.equal(JSON.parse(line).address, PROXY, line);
});
