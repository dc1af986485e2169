// Cross-Origin Resource Sharing (Fetch standard, §3.2). A browser lets a page read a response of
// another origin only if the response names the origin of the page. For all but the simplest
// requests, it first sends a preflight. These headers control only what browsers allow pages; they
// do not protect anything from other clients.

const EXPOSED = 'Location, Link, ETag, Retry-After, RateLimit, RateLimit-Policy, X-Request-Id';
const ALLOWED = 'Authorization, Content-Type, If-Match, If-None-Match, X-Request-Id';
const MAX_AGE_SECONDS = '600';

/** `*`, or a list of origins; an empty list allows no origin. */
export type AllowedOrigins = '*' | readonly string[];

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
