// The tokens of a session in a response: after a login, after a refresh, and together with the user
// after a password change, which ends the client's session. All three have the same shape, so a
// client can store them with the same code.

import type { TokenSession, Tokens } from '../auth/tokens.ts';
import { integer, object, optionals, text } from '../schema/schema.ts';

export interface TokenPairOptions {
  readonly tokens: Tokens;
  readonly expirationMs: number;
  /** Schemes of the `Authorization` header; the first is the `token_type`. */
  readonly authPrefixes: readonly string[];
}

export const tokenPair = object({
  access_token: text({ description: 'For the `Authorization` header.' }),
  refresh_token: text({ description: 'For the next pair, once.' }),
  token_type: text({ example: 'JWT' }),
  expires_in: integer({ min: 0, description: 'Seconds until the access token expires.', example: 300 }),
});

/** The fields of a pair, each optional, for a response that may omit them. */
export const optionalPair = optionals(tokenPair.fields);

/** @param fresh Whether the user has just entered a password. */
export function pairOf(
  { tokens, authPrefixes, expirationMs }: TokenPairOptions,
  session: TokenSession,
  fresh: boolean,
) {
  return {
    user_id: session.user_id,
    access_token: tokens.access(session, fresh),
    refresh_token: tokens.refresh(session),
    token_type: String(authPrefixes[0]),
    expires_in: Math.round(expirationMs / 1000),
  };
}
