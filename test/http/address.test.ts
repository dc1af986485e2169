import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { describe, it, test } from 'node:test';
import { addressKey, clientAddress, isLoopback, siteKey, TrustedProxies } from '../../src/http/address.ts';
import { seededRandom } from '../support/model/random.ts';
import { heapOf } from '../support/server/resources.ts';
import { startServer } from '../support/server/server.ts';
import { Wire } from '../support/server/wire.ts';

const PROXY = '10.0.0.1';
const TRUSTED = new TrustedProxies(['10.0.0.0/8', '2001:db8:ffff::/48', 'fe80::/10']);

// What a socket on another machine looks like can't be had on loopback.
function requestFrom(remoteAddress: string | undefined, forwarded?: string | string[]): IncomingMessage {
  const headers = forwarded === undefined ? {} : { 'x-forwarded-for': forwarded };
  return { socket: { remoteAddress }, headers } as unknown as IncomingMessage;
}

function hops(count: number, first: string): string {
  return [first, ...Array(count - 1).fill('10.0.0.2')].join(', ');
}

describe('clientAddress without X-Forwarded-For', () => {
  for (const [socket, gives, why] of [
    ['192.0.2.1', '192.0.2.1', 'an IPv4 client'],
    ['2001:db8::1', '2001:db8::1', 'an IPv6 client'],
    ['::ffff:192.0.2.1', '192.0.2.1', 'an IPv4 client of a socket for both protocols'],
    ['fe80::1%eth0', 'fe80::1', 'a link-local address loses its zone'],
    [PROXY, PROXY, 'a trusted proxy that says nothing is the client itself'],
    [undefined, '', 'the client has gone already'],
  ] as const) {
    it(`returns ${gives === '' ? 'empty' : gives} for ${socket}: ${why}`, () => {
      assert.equal(clientAddress(requestFrom(socket), TRUSTED), gives);
    });
  }
});

describe('clientAddress of an address that is kept', () => {
  it('does not keep the rest of the header in memory', () => {
    const { bytes } = heapOf(() =>
      Array.from({ length: 200 }, (_, number) => {
        const forwarded = `${'x'.repeat(15_000)}, 192.168.100.${number}`;
        return clientAddress(requestFrom(PROXY, forwarded), TRUSTED);
      }),
    );
    assert.ok(bytes < 1_000_000, `${bytes} bytes`);
  });
});

describe('clientAddress with X-Forwarded-For from trusted and other addresses', () => {
  for (const [socket, forwarded, gives, why] of [
    ['192.0.2.1', '6.6.6.6', '192.0.2.1', 'a stranger may write what it likes'],
    ['192.0.2.1', '10.0.0.1', '192.0.2.1', 'a stranger who names a proxy is still a stranger'],
    ['11.0.0.1', '6.6.6.6', '11.0.0.1', 'just outside the network'],
    [PROXY, '192.0.2.7', '192.0.2.7', 'a proxy vouches for one address'],
    ['10.255.255.255', '192.0.2.7', '192.0.2.7', 'the last address of the network'],
    ['::ffff:10.0.0.1', '192.0.2.7', '192.0.2.7', 'the proxy itself may look like IPv6'],
    ['2001:db8:ffff::5', '192.0.2.7', '192.0.2.7', 'a proxy that has IPv6'],
    ['fe80::1%eth0', '192.0.2.7', '192.0.2.7', 'a link-local proxy, with its zone'],
    [PROXY, '6.6.6.6, 192.0.2.7', '192.0.2.7', 'what is left of it the client wrote itself'],
    [PROXY, '6.6.6.6, 192.0.2.7, 10.0.0.3, 10.0.0.2', '192.0.2.7', 'three proxies in a row'],
    [PROXY, '10.0.0.9, 203.0.113.5', '203.0.113.5', 'a trusted address behind a stranger is made up'],
    [PROXY, '10.0.0.3, 10.0.0.2', '10.0.0.3', 'inside the network everybody is trusted'],
    [PROXY, hops(32, '192.0.2.7'), '192.0.2.7', 'as many hops as are followed'],
    [PROXY, hops(33, '192.0.2.7'), '10.0.0.2', 'one hop more than are followed'],
    [PROXY, ['6.6.6.6', '192.0.2.7'], '192.0.2.7', 'header lines that are not joined yet'],
  ] as const) {
    it(`returns ${gives} for ${socket} with ${String(forwarded).slice(0, 40)}: ${why}`, () => {
      const given = typeof forwarded === 'string' ? forwarded : [...forwarded];
      assert.equal(clientAddress(requestFrom(socket, given), TRUSTED), gives);
    });
  }
});

