// Who is charged when a request comes through proxies, as other libraries got it wrong once. Every row is a report against
// one of them; it says what is sent, and whose bucket and whose address in the log it has to be here.

import assert from 'node:assert/strict';
import { networkInterfaces } from 'node:os';
import { describe, it } from 'node:test';
import {
  type ForwardedRow,
  forwardedFor,
  networks,
  PROXY,
  spoofers,
  strangers,
  TRUSTED,
} from '../support/cases/forwarded-chains.ts';
import { junk, spellings } from '../support/cases/forwarded-spellings.ts';
import type { Cleanup } from '../support/disk/temporary-folder.ts';
import { startServer, type TestServer } from '../support/server/server.ts';
import { Wire } from '../support/server/wire.ts';

const RATE = 9;

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

/** Sends the row's request and looks whose bucket became emptier. */
async function assertCharged(t: Cleanup, row: ForwardedRow): Promise<void> {
  const settings = { RATE_LIMIT: `${RATE}/h`, TRUST_PROXY: row.trust ?? TRUSTED };
  const server = await startServer(t, settings);
  assert.equal(await call(server, row.lines), RATE - 1);
  assert.equal(lastAddress(server), row.client);
  const plainly = row.client === PROXY ? [] : forwardedFor(row.client);
  assert.equal(await call(server, plainly), RATE - 2, `${row.client} has not been charged`);
  assert.equal(lastAddress(server), row.client);
  for (const other of row.others) {
    assert.equal(await call(server, forwardedFor(other)), RATE - 1, `${other} has been charged`);
  }
}

const tables: readonly (readonly [title: string, rows: readonly ForwardedRow[]])[] = [
  ['strangers are not believed', strangers],
  ['the client is the last that a proxy saw', spoofers],
  ['networks are trusted as written', networks],
  ['one address has many spellings', spellings],
  ['junk names nobody', junk],
];

describe('TRUST_PROXY says who is believed, and whose bucket is charged', () => {
  for (const [title, rows] of tables) {
    describe(title, () => {
      for (const row of rows) {
        it(`${row.shows} (${row.reported})`, (t) => assertCharged(t, row));
      }
    });
  }
});

describe('a server that believes everybody', () => {
  for (const row of [...strangers, ...spoofers.slice(0, 6)]) {
    it(`would be found: ${row.shows}`, async (t) => {
      await assert.rejects(assertCharged(t, { ...row, trust: '0.0.0.0/0' }), { name: 'AssertionError' });
    });
  }
});

describe('the bucket of IPv6 clients is their /64', () => {
  const pairs: readonly [one: string, two: string, shared: boolean, shows: string, reported: string][] = [
    ['2001:db8:1:2::1', '2001:db8:1:2:ffff::9', true, 'any host of a network', 'zulip/zulip 21544'],
    ['2001:db8:1:2::1', '2001:db8:1:3::1', false, 'the network beside it', 'abriginets/umbress 157'],
    ['2001:DB8:1:2::1', '2001:0db8:0001:0002::1', true, 'the same text otherwise', 'sozu-proxy/sozu 1270'],
    ['[2001:db8:1:2::1]:80', '2001:db8:1:2::1', true, 'with a port', 'Kludex/uvicorn 2820'],
    ['fe80::1%eth0', 'fe80::1%eth1', true, 'a zone, which a client may vary', 'rust-lang/libs-team 476'],
    ['fe80::1%1', 'fe80::2', true, 'a zone or none', 'openssl/openssl 18530'],
    ['::ffff:192.0.2.7', '192.0.2.7', true, 'IPv4 in IPv6', 'Yeraze/meshmonitor 2001'],
    ['::ffff:192.0.2.7', '::ffff:192.0.2.8', false, 'two of those', 'Yeraze/meshmonitor 2001'],
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
