// What proxies and those who pretend to be some have sent, and what other libraries made of it: who is believed, and how far.
// Each row names the report.

/** The address of this machine, where the proxy of every row is. */
export const PROXY = '127.0.0.1';
/** It, and the network behind it. */
export const TRUSTED = '127.0.0.1, 10.0.0.0/8, 2001:db8:ffff::/48';

export interface ForwardedRow {
  /** Repository and number of the issue, pull request or advisory that reported it. */
  readonly reported: string;
  readonly shows: string;
  /** Default: `TRUSTED`. */
  readonly trust?: string;
  /** Header lines. */
  readonly lines: readonly string[];
  /** Who it is; the proxy itself where nobody vouches for another. */
  readonly client: string;
  /** Addresses that must not have been charged. */
  readonly others: readonly string[];
}

export function forwardedFor(...values: readonly string[]): string[] {
  return values.map((value) => `X-Forwarded-For: ${value}`);
}

export const strangers: readonly ForwardedRow[] = [
  {
    reported: 'gin-gonic/gin 2473',
    shows: 'a header that a client writes itself is nothing, with no proxy configured',
    trust: '',
    lines: forwardedFor('6.6.6.6'),
    client: PROXY,
    others: [],
  },
  {
    reported: 'go-chi/chi 711',
    shows: 'nor are the other names under which clients sell themselves as somebody',
    trust: '',
    lines: ['True-Client-IP: 6.6.6.6', 'X-Real-IP: 6.6.6.6', ...forwardedFor('6.6.6.6')],
    client: PROXY,
    others: [],
  },
  {
    reported: 'rails/rails 51610',
    shows: 'a peer that is no trusted proxy is the client, whatever it forwards',
    trust: '10.0.0.0/8',
    lines: forwardedFor('6.6.6.6'),
    client: PROXY,
    others: [],
  },
  {
    reported: 'gorilla/handlers 167',
    shows: 'naming a trusted proxy does not make a stranger one',
    trust: '10.0.0.0/8',
    lines: forwardedFor('6.6.6.6, 10.0.0.1'),
    client: PROXY,
    others: [],
  },
  {
    reported: 'nodejs/node 43360',
    shows: 'a network of one address is one address, and not everybody',
    trust: '10.1.1.1/32',
    lines: forwardedFor('6.6.6.6'),
    client: PROXY,
    others: [],
  },
  {
    reported: 'Instadapp/dsa-resolvers 150 (proxy-addr before 2.0.8)',
    shows: 'an IPv6 network around the mapped addresses does not trust all of IPv4',
    trust: '::/64',
    lines: forwardedFor('6.6.6.6'),
    client: PROXY,
    others: [],
  },
];

export const spoofers: readonly ForwardedRow[] = [
  {
    reported: 'koajs/koa 1413',
    shows: 'the proxy appends, so the client is on the right, and what it wrote on the left',
    lines: forwardedFor('6.6.6.6, 192.0.2.7'),
    client: '192.0.2.7',
    others: ['6.6.6.6'],
  },
  {
    reported: 'fastify/fastify 5865',
    shows: 'a client that sends a new address each time stays one client',
    lines: forwardedFor('1.1.1.1, 2.2.2.2, 3.3.3.3, 192.0.2.7'),
    client: '192.0.2.7',
    others: ['1.1.1.1', '2.2.2.2', '3.3.3.3'],
  },
  {
    reported: 'gin-gonic/gin 1245',
    shows: 'trusted hops at the end are walked over, no further',
    lines: forwardedFor('11.11.11.11, 123.123.123.123, 10.168.2.1, 127.0.0.1'),
    client: '123.123.123.123',
    others: ['11.11.11.11'],
  },
  {
    reported: 'kubernetes/ingress-nginx 4073',
    shows: 'a private address in front of the client is not walked over to',
    lines: forwardedFor('10.1.1.1, 34.0.0.9'),
    client: '34.0.0.9',
    others: ['10.1.1.1'],
  },
  {
    reported: 'ajvondrak/remote_ip 28',
    shows: 'three strangers in a row: only the nearest was seen by a proxy',
    lines: forwardedFor('203.0.113.195, 70.41.3.18, 150.172.238.178'),
    client: '150.172.238.178',
    others: ['203.0.113.195', '70.41.3.18'],
  },
  {
    reported: 'folbricht/routedns 549',
    shows: 'a proxy that adds a line of its own leaves the spoofed one in place; the last line counts',
    lines: forwardedFor('10.0.0.5', '192.0.2.7'),
    client: '192.0.2.7',
    others: ['10.0.0.5'],
  },
  {
    reported: 'sourcegraph/sourcegraph-public-snapshot 64137',
    shows: 'lines are one list, trusted hops in a later line lead to an earlier one',
    lines: forwardedFor('6.6.6.6, 192.0.2.7', '10.0.0.3', '10.0.0.2'),
    client: '192.0.2.7',
    others: ['6.6.6.6', '10.0.0.3'],
  },
  {
    reported: 'koajs/koa 1094',
    shows: 'spoofed twice: neither counts',
    lines: forwardedFor('1.1.1.1', '2.2.2.2', '68.32.48.12'),
    client: '68.32.48.12',
    others: ['1.1.1.1', '2.2.2.2'],
  },
  {
    reported: 'rack/rack 705',
    shows: 'an agreeing Client-IP changes nothing',
    lines: [...forwardedFor('6.6.6.6, 192.0.2.7'), 'Client-IP: 6.6.6.6'],
    client: '192.0.2.7',
    others: ['6.6.6.6'],
  },
  {
    reported: 'imbolc/axum-client-ip 32',
    shows: 'Forwarded is not read: it would be a second way to say something else',
    lines: ['Forwarded: for=6.6.6.6', ...forwardedFor('192.0.2.7')],
    client: '192.0.2.7',
    others: ['6.6.6.6'],
  },
  {
    reported: 'labstack/echo 1834',
    shows: 'X-Real-IP alone says nothing, from a trusted proxy neither',
    lines: ['X-Real-IP: 6.6.6.6'],
    client: PROXY,
    others: ['6.6.6.6'],
  },
];

