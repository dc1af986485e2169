// The client's address. Behind a proxy, every connection comes from the proxy, which appends the
// address it saw to `X-Forwarded-For`. A client can send that header too, so the obvious choice,
// its first address, can be forged. Here the header is read from the right: each trusted proxy
// vouches for the address before it, and the first address that is not trusted is the client's.
//
// One address has many spellings: `::ffff:192.0.2.1` and `::FFFF:c000:201` both mean 192.0.2.1 (RFC
// 4291 §2.5.5.2). A client must not get a bucket per spelling, so all addresses are compared in one
// spelling.

import type { IncomingMessage } from 'node:http';
import { BlockList, isIP, SocketAddress } from 'node:net';
import { BoundedMap } from '../lib/bounded-map.ts';
import { copyOf } from '../lib/text-bytes.ts';

const HOPS_MAX = 32;
const KNOWN_MAX = 100;

/** Addresses and networks whose `X-Forwarded-For` is trusted. */
export class TrustedProxies {
  // One list per protocol: in a single `BlockList`, an IPv6 network as small as `::/64` would
  // contain all of IPv4, since an IPv4 address is also checked in its mapped form.
  readonly #ipv4 = new BlockList();
  readonly #ipv6 = new BlockList();
  readonly #isEmpty: boolean;
  // A check by `BlockList` takes 14 µs, and nearly all requests come from the same few proxies.
  readonly #known = new BoundedMap<string, boolean>(KNOWN_MAX);

  /** @throws TypeError for an entry that is neither an address nor a CIDR. */
  constructor(entries: readonly string[]) {
    this.#isEmpty = entries.length === 0;
    for (const entry of entries) this.#add(entry);
  }

  has(address: string): boolean {
    if (this.#isEmpty) return false;
    const plain = canonical(address);
    const known = this.#known.get(plain);
    if (known !== undefined) return known;
    const version = isIP(plain);
    if (version === 0) return false;
    const has = version === 6 ? this.#ipv6.check(plain, 'ipv6') : this.#ipv4.check(plain, 'ipv4');
    this.#known.set(plain, has);
    return has;
  }

  #add(entry: string): void {
    // `BlockList` ignores the zone, and would trust the address on every link.
    const [, written = '', prefix] = /^([^/%]+)(?:\/(\d{1,3}))?$/.exec(entry) ?? [];
    const bits = isIP(written) === 6 ? 128 : 32;
    const address = canonical(written);
    const version = isIP(address);
    // `::ffff:10.0.0.0/104` is `10.0.0.0/8`.
    const mappedBits = bits - (version === 6 ? 128 : 32);
    const length = (prefix === undefined ? bits : Number(prefix)) - mappedBits;
    if (version === 0 || length < 0 || length > bits - mappedBits) {
      throw new TypeError(`Neither an address nor a network: ${entry}`);
    }
    if (version === 6) this.#ipv6.addSubnet(address, length, 'ipv6');
    else this.#ipv4.addSubnet(address, length, 'ipv4');
  }
}

/** Returns the address of the socket, or the client's address if trusted proxies vouch for it. */
export function clientAddress(request: IncomingMessage, trusted: TrustedProxies): string {
  let address = canonical(request.socket.remoteAddress ?? '');
  if (!trusted.has(address)) return address;
  const forwarded = request.headers['x-forwarded-for'];
  const hops = (Array.isArray(forwarded) ? forwarded.join() : (forwarded ?? '')).split(',').slice(-HOPS_MAX);
  for (const hop of hops.reverse()) {
    const before = copyOf(withoutPort(hop.trim()));
    // A trusted proxy may forward any text. The chain ends at the first text that is not an
    // address.
    if (isIP(before) === 0) return address;
    address = canonical(before);
    if (!trusted.has(address)) return address;
  }
  return address;
}

/**
 * Returns the key by which a client is counted: its IPv4 address, or its IPv6 network of 64 bits,
 * since a single host may use every address in that network (RFC 4862). A site often has several
 * such networks, and then as many buckets.
 */
export function addressKey(address: string): string {
  return networkOf(address, 64);
}

/**
 * Returns the key by which clients take turns: the IPv4 address, or the IPv6 network of 48 bits,
 * the largest that a site usually gets (RFC 6177). With a turn for each of its networks of 64 bits,
 * a site could fill a queue alone.
 */
export function siteKey(address: string): string {
  return networkOf(address, 48);
}

function networkOf(address: string, bits: number): string {
  if (isIP(address) !== 6) return address;
  const [left = [], right = []] = canonical(address)
    .split('::')
    .map((half) => half.split(':').filter((group) => group !== ''));
  const zeros = Array<string>(8 - left.length - right.length).fill('0');
  return `${[...left, ...zeros, ...right].slice(0, bits / 16).join(':')}::/${bits}`;
}

/** Whether the address, in any spelling, is this machine's own. */
export function isLoopback(address: string): boolean {
  const plain = canonical(address);
  return plain === '::1' || (isIP(plain) === 4 && plain.startsWith('127.'));
}

/** Whether a `Host` header names this machine by a loopback address, or as `localhost`. */
export function isLoopbackHost(host: string): boolean {
  const name = host
    .replace(/:\d*$/, '')
    .replace(/^\[(.*)\]$/, '$1')
    .toLowerCase();
  return name === 'localhost' || isLoopback(name);
}

// Returns the shortest spelling of an IPv6 address without its zone, or the IPv4 address that it
// maps.
function canonical(text: string): string {
  if (isIP(text) !== 6) return text;
  const { address } = new SocketAddress({ address: text, family: 'ipv6' });
  return /^::ffff:(.+\..+)$/.exec(address)?.[1] ?? address;
}

function withoutPort(text: string): string {
  const bracketed = /^\[([^\]]+)\](?::\d+)?$/.exec(text);
  if (bracketed !== null) return bracketed[1] ?? '';
  return /^([\d.]+):\d+$/.exec(text)?.[1] ?? text;
}
