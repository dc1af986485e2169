// JSON Web Tokens (RFC 7519) in the compact serialization (RFC 7515 §3.1): `header.payload.signature`, each part
// base64url. The first two are JSON that anyone can read; the third is an HMAC-SHA256 over the first two that only a
// holder of the key can make. That is the whole idea: the server hands out a claim ("this is user 1, until 12:05"),
// keeps nothing, and believes the claim when it comes back unaltered.
//
// The order of the checks in `verify` matters: form, algorithm, signature, and only then the claims. Nothing that a
// token says of itself chooses how it is checked.
//
// Left out on purpose: every other algorithm, encryption, detached payloads, and keys named by the token (`jku`, `jwk`,
// `x5u` are ignored, RFC 8725 §3.10).

import { createHmac, timingSafeEqual } from 'node:crypto';
import { readClock } from '../lib/clock.ts';
import { decodeBase64url, encodeBase64url } from './base64url.ts';

const TOKEN_LENGTH_MAX = 8 * 1024;
// A forged token costs up to an HMAC per key, before the rate limit can identify the caller.
export const KEYS_MAX = 10;
const NUMERIC_DATES = ['exp', 'iat', 'nbf'] as const;
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A secret as text (its UTF-8 counts) or bytes, with or without a key id. */
export type Key = string | Uint8Array | { readonly kid: string; readonly secret: string | Uint8Array };

export type Claims = Readonly<Record<string, unknown>>;
export type Header = Readonly<Record<string, unknown>>;

/** What `verify` found in a token it believes. The three dates are finite numbers wherever they are present. */
export interface VerifiedToken {
  readonly header: Header;
  readonly claims: Claims & { readonly exp?: number; readonly iat?: number; readonly nbf?: number };
}

export interface VerifyOptions {
  /** Milliseconds since the epoch; default `Date.now`. */
  readonly now?: () => number;
  /** Seconds by which clocks may differ; default 0. */
  readonly leewaySeconds?: number;
  /** The claims that must be there; default `exp`, `iat`, `nbf`. */
  readonly require?: readonly string[];
}

/** Seconds since the epoch. */
type Times = Pick<VerifiedToken['claims'], (typeof NUMERIC_DATES)[number]>;

/** The kinds of reasons to reject a token. */
export type JwtErrorCode =
  | 'malformed'
  | 'algorithm'
  | 'signature'
  | 'expired'
  | 'not_yet_valid'
  /** A claim or header parameter is missing, or has a value that is not accepted. */
  | 'claim';

/** The reason for rejecting a token, or for not signing one; `message` is fit for the client. */
export class JwtError extends Error {
  override readonly name = 'JwtError';
  readonly code: JwtErrorCode;

