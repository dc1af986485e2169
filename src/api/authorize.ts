// Whether the caller may. In this order: is there one at all (401), is it the right one (403), has the password been given
// lately (401 again). What is asked for is not looked at, so nothing can be learned about what is not one's own.

import { createHash, timingSafeEqual } from 'node:crypto';
import { isLoopback } from '../http/address.ts';
import { JotError } from '../lib/errors.ts';
import { type Admitted, type Authorized, toAuthorized } from './journey.ts';
import type { Principal } from './principal.ts';

const PROXY_HEADER = /^(forwarded|via|x-real-ip|x-forwarded-.+)$/;

const HOW_OPERATORS_ASK =
  'set METRICS_TOKEN and send it as a Bearer token, or ask over loopback without a proxy';

export interface AuthorizeOptions {
  /** What an operator gives as Bearer; null: operators are who calls from this machine. */
  readonly operatorToken: string | null;
}

export function createAuthorize({ operatorToken }: AuthorizeOptions) {
  return (admitted: Admitted): Authorized => {
    const { access } = admitted.endpoint;
    if (access.kind === 'operator') requireOperator(admitted, operatorToken);
    const needsUser = access.kind === 'user' || access.kind === 'owner';
    const principal = needsUser ? requireUser(admitted) : null;
    if (access.kind === 'owner' && principal !== null) {
      requireOwner(admitted, access.param, principal);
      if (access.fresh && !principal.fresh) {
        throw new JotError('fresh_token_required', 'Sign in again to do this');
      }
    }
    admitted.trace?.because(principal === null ? access.kind : `${access.kind}, user ${principal.user.id}`);
    return toAuthorized(admitted, principal);
  };
}

function requireUser({ caller }: Admitted): Principal {
  if (caller.principal !== null) return caller.principal;
  const { code, message } = caller.refusal;
  throw new JotError(code, message);
}

function requireOwner({ params }: Admitted, param: string, principal: Principal): void {
  const ownerId = (params as Readonly<Record<string, unknown>>)[param];
  if (ownerId !== principal.user.id) throw new JotError('forbidden', 'This belongs to another user');
}

// A proxy on this machine calls from this machine, for anybody: then only a token can tell.
function requireOperator({ request }: Admitted, token: string | null): void {
  if (token !== null) {
    requireToken(request.headers.authorization, token);
    return;
  }
  const isProxied = Object.keys(request.headers).some((name) => PROXY_HEADER.test(name));
  const isLocal = isLoopback(request.socket.remoteAddress?.replace(/^::ffff:/i, '') ?? '');
  const where = isProxied ? 'This came through a proxy' : 'This came from another machine';
  if (isProxied || !isLocal) throw new JotError('forbidden', `${where}: ${HOW_OPERATORS_ASK}`);
}

function requireToken(header: string | undefined, token: string): void {
  const given = /^bearer +(\S+)$/i.exec(header ?? '')?.[1] ?? '';
  if (isSameText(given, token)) return;
  throw new JotError('authorization_required', 'Requires METRICS_TOKEN as a Bearer token', {
    challenge: 'Bearer',
  });
}

// Digests have one length, so the comparison's time tells nothing about the token's.
function isSameText(given: string, expected: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}
