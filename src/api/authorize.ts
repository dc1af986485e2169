// Authorization, in this order: 401 without a valid token, 403 for another user's resource, 401 for
// a token that is not from a login, and 404 unless the parents in the path exist and form a chain
// of owners that starts at the caller. Parents are checked before the body is read and before the
// cache is consulted, so no cached response outlives the row that it belongs to. The last row in
// the path is left to the handler, since its 404 comes after the 400 for an invalid body.

import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isLoopback, isLoopbackHost } from '../http/address.ts';
import { JotError } from '../lib/errors.ts';
import { type CollectionName, collections, type Entity, type Id } from '../store/collections.ts';
import type { ParentRows } from './endpoint.ts';
import { type Admitted, type Authorized, advance } from './journey.ts';
import type { Principal } from './principal.ts';

const PROXY_HEADER = /^(forwarded|via|x-real-ip|x-forwarded-.+)$/;

const HOW_OPERATORS_ASK =
  'set METRICS_TOKEN and send it as a Bearer token, or ask over loopback without a proxy';

export interface AuthorizeOptions {
  /** The operator's Bearer token; null if clients on this machine are operators. */
  readonly metricsToken: string | null;
  readonly findRow: (name: CollectionName, id: Id) => Promise<Entity | null>;
}

const NO_PARENTS: ParentRows = {};

export function createAuthorize({ metricsToken, findRow }: AuthorizeOptions) {
  return (admitted: Admitted): Authorized | Promise<Authorized> => {
    const { endpoint, trace } = admitted;
    const { access } = endpoint;
    if (access.kind === 'closed') throw new JotError(access.failure.code, access.failure.message);
    if (access.kind === 'operator') requireOperator(admitted, metricsToken);
    const needsUser = access.kind === 'user' || access.kind === 'owner';
    const principal = needsUser ? requireUser(admitted) : null;
    if (access.kind === 'owner' && principal !== null) requireOwner(admitted, access.param, principal);
    if (endpoint.fresh === true) requireFresh(principal);
    trace?.because(principal === null ? access.kind : `${access.kind}, user ${principal.user.id}`);
    const declared = access.kind === 'owner' ? Object.entries(access.parents) : [];
    if (principal === null || declared.length === 0) {
      return advance(admitted, { principal, parents: NO_PARENTS });
    }
    return findParents(declared, admitted.params, principal.user.id).then((parents) =>
      advance(admitted, { principal, parents }),
    );
  };

  async function findParents(
    declared: readonly [param: string, name: CollectionName][],
    params: unknown,
    userId: Id,
  ): Promise<ParentRows> {
    const rows: Record<string, Entity> = {};
    let ownerId = userId;
    for (const [param, name] of declared) {
      const row = await findRow(name, (params as Readonly<Record<string, Id>>)[param] ?? 0);
      const field = collections[name].owner?.field ?? 'id';
      if (row === null || Reflect.get(row, field) !== ownerId) throw noSuch(param);
      rows[param] = row;
      ownerId = row.id;
    }
    return rows;
  }
}

/** @throws JotError `fresh_token_required` unless the token is from a login. */
export function requireFresh(principal: Principal | null): void {
  if (principal?.fresh !== true) throw new JotError('fresh_token_required', 'Sign in again to do this');
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

// Another user's row is indistinguishable from one that does not exist. `post_id` names a post.
function noSuch(param: string): JotError {
  return new JotError('not_found', `There is no such ${param.replace(/_id$/, '').replaceAll('_', ' ')}`);
}

// A proxy on this machine connects from this machine on behalf of any client. So does a browser on
// this machine, for a page whose domain now resolves to 127.0.0.1 (DNS rebinding). Most proxies add
// a header, and a browser sends the domain as Host. But a proxy that adds no header and rewrites
// Host, as nginx does by default, looks like a client on this machine. Behind such a proxy, only a
// token distinguishes an operator.
function requireOperator({ request }: Admitted, token: string | null): void {
  if (token !== null) {
    requireToken(request.headers.authorization, token);
    return;
  }
  const reason = whyNotOperator(request);
  if (reason !== null) throw new JotError('forbidden', `${reason}: ${HOW_OPERATORS_ASK}`);
}

function whyNotOperator({ headers, socket }: IncomingMessage): string | null {
  if (Object.keys(headers).some((name) => PROXY_HEADER.test(name))) return 'This came through a proxy';
  if (!isLoopback(socket.remoteAddress ?? '')) return 'This came from another machine';
  return isLoopbackHost(headers.host ?? '') ? null : 'The Host is not a loopback name or address';
}

function requireToken(header: string | undefined, token: string): void {
  const given = /^bearer +(\S+)$/i.exec(header ?? '')?.[1] ?? '';
  if (isSameText(given, token)) return;
  throw new JotError('authorization_required', 'Requires METRICS_TOKEN as a Bearer token', {
    challenge: 'Bearer',
  });
}

// All digests have the same length, so the time of the comparison does not reveal the length of the
// token.
function isSameText(given: string, expected: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}