  constructor(code: JwtErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/**
 * Makes a token (RFC 7515 §5.1).
 *
 * @param claims `exp`, `iat` and `nbf` are seconds since the epoch.
 * @param header More header parameters; `alg` is always HS256, `kid` comes from the key.
 * @throws JwtError if `verify` would refuse the token whatever the time.
 */
export function sign(claims: Claims, key: Key, header: Header = {}): string {
  for (const name of NUMERIC_DATES) {
    if (claims[name] !== undefined && !Number.isFinite(claims[name])) {
      throw new JwtError('claim', `The "${name}" claim must be a finite number`);
    }
  }
  const { kid, secret } = keyParts(key);
  const full = { typ: 'JWT', alg: 'HS256', ...(kid === undefined ? {} : { kid }), ...header };
  if (kid !== undefined && full.kid !== kid) throw new JwtError('claim', 'The "kid" comes from the key');
  requireHs256(full);

  const signed = `${encodeBase64url(JSON.stringify(full))}.${encodeBase64url(JSON.stringify(claims))}`;
  const token = `${signed}.${hmac(signed, secret).toString('base64url')}`;
  if (token.length > TOKEN_LENGTH_MAX)
    throw new JwtError('malformed', `Token is longer than ${TOKEN_LENGTH_MAX} characters`);
  return token;
}

/**
 * Checks a token (RFC 7515 §5.2, RFC 7519 §7.2, RFC 8725 §3) and gives what it says.
 *
 * With several keys, the `kid` of the token selects among the keys that have a `kid`. Keys without
 * a `kid` are always tried.
 *
 * @param keys At most ten.
 * @throws JwtError with the reason. TypeError for an empty key, for too many keys, and for a clock
 * that does not return a finite number.
 */
export function verify(
  token: string,
  keys: Key | readonly Key[],
  options: VerifyOptions = {},
): VerifiedToken {
  const { now = () => Date.now(), leewaySeconds = 0, require = NUMERIC_DATES } = options;
  const nowSeconds = readClock(now) / 1000;
  const allKeys = keyList(keys);
  if (token.length > TOKEN_LENGTH_MAX)
    throw new JwtError('malformed', `Token is longer than ${TOKEN_LENGTH_MAX} characters`);
  const segments = token.split('.');
  const [headerText, payloadText, signatureText] = segments;
  if (headerText === undefined || payloadText === undefined || signatureText === undefined) {
    throw new JwtError('malformed', 'Not enough segments');
  }
  if (segments.length > 3) throw new JwtError('malformed', 'Too many segments');
  const headerBytes = decodeSegment(headerText, 'header');
  const payloadBytes = decodeSegment(payloadText, 'payload');
  const signature = decodeSegment(signatureText, 'signature');

  const header = parseObject(headerBytes, 'header');
  requireHs256(header);
  const signed = token.slice(0, token.lastIndexOf('.'));
  // A token without an id is not tried against the keys that have one.
  const candidates = allKeys.filter(({ kid }) => kid === undefined || kid === header.kid);
  if (!candidates.some(({ secret }) => macEquals(hmac(signed, secret), signature))) {
    throw new JwtError('signature', 'Signature verification failed');
  }

  const claims = parseObject(payloadBytes, 'payload');
  checkClaims(claims, require);
  checkTimes(claims, nowSeconds, leewaySeconds);
  return { header, claims };
}

function keyList(keys: Key | readonly Key[]): { kid?: string; secret: string | Uint8Array }[] {
  const several = Array.isArray(keys) ? (keys as readonly Key[]) : [keys as Key];
  if (several.length <= KEYS_MAX) return several.map(keyParts);
  throw new TypeError(`Cannot verify a token: at most ${KEYS_MAX} keys are possible; got ${several.length}`);
}

function keyParts(key: Key): { kid?: string; secret: string | Uint8Array } {
  const parts = typeof key === 'string' || key instanceof Uint8Array ? { secret: key } : key;
  if (parts.secret.length === 0) throw new TypeError('A key must not be empty');
  return parts;
}

// RFC 8725 §3.1: the code decides the algorithm; what the token's "alg" says can only be right or wrong. RFC 7515
// §4.1.11: "crit" lists extensions that must be understood; none is, and an empty list is not allowed either. RFC 7797's
// "b64" would change what is signed.
function requireHs256(header: Header): void {
  if (header.alg !== 'HS256') throw new JwtError('algorithm', 'The specified alg value is not allowed');
  if (Object.hasOwn(header, 'crit'))
    throw new JwtError('algorithm', 'The "crit" header parameter is not supported');
  if (Object.hasOwn(header, 'b64'))
    throw new JwtError('algorithm', 'The "b64" header parameter is not supported');
}

function decodeSegment(text: string, name: string): Buffer {
  const bytes = decodeBase64url(text);
  if (bytes === null) throw new JwtError('malformed', `The ${name} is not canonical base64url`);
  return bytes;
}

function parseObject(bytes: Buffer, name: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(utf8.decode(bytes));
  } catch {
    throw new JwtError('malformed', `The ${name} is not JSON in UTF-8`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new JwtError('malformed', `The ${name} is not a JSON object`);
  }
  return value as Record<string, unknown>;
}

function hmac(text: string, secret: string | Uint8Array): Buffer {
  return createHmac('sha256', secret).update(text).digest();
}

// An ordinary comparison stops at the first difference, and the time it took tells how much of a guess was right.
function macEquals(expected: Buffer, given: Buffer): boolean {
  return expected.length === given.length && timingSafeEqual(expected, given);
}

// RFC 7519 §2: a NumericDate is a JSON number. `"9e9"` is a string, and 1e400 reads as Infinity: a token that never ends.
function checkClaims(claims: Claims, require: readonly string[]): void {
  for (const name of require) {
    if (claims[name] === undefined || !Object.hasOwn(claims, name))
      throw new JwtError('claim', missing(name));
  }
  for (const name of NUMERIC_DATES) {
    if (claims[name] !== undefined && !Number.isFinite(claims[name]))
      throw new JwtError('claim', missing(name));
  }
}

/** The sentence for a claim that is absent, or of a type that makes it useless. */
export function missing(claim: string): string {
  return `Token is missing the "${claim}" claim`;
}

// RFC 7519 §4.1.4: the time must be before "exp"; §4.1.5: at or after "nbf". A token from the future was not made by a
// clock of ours. Each test says what must hold, so that a clock or a leeway that is no number refuses.
/** @throws JwtError for a token whose time has not come or is over. */
export function checkTimes({ exp, nbf, iat }: Times, nowSeconds: number, leewaySeconds: number): void {
  if (exp !== undefined && !(nowSeconds < Number(exp) + leewaySeconds))
    throw new JwtError('expired', 'Signature has expired');
  if (nbf !== undefined && !(nowSeconds >= Number(nbf) - leewaySeconds))
    throw new JwtError('not_yet_valid', 'The token is not yet valid (nbf)');
  if (iat !== undefined && !(nowSeconds >= Number(iat) - leewaySeconds))
    throw new JwtError('not_yet_valid', 'The token is not yet valid (iat)');
}