describe('clientAddress with the formats that proxies write', () => {
  for (const [forwarded, gives, why] of [
    ['  192.0.2.7\t', '192.0.2.7', 'white space around it'],
    ['192.0.2.7:4711', '192.0.2.7', 'IPv4 with a port'],
    ['[2001:db8::7]:4711', '2001:db8::7', 'IPv6 with a port'],
    ['[2001:db8::7]', '2001:db8::7', 'IPv6 in brackets'],
    ['2001:db8::7', '2001:db8::7', 'IPv6 as it is'],
    ['2001:DB8::A', '2001:db8::a', 'case means nothing'],
    ['fe80::7%eth0', 'fe80::7', 'a link-local address with its zone'],
    ['2001:db8:0:0::7', '2001:db8::7', 'zeros that could be left out'],
    ['::ffff:192.0.2.7', '192.0.2.7', 'IPv4 in IPv6, dotted'],
    ['::FFFF:192.0.2.7', '192.0.2.7', 'IPv4 in IPv6, in capitals'],
    ['::ffff:c000:207', '192.0.2.7', 'IPv4 in IPv6, hexadecimal'],
    ['::ffff:C000:0207', '192.0.2.7', 'the same with a leading zero, in capitals'],
    ['::ffff:0:1', '0.0.0.1', 'small numbers'],
    ['::ffff:ffff:ffff', '255.255.255.255', 'great numbers'],
    ['0:0:0:0:0:ffff:192.0.2.7', '192.0.2.7', 'no zero left out, dotted'],
    ['0000:0000:0000:0000:0000:ffff:c000:0207', '192.0.2.7', 'nothing left out at all'],
    ['0::ffff:192.0.2.7', '192.0.2.7', 'a zero before the gap'],
    ['::0:ffff:192.0.2.7', '192.0.2.7', 'a zero after the gap'],
    ['0:0::ffff:c000:207', '192.0.2.7', 'two zeros before the gap, hexadecimal'],
    ['[::ffff:192.0.2.7]:4711', '192.0.2.7', 'IPv4 in IPv6 in brackets with a port'],
    ['::ffff:10.0.0.2', '10.0.0.2', 'a trusted hop in IPv6'],
    ['6.6.6.6, ::ffff:a00:2', '6.6.6.6', 'a trusted hop in hexadecimal vouches for the one before'],
    ['::192.0.2.7', '::192.0.2.7', 'an IPv4-compatible address is not a mapped one'],
    ['1::ffff:192.0.2.7', '1::ffff:c000:207', 'nor is this'],
  ] as const) {
    it(`returns ${gives} for ${JSON.stringify(forwarded)}: ${why}`, () => {
      assert.equal(clientAddress(requestFrom(PROXY, forwarded), TRUSTED), gives);
    });
  }
});

describe('clientAddress with an entry that is not an address', () => {
  for (const [forwarded, gives, why] of [
    ['', PROXY, 'an empty header'],
    [' , ', PROXY, 'commas only'],
    ['192.0.2.7,', PROXY, 'nothing after the comma'],
    ['unknown', PROXY, 'the word that RFC 7239 has for it'],
    ['192.0.2.7, unknown', PROXY, 'the nearest hop counts'],
    ['unknown, 192.0.2.7', '192.0.2.7', 'what is further away than the client does not'],
    ['192.0.2.7, unknown, 10.0.0.2', '10.0.0.2', 'the last one that was vouched for'],
    ['192.0.2.300', PROXY, 'not an octet'],
    ['192.0.2', PROXY, 'too few octets'],
    ['192.0.2.07', PROXY, 'octal, or is it'],
    ['0xc0000207', PROXY, 'a number'],
    ['192.0.2.7:http', PROXY, 'a port that is no number'],
    ['192.0.2.7 6.6.6.6', PROXY, 'two in one'],
    ['"192.0.2.7"', PROXY, 'quoted'],
    ['[2001:db8::7', PROXY, 'half a pair of brackets'],
    ['[192.0.2.7', PROXY, 'half a pair around IPv4'],
    ['::ffff:192.0.2.7:80', PROXY, 'a port without brackets'],
    ['::ffff:192.0.2.300', PROXY, 'no octet inside IPv6'],
    ['2001:db8::7::', PROXY, 'two gaps'],
    ['example.com', PROXY, 'a name'],
    ['\u0000', PROXY, 'a control character'],
  ] as const) {
    it(`returns ${gives} for ${JSON.stringify(forwarded)}: ${why}`, () => {
      assert.equal(clientAddress(requestFrom(PROXY, forwarded), TRUSTED), gives);
    });
  }
});

