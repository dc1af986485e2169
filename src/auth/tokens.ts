// The two tokens of a session. The access token authenticates requests for a few minutes; the
// refresh token is exchanged once for the next pair. Both are JWTs signed with the same keys, and
// the "typ" of the header prevents using one as the other (RFC 8725 §3.11).
//
// A refresh token is derived only from the session's row (number, time) and the key. So if a
// response was lost, the same token can be issued again without storing it (rotation: RFC 9700
// §4.14.2).

import { BoundedMap } from '../lib/bounded-map.ts';
import type { Failure } from '../lib/errors.ts';
import { copyOf } from '../lib/text-bytes.ts';
import { checkTimes, JwtError, missing, sign, type VerifiedToken, verify } from './jwt.ts';
import type { SigningKey } from './keys.ts';

// A verified token takes about a kilobyte of memory.
const VERIFIED_MAX = 10_000;
// HMAC-SHA256 in base64url.
const SIGNATURE_LENGTH = 43;
const ACCESS_TYPE = 'JWT';
const REFRESH_TYPE = 'refresh+jwt';
// Issuer, subject and audience, which tokens of other services have.
const FOREIGN_CLAIMS = ['iss', 'sub', 'aud'];
const TYPE_NAMES = { [ACCESS_TYPE]: 'an access token', [REFRESH_TYPE]: 'a refresh token' };

export interface TokenSettings {
  readonly expirationMs: number;
  readonly notBeforeMs: number;
  readonly leewayMs: number;
  readonly refreshExpirationMs: number;
}

/**
 * The part of a session that its tokens are derived from; times in milliseconds since the epoch.
 */
export interface TokenSession {
  readonly sid: string;
  readonly user_id: number;
  readonly generation: number;
  readonly last_used: number;
}

export interface AccessToken {
  readonly identity: number;
  readonly sid: string;
  readonly fresh: boolean;
  /** Seconds since the epoch, like the next two. */
  readonly exp: number;
  readonly nbf: number;
  readonly iat: number;
  readonly kid: string;
}

export interface RefreshToken {
  readonly identity: number;
  readonly sid: string;
  readonly generation: number;
}

export class Tokens {
  #keys: readonly [SigningKey, ...SigningKey[]];
  readonly #settings: TokenSettings;
  readonly #now: () => number;
  // Access tokens with valid form, signature and claims, by signature: `verify` takes 10 µs, nearly
  // as long as a whole GET. Times are checked at every use, and the existence of the session is
  // checked elsewhere. The whole token as the key would cost 0.5 µs more, since a Map hashes all of
  // a key. But the rest of the token must be compared too, since only `verify` proves that it
  // belongs to the signature.
  readonly #verified = new BoundedMap<string, { readonly token: string; readonly access: AccessToken }>(
    VERIFIED_MAX,
  );

  /** @param keys The first one signs. */
  constructor(keys: readonly SigningKey[], settings: TokenSettings, now: () => number) {
    this.#keys = requireOne(keys);
    this.#settings = settings;
    this.#now = now;
  }

  /** The ids of the keys; the first key signs. */
  get kids(): string[] {
    return this.#keys.map(({ kid }) => kid);
  }

  /** Replaces the keys. Tokens of other keys are rejected from now on. */
  useKeys(keys: readonly SigningKey[]): void {
    this.#keys = requireOne(keys);
    this.#verified.clear();
  }

  /** @param fresh Whether the user has just entered a password. */
  access(session: TokenSession, fresh: boolean): string {
    const { expirationMs, notBeforeMs } = this.#settings;
    const iat = Math.floor(this.#now() / 1000);
    const { user_id: identity, sid } = session;
    const claims = {
      identity,
      iat,
      nbf: iat + notBeforeMs / 1000,
      exp: iat + expirationMs / 1000,
      sid,
      fresh,
    };
    return sign(claims, this.#keys[0]);
  }

  /** Returns the same token for the same row. */
  refresh(session: TokenSession): string {
    const iat = Math.floor(session.last_used / 1000);
    const { user_id: identity, sid, generation } = session;
    const exp = iat + this.#settings.refreshExpirationMs / 1000;
    return sign({ identity, iat, nbf: iat, exp, sid, generation }, this.#keys[0], { typ: REFRESH_TYPE });
  }

  /** @throws JwtError with the reason. */
  readAccess(token: string): AccessToken {
    const signature = token.slice(-SIGNATURE_LENGTH);
    const verified = this.#verified.get(signature);
    if (verified?.token === token) {
      checkTimes(verified.access, this.#now() / 1000, this.#leewaySeconds);
      return verified.access;
    }
    const { header, claims } = this.#read(token, ACCESS_TYPE);
    const { exp, nbf, iat, fresh } = claims;
    const kid = String(header.kid);
    const times = { exp: Number(exp), nbf: Number(nbf), iat: Number(iat) };
    const access = { ...subject(claims), fresh: fresh === true, ...times, kid };
    const copy = copyOf(token);
    this.#verified.set(copy.slice(-SIGNATURE_LENGTH), { token: copy, access });
    return access;
  }

  /** @throws JwtError with the reason. */
  readRefresh(token: string): RefreshToken {
    const { claims } = this.#read(token, REFRESH_TYPE);
    if (!Number.isSafeInteger(claims.generation)) throw new JwtError('claim', missing('generation'));
    return { ...subject(claims), generation: Number(claims.generation) };
  }

  get #leewaySeconds(): number {
    return this.#settings.leewayMs / 1000;
  }

  #read(token: string, type: keyof typeof TYPE_NAMES): VerifiedToken {
    const verified = verify(token, this.#keys, { now: this.#now, leewaySeconds: this.#leewaySeconds });
    if (verified.header.typ !== type) throw new JwtError('claim', `This is not ${TYPE_NAMES[type]}`);
    // RFC 8725 §3.8, §3.9: such a claim must be checked. Our tokens never have it, so a token that
    // does was issued by another service that shares our key.
    const foreign = FOREIGN_CLAIMS.find((name) => Object.hasOwn(verified.claims, name));
    if (foreign !== undefined)
      throw new JwtError('claim', `The "${foreign}" claim is not one of this server's`);
    return verified;
  }
}

/** Returns the failure that a client sees when its token is rejected. */
export function tokenFailure({ code, message }: JwtError): Failure {
  return { code: code === 'expired' ? 'token_expired' : 'token_invalid', message };
}

function requireOne(keys: readonly SigningKey[]): readonly [SigningKey, ...SigningKey[]] {
  const [first, ...others] = keys;
  if (first === undefined) throw new TypeError('Tokens need a key to sign with');
  return [first, ...others];
}

function subject(claims: VerifiedToken['claims']): { identity: number; sid: string } {
  const { identity, sid } = claims;
  if (!Number.isSafeInteger(identity) || Number(identity) < 1)
    throw new JwtError('claim', missing('identity'));
  if (typeof sid !== 'string') throw new JwtError('claim', missing('sid'));
  return { identity: Number(identity), sid };
}
