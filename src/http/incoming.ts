// Checks the head of a request for errors that Node's parser accepts. A proxy in front may
// interpret such a request differently, which an attacker can exploit to smuggle requests. The body
// stays on the socket, since an unknown client must not make the server buffer it.

import type { IncomingMessage } from 'node:http';
import { isIPv6 } from 'node:net';
import { JotError } from '../lib/errors.ts';

// Node's parser allows 16 KiB of headers. That is room for thousands of short ones, and each costs
// work in later steps.
export const HEADERS_MAX = 200;

// RFC 9110 §4.1 asks all recipients to support this length.
const TARGET_LENGTH_MAX = 8_000;

const SINGLE: ReadonlySet<string> = new Set(['host', 'authorization', 'content-type']);

/** Path and query as they stand in the request, still percent-encoded. */
export interface Target {
  readonly path: string;
  /** Without the `?`. */
  readonly query: string;
}

/**
 * @throws JotError `bad_request`, `version_not_supported`, `not_implemented`, `headers_too_large`.
 */
export function checkHead(request: IncomingMessage): void {
  if (request.httpVersionMajor !== 1) {
    throw new JotError('version_not_supported', `HTTP/${request.httpVersion} is not supported`);
  }
  checkRepeats(request.rawHeaders);
  checkHost(request);
  checkFraming(request);
}

/** @throws JotError `uri_too_long`; `bad_request` for a target that is neither a path nor an http URL. */
export function parseTarget(method: string, url: string): Target {
  if (url.length > TARGET_LENGTH_MAX) throw new JotError('uri_too_long', 'The request target is too long');
  // RFC 9112 §3.2: a target must not have a fragment, which a proxy might read as part of the path.
  if (url.includes('#')) throw new JotError('bad_request', 'The request target must not have a fragment');
  const target = url.startsWith('/') ? url : absoluteForm(url);
  if (target === null) {
    // RFC 9110 §9.3.7: `OPTIONS *` asks about the server as a whole.
    if (url === '*' && method === 'OPTIONS') return { path: '*', query: '' };
    throw new JotError('bad_request', 'The request target must be a path');
  }
  const mark = target.indexOf('?');
  return mark === -1
    ? { path: target, query: '' }
    : { path: target.slice(0, mark), query: target.slice(mark + 1) };
}

// If a header that must be unique is repeated, Node silently keeps the first one, but a proxy in
// front may have used the second.
function checkRepeats(rawHeaders: readonly string[]): void {
  if (rawHeaders.length > 2 * HEADERS_MAX) {
    throw new JotError('headers_too_large', `More than ${HEADERS_MAX} headers`);
  }
  const seen: string[] = [];
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]?.toLowerCase() ?? '';
    if (!SINGLE.has(name)) continue;
    if (seen.includes(name)) throw new JotError('bad_request', `More than one ${name} header`);
    seen.push(name);
  }
}

// RFC 9112 §3.2: HTTP/1.1 needs exactly one Host, and a valid one.
function checkHost({ headers: { host }, httpVersionMinor }: IncomingMessage): void {
  if (host === undefined && httpVersionMinor === 0) return;
  if (host === undefined) throw new JotError('bad_request', 'The Host header is missing');
  if (!isAuthority(host)) throw new JotError('bad_request', 'The Host header is malformed');
}

// RFC 9112 §6.1: an unknown transfer coding is 501. HTTP/1.0 has no transfer codings, so the length
// of such a body would be a guess.
function checkFraming({ headers, httpVersionMinor }: IncomingMessage): void {
  const coding = headers['transfer-encoding'];
  if (coding === undefined) return;
  if (httpVersionMinor === 0) throw new JotError('bad_request', 'Transfer-Encoding in HTTP/1.0');
  // Newer parsers refuse this by themselves.
  if (coding === '') throw new JotError('bad_request', 'Transfer-Encoding names no coding');
  if (coding.toLowerCase() !== 'chunked')
    throw new JotError('not_implemented', 'The transfer coding is not supported');
}

// RFC 9112 §3.2.2: a server must accept the absolute form, which proxies receive, and serve its
// path. A user in it is an error, or an attempt to look like another address (RFC 9110 §4.2.4).
function absoluteForm(url: string): string | null {
  const [, authority, rest = ''] = /^https?:\/\/([^/?]+)([/?].*)?$/i.exec(url) ?? [];
  if (authority === undefined || !isAuthority(authority)) return null;
  return rest.startsWith('/') ? rest : `/${rest}`;
}

// RFC 3986 §3.2: a name or an address, and perhaps a port; no user.
function isAuthority(text: string): boolean {
  const [, name, ipv6] =
    /^(?:((?:[\w.~!$&'()*+,;=-]|%[0-9a-f]{2})+)|\[([0-9a-f:.]+)\])(?::\d{0,5})?$/i.exec(text) ?? [];
  return name !== undefined || (ipv6 !== undefined && isIPv6(ipv6));
}
