// Who is calling. Behind a proxy every connection comes from the proxy, which writes the client's address into
// `X-Forwarded-For`. Anybody can write that header, so it is believed only as far as trusted proxies vouch for it: read
// from the right, each trusted address hands over to the one before it, and the first that is not trusted is the client.

import type { IncomingMessage } from 'node:http';
import { BlockList, isIP, type Socket } from 'node:net';

const HOPS_MAX = 32;

const peers = new WeakMap<Socket, string>();

/** Addresses and networks whose `X-Forwarded-For` is believed. */
export class TrustedProxies {
  // One list for each protocol. `BlockList` takes an IPv4 address for a mapped one too, so that in a single list an IPv6
  // network as small as `::/64` would hold all of IPv4.
  readonly #ipv4 = new BlockList();
  readonly #ipv6 = new BlockList();
  readonly #isEmpty: boolean;

  /** @throws TypeError for an entry that is neither an address nor a CIDR. */
  constructor(entries: readonly string[]) {
    this.#isEmpty = entries.length === 0;
    for (const entry of entries) this.#add(entry);
  }

  has(address: string): boolean {
    if (this.#isEmpty) return false;
    const plain = unwrap(address);
    const version = isIP(plain);
    if (version === 0) return false;
    return version === 6 ? this.#ipv6.check(plain, 'ipv6') : this.#ipv4.check(plain, 'ipv4');
  }

  #add(entry: string): void {
    // A zone would be ignored, and so trust its address on every link.
    const [, written = '', prefix] = /^([^/%]+)(?:\/(\d{1,3}))?$/.exec(entry) ?? [];
    const bits = isIP(written) === 6 ? 128 : 32;
    const address = unwrap(written);
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

/** The client's address: the socket's, or the one that trusted proxies vouch for. */
export function clientAddress(request: IncomingMessage, trusted: TrustedProxies): string {
  let address = peerAddress(request.socket);
  if (!trusted.has(address)) return address;
  const forwarded = request.headers['x-forwarded-for'];
  const hops = (Array.isArray(forwarded) ? forwarded.join() : (forwarded ?? '')).split(',').slice(-HOPS_MAX);
  for (const hop of hops.reverse()) {
    const before = withoutPort(hop.trim());
    // What a trusted proxy passes on may be anything; past something that is no address there is nothing to follow.
    if (isIP(before) === 0) return address;
    address = unwrap(before);
    if (!trusted.has(address)) return address;
  }
  return address;
}

// It stays the same as long as the connection does.
function peerAddress(socket: Socket): string {
  const known = peers.get(socket);
  if (known !== undefined) return known;
  const address = unwrap(socket.remoteAddress ?? '');
  // One that is gone already has none any more, but may have had one.
  if (address !== '') peers.set(socket, address);
  return address;
}

/** What a client is counted by: its IPv4 address, or its IPv6 network of 64 bits: a single host may use every address in
 * it (RFC 4862). A site often has several of those (RFC 6177), and then as many buckets. */
export function addressKey(address: string): string {
  if (isIP(address) !== 6) return address;
  const network = ipv6Groups(address).slice(0, 4);
  return `${network.map((group) => group.toString(16)).join(':')}::/64`;
}

/** Whether the address is this machine's own. */
export function isLoopback(address: string): boolean {
  return address === '::1' || address.startsWith('127.');
}

// RFC 4291 §2.5.5.2: a socket that listens on both protocols shows IPv4 clients as `::ffff:192.0.2.1`. However that is
// spelled it is the same address, and must not be a way to look like another one.
function unwrap(address: string): string {
  if (isIP(address) !== 6) return address;
  const groups = ipv6Groups(address);
  const [high = 0, low = 0] = groups.slice(6);
  const isMapped = groups.slice(0, 6).join() === '0,0,0,0,0,65535';
  return isMapped ? dotted(high, low) : address.toLowerCase();
}

// The eight numbers of an IPv6 address (RFC 4291 §2.2), whose zone does not count.
function ipv6Groups(address: string): number[] {
  const plain = (address.split('%')[0] ?? '').replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, ...bytes) => {
    const [a, b, c, d] = bytes.map(Number) as [number, number, number, number];
    return `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
  });
  const [left = [], right = []] = plain
    .split('::')
    .map((half) => half.split(':').filter((group) => group !== ''));
  const zeros = Array<string>(8 - left.length - right.length).fill('0');
  return [...left, ...zeros, ...right].map((group) => Number.parseInt(group, 16));
}

function dotted(high: number, low: number): string {
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}

function withoutPort(text: string): string {
  const bracketed = /^\[([^\]]+)\](?::\d+)?$/.exec(text);
  if (bracketed !== null) return bracketed[1] ?? '';
  return /^([\d.]+):\d+$/.exec(text)?.[1] ?? text;
}
