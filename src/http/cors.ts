// Cross-Origin Resource Sharing (Fetch standard, §3.2). A browser lets a page read a response of
// another origin only if the response names the origin of the page. For all but the simplest
// requests, it first sends a preflight. These headers control only what browsers allow pages; they
// do not protect anything from other clients.

import { entriesOf, listOf, type Setting } from '../lib/setting.ts';

const EXPOSED = 'Location, Link, ETag, Retry-After, RateLimit, RateLimit-Policy, X-Request-Id';
const ALLOWED = 'Authorization, Content-Type, If-Match, If-None-Match, X-Request-Id';
const MAX_AGE_SECONDS = '600';

// RFC 6454 §6.2: a browser sends a scheme, a host, and a port if it is not the default one.
const ORIGIN = /^([a-z][a-z\d+.-]*):\/\/(?:[a-z\d._-]+|\[[\da-f:]+\])(?::\d+)?$/;
const SCHEMES_WITHOUT_PAGES: readonly string[] = ['file', 'ftp', 'ws', 'wss'];

/** `*`, or a list of origins; an empty list allows no origin. */
export type AllowedOrigins = '*' | readonly string[];

/** The kind of the setting. An origin that can never match is wrong. */
export const origins: Setting<AllowedOrigins> = {
  read: (text) => (text === '*' ? '*' : listOf(text, isOrigin)),
  expected: '`*`, or origins like `https://example.com` separated by commas',
  guess: (text) => originLike(entriesOf(text).find((entry) => !isOrigin(entry)) ?? ''),
};

/** Returns the headers of a response to this origin, as name, value, name, value. */
export function corsHeaders(allowed: AllowedOrigins, origin: string | undefined): string[] {
  if (allowed === '*') return ['Access-Control-Allow-Origin', '*', 'Access-Control-Expose-Headers', EXPOSED];
  if (allowed.length === 0) return [];
  // Sent even without an origin: a cache must not serve that response to a page.
  const vary = ['Vary', 'Origin'];
  if (origin === undefined || !allowed.includes(origin)) return vary;
  return [...vary, 'Access-Control-Allow-Origin', origin, 'Access-Control-Expose-Headers', EXPOSED];
}

/** Returns the additional headers of a response to a preflight. */
export function preflightHeaders(allowed: AllowedOrigins, methods: readonly string[]): string[] {
  if (allowed !== '*' && allowed.length === 0) return [];
  return [
    ...['Access-Control-Allow-Methods', methods.join(', ')],
    ...['Access-Control-Allow-Headers', ALLOWED],
    ...['Access-Control-Max-Age', MAX_AGE_SECONDS],
  ];
}

// Whether a browser or an app can send this origin. `null` is rejected, since any website can send
// it from a sandboxed frame.
function isOrigin(text: string): boolean {
  const [, scheme] = ORIGIN.exec(text) ?? [];
  if (scheme === undefined || SCHEMES_WITHOUT_PAGES.includes(scheme)) return false;
  if (scheme !== 'http' && scheme !== 'https') return true;
  return URL.canParse(text) && new URL(text).origin === text;
}

// Returns the origin of an address, `https://example.com/app`, whose scheme may be missing.
function originLike(text: string): string | undefined {
  const url = /^[^/]+[.:]\w/.test(text) ? `https://${text}` : text;
  if (!URL.canParse(url)) return undefined;
  const { protocol, host } = new URL(url);
  return isOrigin(`${protocol}//${host}`) ? `${protocol}//${host}` : undefined;
}
