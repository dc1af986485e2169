// Maps a token to a principal, or to the reason for rejecting it. No request is rejected here: the
// limiter must first know which bucket to charge, and public endpoints accept any caller.

import { JwtError } from '../auth/jwt.ts';
import { type Tokens, tokenFailure } from '../auth/tokens.ts';
import { type Failure, JotError } from '../lib/errors.ts';
import type { Store } from '../store/store.ts';
import { isFree } from './endpoint.ts';
import { advance, type Identified, type Matched } from './journey.ts';

export interface IdentifyOptions {
  readonly store: Store;
  readonly tokens: Tokens;
  /** The schemes of `Authorization`, in any case. */
  readonly authPrefixes: readonly string[];
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

const NO_TOKEN: Failure = {
  code: 'authorization_required',
  message: 'Request does not contain an access token',
};
const USER_GONE: Failure = { code: 'user_gone', message: 'User does not exist' };
const REVOKED: Failure = { code: 'token_revoked', message: 'Token has been revoked' };

export function createIdentify({ store, tokens, authPrefixes, now }: IdentifyOptions) {
  // As most clients write them, and then in any case.
  const schemes = [...authPrefixes, ...authPrefixes.map((prefix) => prefix.toLowerCase())];

  return (matched: Matched): Identified | Promise<Identified> => {
    if (isFree(matched.endpoint)) return leaveUnknown(matched);
    const { authorization = '' } = matched.request.headers;
    return authorization.trim() === '' ? refuse(matched, NO_TOKEN) : identify(matched, authorization);
  };

  async function identify(matched: Matched, authorization: string): Promise<Identified> {
    try {
      const token = tokens.readAccess(readAuthorization(authorization, schemes));
      const user = await store.users.find(token.identity);
      if (user === null) return refuse(matched, USER_GONE);
      const session = await store.sessions.findBy('sid', token.sid);
      if (session?.user_id !== user.id) return refuse(matched, REVOKED);
      matched.trace?.because(`HS256 ok, key ${token.kid}, ${Math.floor(token.exp - now() / 1000)} s left`);
      return advance(matched, { caller: { principal: { user, session, fresh: token.fresh } } });
    } catch (error) {
      if (error instanceof JwtError) return refuse(matched, tokenFailure(error));
      if (error instanceof JotError) return refuse(matched, error);
      throw error;
    }
  }
}

/** Leaves the caller unknown; for endpoints that are free and public. */
export function leaveUnknown(matched: Matched): Identified {
  return advance(matched, { caller: { principal: null, refusal: NO_TOKEN } });
}

function refuse(matched: Matched, refusal: Failure): Identified {
  matched.trace?.because(refusal.message);
  return advance(matched, { caller: { principal: null, refusal } });
}

// The token in the header: RFC 9110 §11.4 has a scheme, spaces and one word.
function readAuthorization(header: string, schemes: readonly string[]): string {
  const text = header.trim();
  const space = text.indexOf(' ');
  const scheme = space === -1 ? text : text.slice(0, space);
  if (!schemes.includes(scheme) && !schemes.includes(scheme.toLowerCase())) {
    throw new JotError('invalid_header', 'Unsupported authorization type');
  }
  if (space === -1) throw new JotError('invalid_header', 'Token missing');
  const token = text.slice(space + 1).trimStart();
  if (token.includes(' ')) throw new JotError('invalid_header', 'Token contains spaces');
  return token;
}