describe('TrustedProxies', () => {
  for (const [entry, inside, outside, why] of [
    ['192.0.2.1', '192.0.2.1', '192.0.2.2', 'one IPv4 address'],
    ['2001:db8::1', '2001:db8:0::1', '2001:db8::2', 'one IPv6 address, in any spelling'],
    ['192.0.2.0/24', '192.0.2.255', '192.0.3.0', 'an IPv4 network'],
    ['192.0.2.77/24', '192.0.2.1', '192.0.3.77', 'a network named by an address in it'],
    ['192.0.2.128/25', '192.0.2.128', '192.0.2.127', 'a network that ends inside an octet'],
    ['192.0.2.1/32', '192.0.2.1', '192.0.2.0', 'a network of one'],
    ['0.0.0.0/0', '8.8.8.8', '::1', 'all of IPv4'],
    ['2001:db8::/33', '2001:db8:7fff::1', '2001:db8:8000::1', 'a network that ends inside a group'],
    ['2001:db8::/128', '2001:db8::', '2001:db8::1', 'an IPv6 network of one'],
    ['2001:DB8::A', '2001:db8::a', '2001:db8::b', 'in capitals'],
    ['10.0.0.0/8', '::ffff:10.1.2.3', '::ffff:11.1.2.3', 'an IPv4 address in IPv6'],
    ['127.0.0.1', '127.0.0.1', 'localhost', 'a name is no address'],
    ['127.0.0.1', '127.0.0.1', '', 'nothing is no address'],
  ] as const) {
    it(`with ${entry} contains ${inside} but not ${outside || 'an empty text'}: ${why}`, () => {
      const trusted = new TrustedProxies([entry]);
      assert.equal(trusted.has(inside), true);
      assert.equal(trusted.has(outside), false);
    });
  }

  it('contains what any entry contains; an empty list contains no address', () => {
    const trusted = new TrustedProxies(['192.0.2.1', '2001:db8::/32']);
    assert.deepEqual([trusted.has('192.0.2.1'), trusted.has('2001:db8::9')], [true, true]);
    assert.equal(new TrustedProxies([]).has('127.0.0.1'), false);
  });

  for (const [entry, why] of [
    ['', 'nothing'],
    ['localhost', 'a name'],
    ['10.0.0.0/33', 'more bits than there are'],
    ['2001:db8::/129', 'more bits than IPv6 has'],
    ['10.0.0.0/', 'no number of bits'],
    ['10.0.0.0/-1', 'a negative number'],
    ['10.0.0.0/8.5', 'half a bit'],
    ['10.0.0.0/8/8', 'two numbers'],
    ['10.0.0.0/255.0.0.0', 'a mask'],
    ['10.0.0/8', 'too few octets'],
    ['10.0.0.256', 'no octet'],
    ['010.0.0.1', 'octal, or is it'],
    [' 10.0.0.1', 'white space'],
    ['[::1]', 'brackets'],
    ['10.0.0.1:80', 'a port'],
    ['/8', 'no address'],
  ] as const) {
    it(`rejects ${JSON.stringify(entry)}: ${why}`, () => {
      const message = `Neither an address nor a network: ${entry}`;
      assert.throws(() => new TrustedProxies(['192.0.2.1', entry]), { name: 'TypeError', message });
    });
  }
});