export const networks: readonly ForwardedRow[] = [
  {
    reported: 'rack/rack 1276',
    shows: 'shared address space is nobody whom to trust unasked',
    lines: forwardedFor('6.6.6.6, 100.64.0.9'),
    client: '100.64.0.9',
    others: ['6.6.6.6'],
  },
  {
    reported: 'cyberark/conjur 1690',
    shows: 'private networks that are not in the list are clients',
    lines: forwardedFor('6.6.6.6, 192.168.1.9'),
    client: '192.168.1.9',
    others: ['6.6.6.6'],
  },
  {
    reported: 'rack/rack 1224',
    shows: 'a chain of trusted ones only begins at its first, a health check for one',
    lines: forwardedFor('10.0.0.4, 10.0.0.3'),
    client: '10.0.0.4',
    others: ['10.0.0.3'],
  },
  {
    reported: 'Kludex/uvicorn 1068',
    shows: 'a client on the proxy itself is the proxy',
    lines: forwardedFor('127.0.0.1'),
    client: PROXY,
    others: ['10.0.0.1'],
  },
  {
    reported: 'jshttp/proxy-addr 28',
    shows: 'all of IPv4 can be trusted, where something else keeps strangers out',
    trust: '0.0.0.0/0',
    lines: forwardedFor('192.0.2.7, 8.8.8.8, 9.9.9.9'),
    client: '192.0.2.7',
    others: ['8.8.8.8', '9.9.9.9'],
  },
  {
    reported: 'jshttp/proxy-addr 24',
    shows: 'a trusted hop in its mapped form is trusted',
    lines: forwardedFor('6.6.6.6, 192.0.2.7, ::ffff:10.2.3.4'),
    client: '192.0.2.7',
    others: ['6.6.6.6', '10.2.3.4'],
  },
  {
    reported: 'iuliandita/digarr 392',
    shows: 'so it is in hexadecimal, in capitals and in full',
    lines: forwardedFor('192.0.2.7, ::ffff:a00:1, ::FFFF:10.0.0.2, 0:0:0:0:0:ffff:a00:3'),
    client: '192.0.2.7',
    others: ['10.0.0.1', '10.0.0.2', '10.0.0.3'],
  },
  {
    reported: 'openclaw/openclaw 137665',
    shows: 'a network in its mapped spelling is that network',
    trust: '127.0.0.1, ::ffff:10.0.0.0/104',
    lines: forwardedFor('192.0.2.7, 10.1.2.3'),
    client: '192.0.2.7',
    others: ['10.1.2.3'],
  },
  {
    reported: 'pgEdge/pgedge-postgres-mcp 205',
    shows: 'its end is where it should be',
    trust: '127.0.0.1, ::ffff:192.0.2.0/120',
    lines: forwardedFor('6.6.6.6, 192.0.3.1, 192.0.2.1'),
    client: '192.0.3.1',
    others: ['6.6.6.6', '192.0.2.1'],
  },
  {
    reported: 'symfony/symfony 14029',
    shows: 'an IPv6 network of proxies, one of them in brackets',
    lines: forwardedFor('2001:db8:1::7, [2001:db8:ffff::1], 2001:db8:ffff::2'),
    client: '2001:db8:1::7',
    others: ['2001:db8:ffff::1'],
  },
];
