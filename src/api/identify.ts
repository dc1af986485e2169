// Who is calling. A token is turned into a principal, or into the reason why it is none. Nobody is refused here: the
// limiter wants to know first whom to charge, and many endpoints don't care.

import { JwtError } from '../auth/jwt.ts';
import type { AccessToken, Tokens } from '../auth/tokens.ts';
import { JotError } from '../lib/errors.ts';
import type { Store } from '../store/store.ts';
import type { Caller, Identified, Matched } from './journey.ts';

export interface IdentifyOptions {
  readonly store: Store;
  readonly tokens: Tokens;
  /** The schemes of `Authorization`, in any case. */
  readonly prefixes: readonly string[];
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

export function createIdentify({ store, tokens, prefixes, now }: IdentifyOptions) {
  return async (matched: Matched): Promise<Identified> => {
    // What is free and open to anyone asks for nobody's name.
    const isAnonymous = matched.endpoint.limit === 'free';
    const caller = isAnonymous ? nobody() : await callerOf(matched);
    return Object.assign(matched, { caller });
  };

  async function callerOf({ request, trace }: Matched): Promise<Caller> {
    try {
      const token = tokens.readAccess(readAuthorization(request.headers.authorization, prefixes));
      const principal = await find(token);
      trace?.because(`HS256 ok, key ${token.kid}, ${Math.floor(token.exp - now() / 1000)} s left`);
      return { principal };
    } catch (error) {
      const refusal = error instanceof JwtError ? new JotError('invalid_token', error.message) : error;
      if (!(refusal instanceof JotError)) throw refusal;
      trace?.because(refusal.message);
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

function nobody(): Caller {
  return { principal: null, refusal: unidentified() };
}

function unidentified(): JotError {
  return new JotError('authorization_required', 'Request does not contain an access token');
}

/**
 * The token in an `Authorization` header.
 *
 * @throws JotError in the words of Flask-JWT.
 */
export function readAuthorization(header: string | undefined, prefixes: readonly string[]): string {
  const [scheme, token, ...rest] = (header ?? '').trim().split(/\s+/);
  if (scheme === undefined || scheme === '') throw unidentified();
  if (!prefixes.some((prefix) => prefix.toLowerCase() === scheme.toLowerCase())) {
    throw new JotError('invalid_header', 'Unsupported authorization type');
  }
  if (token === undefined) throw new JotError('invalid_header', 'Token missing');
  if (rest.length > 0) throw new JotError('invalid_header', 'Token contains spaces');
  return token;
}
