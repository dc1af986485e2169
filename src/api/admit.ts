// Charges a request to the rate limits of its endpoint. The obvious place for a limiter is the
// handler, but then rejected requests are free, and so are guesses of tokens and ids. Here every
// request that has an endpoint is charged first, before authorization, validation and any expensive
// work.

import { addressKey, siteKey, type TrustedProxies } from '../http/address.ts';
import { createProxyWarnings } from '../http/proxy-warnings.ts';
import type { HeaderList } from '../http/reply.ts';
import { wholeSeconds } from '../lib/duration.ts';
import { JotError } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import type { Charge, Limiter, Limiters } from '../limit/limiter.ts';
import { limits } from '../limit/limits.ts';
import type { BucketKey } from '../limit/token-bucket.ts';
import { type ChargedLimit, isFree } from './endpoint.ts';
import { type Admitted, advance, type Identified } from './journey.ts';

/** One bucket that a call is charged to. */
interface Bucket {
  readonly limiter: Limiter;
  readonly key: BucketKey;
}

export interface AdmitOptions {
  readonly limiters: Limiters;
  readonly trustProxy: TrustedProxies;
  readonly log: Log;
}

export function createAdmit({ limiters, trustProxy, log }: AdmitOptions) {
  const warnOfProxy = createProxyWarnings(trustProxy, log);
  return (identified: Identified): Admitted => {
    if (!isFree(identified.endpoint)) warnOfProxy(identified.request, identified.address);
    const buckets = bucketsOf(identified, limiters);
    const taken = buckets.map(({ limiter, key }) => limiter.take(key));
    const refusals = taken.filter(({ allowed }) => !allowed);
    const [longest] = refusals.sort((one, other) => other.retryAfterSeconds - one.retryAfterSeconds);
    const charges = longest === undefined ? taken : giveBack(buckets, taken);
    const admitted = advance(identified, { charges });
    identified.trace?.because(
      charges.map(({ name, remaining, rate }) => `${name} ${remaining} of ${rate.tokens}`).join(', '),
    );
    if (longest !== undefined) throw tooMany(longest);
    return admitted;
  };
}

// A user's key is a number and an address's is text, so neither is taken for the other.
function bucketsOf({ endpoint, query, caller, address }: Identified, limiters: Limiters): Bucket[] {
  const buckets: Bucket[] = [];
  for (const charged of endpoint.limits) {
    const name = typeof charged === 'string' ? charged : charged.limit;
    const limiter = limiters.get(name);
    if (limiter === undefined || !applies(charged, query)) continue;
    const { charges } = limits[name];
    const userId = charges === 'caller' ? caller.principal?.user.id : undefined;
    const key = userId ?? (charges === 'site' ? siteKey : addressKey)(address);
    buckets.push({ limiter, key });
  }
  return buckets;
}

// Lenient, unlike the parser that validation uses: a malformed query is charged, then rejected.
function applies(charged: ChargedLimit, query: string): boolean {
  return typeof charged === 'string' || new URLSearchParams(query).has(charged.ifQuery);
}

/**
 * Refunds the tokens, since a request that one bucket rejects is charged to none. Returns the
 * current state of each bucket.
 */
function giveBack(buckets: readonly Bucket[], taken: readonly Charge[]): Charge[] {
  return buckets.map(({ limiter, key }, index) => {
    if (taken[index]?.allowed) limiter.give(key);
    return limiter.take(key, 0);
  });
}

function tooMany({ rate: { tokens, windowMs }, retryAfterSeconds }: Charge): JotError {
  const message = `The limit is ${tokens} requests in ${windowMs / 1000} seconds`;
  return new JotError('rate_limited', message, { retryAfterSeconds });
}

/**
 * Extends `Retry-After` until no other bucket rejects the request either: this request may have
 * emptied one.
 */
export function untilAllAllow({ code, message, details }: JotError, charges: readonly Charge[]): JotError {
  const waits = charges
    .filter(({ remaining }) => remaining === 0)
    .map(({ nextTokenSeconds }) => nextTokenSeconds);
  const retryAfterSeconds = Math.max(details.retryAfterSeconds ?? 0, ...waits);
  return new JotError(code, message, { ...details, retryAfterSeconds });
}

/**
 * Returns the headers of the IETF draft "RateLimit header fields for HTTP" for every charged
 * bucket, and the older headers that Flask-Limiter sends for the bucket closest to empty.
 *
 * @param nowMs Milliseconds since the epoch.
 */
export function rateLimitHeaders(charges: readonly Charge[], nowMs: number): HeaderList {
  const [first] = charges;
  if (first === undefined) return [];
  let closest = first;
  let policies = first.policy;
  let states = stateOf(first);
  // A loop, since `map`, `reduce` and `join` cost a microsecond of a GET (`npm run bench -- --only get`).
  for (const charge of charges.slice(1)) {
    if (shareOf(charge) < shareOf(closest)) closest = charge;
    policies += `, ${charge.policy}`;
    states += `, ${stateOf(charge)}`;
  }
  return [
    'RateLimit-Policy',
    policies,
    'RateLimit',
    states,
    'X-RateLimit-Limit',
    String(closest.rate.tokens),
    'X-RateLimit-Remaining',
    String(closest.remaining),
    'X-RateLimit-Reset',
    String(wholeSeconds(nowMs / 1000 + closest.resetSeconds)),
  ];
}

function stateOf({ name, remaining, nextTokenSeconds }: Charge): string {
  return `"${name}";r=${remaining};t=${wholeSeconds(nextTokenSeconds)}`;
}

function shareOf({ remaining, rate }: Charge): number {
  return remaining / rate.tokens;
}
