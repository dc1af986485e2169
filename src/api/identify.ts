// Who is calling. A token is turned into a principal, or into the reason why it is none. Nobody is refused here: the
// limiter wants to know first whom to charge, and many endpoints don't care.

import { JwtError } from '../auth/jwt.ts';
import type { AccessToken, Tokens } from '../auth/tokens.ts';
import { JotError } from '../lib/errors.ts';
import type { Store } from '../store/store.ts';
import { type Caller, type Identified, type Matched, toIdentified } from './journey.ts';

export interface IdentifyOptions {
  readonly store: Store;
  readonly tokens: Tokens;
  /** The schemes of `Authorization`, in any case. */
  readonly prefixes: readonly string[];
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

const NOBODY: Caller = {
  principal: null,
  refusal: { code: 'authorization_required', message: 'Request does not contain an access token' },
};

export function createIdentify({ store, tokens, prefixes, now }: IdentifyOptions) {
  const schemes = prefixes.map((prefix) => prefix.toLowerCase());

  return async (matched: Matched): Promise<Identified> => {
    // What is free and open to anyone asks for nobody's name.
    if (matched.endpoint.limit === 'free') return toIdentified(matched, NOBODY);
    const { authorization = '' } = matched.request.headers;
    const caller = authorization.trim() === '' ? NOBODY : await callerOf(authorization, matched);
    if (caller.principal === null) matched.trace?.because(caller.refusal.message);
    return toIdentified(matched, caller);
  };

  async function callerOf(authorization: string, { trace }: Matched): Promise<Caller> {
    try {
      const token = tokens.readAccess(readAuthorization(authorization, schemes));
      const principal = await find(token);
      trace?.because(`HS256 ok, key ${token.kid}, ${Math.floor(token.exp - now() / 1000)} s left`);
      return { principal };
    } catch (error) {
      const refusal = error instanceof JwtError ? new JotError('invalid_token', error.message) : error;
      if (!(refusal instanceof JotError)) throw refusal;
      return { principal: null, refusal };
    }
  }

  async function find({ identity, sid, fresh }: AccessToken) {
    const user = await store.users.find(identity);
    if (user === null) throw new JotError('user_gone', 'User does not exist');
    const session = await store.sessions.findBy('sid', sid);
    if (session?.user_id !== user.id) throw new JotError('invalid_token', 'Token has been revoked');
    return { user, session, fresh };
  }
}

// The token in the header.
function readAuthorization(header: string, schemes: readonly string[]): string {
  const [, scheme = '', token, rest] = /^(\S+)(?:\s+(\S+))?(\s.+)?$/.exec(header.trim()) ?? [];
  if (!schemes.includes(scheme.toLowerCase())) {
    throw new JotError('invalid_header', 'Unsupported authorization type');
  }
  if (token === undefined) throw new JotError('invalid_header', 'Token missing');
  if (rest !== undefined) throw new JotError('invalid_header', 'Token contains spaces');
  return token;
}