describe('addressKey', () => {
  for (const [address, key, why] of [
    ['192.0.2.1', '192.0.2.1', 'IPv4 is counted by the address'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64', 'IPv6 by the network'],
    ['2001:0db8:0001:0002:0003:0004:0005:0006', '2001:db8:1:2::/64', 'leading zeros mean nothing'],
    ['2001:DB8:1:2::F', '2001:db8:1:2::/64', 'nor do capitals'],
    ['2001:db8:1:3:3:4:5:6', '2001:db8:1:3::/64', 'the network beside it is another'],
    ['::', '0:0:0:0::/64', 'nothing but a gap'],
    ['::1', '0:0:0:0::/64', 'a gap first'],
    ['1::', '1:0:0:0::/64', 'a gap last'],
    ['1::8', '1:0:0:0::/64', 'a gap of six'],
    ['1:2::8', '1:2:0:0::/64', 'a gap after two groups'],
    ['1:2:3::8', '1:2:3:0::/64', 'a gap after three'],
    ['1:2:3:4::', '1:2:3:4::/64', 'a gap just past the network'],
    ['1:2:3:4:5:6:7::', '1:2:3:4::/64', 'a gap of one at the end'],
    ['::2:3:4:5:6:7:8', '0:2:3:4::/64', 'a gap of one at the start'],
    ['::4:5:6:7:8', '0:0:0:4::/64', 'a gap of three at the start'],
    ['::5:6:7:8', '0:0:0:0::/64', 'a gap that is the whole network'],
    ['1::3:4:5:6:7:8', '1:0:3:4::/64', 'a gap of one inside the network'],
    ['1::4:5:6:7:8', '1:0:0:4::/64', 'a gap of two inside the network'],
    ['1:2::4:5:6:7:8', '1:2:0:4::/64', 'a gap at the third group'],
    ['1:2:3::5:6:7:8', '1:2:3:0::/64', 'a gap at the fourth'],
    ['1:2:3:4::6:7:8', '1:2:3:4::/64', 'a gap at the fifth'],
    ['64:ff9b::192.0.2.1', '64:ff9b:0:0::/64', 'a dotted end'],
    ['::4:5:6:192.0.2.1', '0:0:0:4::/64', 'a dotted end stands for two groups'],
    ['1:2:3:4:5:6:192.0.2.1', '1:2:3:4::/64', 'a dotted end without a gap'],
    ['fe80::1:2:3:4%eth0', 'fe80:0:0:0::/64', 'a zone is no part of the network'],
    ['', '', 'a client that has gone'],
    ['unknown', 'unknown', 'what is no address stays as it is'],
  ] as const) {
    it(`returns ${JSON.stringify(key)} for ${JSON.stringify(address)}: ${why}`, () => {
      assert.equal(addressKey(address), key);
    });
  }

  it('has a twin for a site, which is an IPv4 address or an IPv6 network of 48 bits', () => {
    assert.equal(siteKey('192.0.2.1'), '192.0.2.1');
    for (const address of ['2001:db8:1:2:3:4:5:6', '2001:DB8:1:ffff::', '2001:db8:1::7']) {
      assert.equal(siteKey(address), '2001:db8:1::/48');
    }
    assert.equal(siteKey('2001:db8:2::7'), '2001:db8:2::/48');
    assert.equal(siteKey('::1'), '0:0:0::/48');
  });

  it('returns the same for a full address and its form in the URL standard', () => {
    const random = seededRandom(64);
    for (let run = 0; run < 500; run++) {
      const groups = Array.from({ length: 8 }, () =>
        random() < 0.5 ? 0 : Math.floor(random() * 0x10000),
      ).map((group) => group.toString(16));
      const full = groups.join(':');
      const short = new URL(`http://[${full}]`).hostname.slice(1, -1);
      assert.equal(addressKey(short), `${groups.slice(0, 4).join(':')}::/64`, short);
      assert.equal(addressKey(full), addressKey(short));
    }
  });
});

describe('isLoopback', () => {
  for (const [address, is] of [
    ['127.0.0.1', true],
    ['127.255.255.254', true],
    ['::1', true],
    ['0:0::0:1', true],
    ['::ffff:127.0.0.1', true],
    ['::ffff:128.0.0.1', false],
    ['127.0.0.1.example', false],
    ['128.0.0.1', false],
    ['1.127.0.0', false],
    ['::2', false],
    ['10.0.0.1', false],
    ['', false],
  ] as const) {
    it(`returns ${is} for ${JSON.stringify(address)}`, () => assert.equal(isLoopback(address), is));
  }
});

test('TRUST_PROXY lists the proxies whose X-Forwarded-For is trusted, over all of its lines', async (t) => {
  const request =
    'GET /healthz HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: 192.0.2.7\r\n\r\n';
  for (const [settings, address] of [
    [{}, '127.0.0.1'],
    [{ TRUST_PROXY: '10.0.0.0/8, 127.0.0.1' }, '192.0.2.7'],
  ] as const) {
    const { port, log } = await startServer(t, settings);
    const wire = await Wire.open(port, request);
    assert.equal((await wire.answer()).status, 200);
    wire.end();
    const lines = log.map((line) => JSON.parse(line)).filter(({ message }) => message === 'request');
    assert.deepEqual(
      lines.map((line) => line.address),
      [address],
    );
  }
});
