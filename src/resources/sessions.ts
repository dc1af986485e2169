// Sessions: one per login. A session lasts until it is ended, until its refresh token expires, or
// until two parties use the same refresh token.
//
// A refresh token works once. If a spent token comes back, either the response to it was lost or a
// thief has a copy, and the two look alike. For a few seconds, the predecessor of the newest token
// is accepted again, which covers a lost response. Any other spent token ends the whole session,
// and the user has to sign in again (RFC 9700 §4.14.2).

import { randomBytes } from 'node:crypto';
import { anyUser, type Client, type Endpoint, endpoint } from '../api/endpoint.ts';
import type { Principal } from '../api/principal.ts';
import type { RefreshToken } from '../auth/tokens.ts';
import { JotError } from '../lib/errors.ts';
import { headerText } from '../lib/header-text.ts';
import { array, boolean, object, text, timestamp } from '../schema/schema.ts';
import type { Id, Session, User } from '../store/collections.ts';
import type { Operation, Store } from '../store/store.ts';

// A further login ends the session that was refreshed longest ago.
const SESSIONS_PER_USER_MAX = 100;
// Concurrent logins do not see each other, so for a while there can be more sessions.
const SESSIONS_READ_MAX = 10 * SESSIONS_PER_USER_MAX;
const USER_AGENT_BYTES_MAX = 256;
// Attempts in a race of concurrent refreshes, of which one wins each round.
const ROTATION_TRIES_MAX = 20;
const REVOKED = { code: 'token_revoked', message: 'Token has been revoked' } as const;

export interface SessionsOptions {
  readonly store: Store;
  /** How long a session lives without being refreshed. */
  readonly lifetimeMs: number;
  readonly reuseLeewayMs: number;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

const sessionType = object({
  id: text({ description: 'Opaque.' }),
  created: timestamp(),
  last_used: timestamp({ description: 'Time of the login or the last refresh.' }),
  expires: timestamp(),
  user_agent: text(),
  current: boolean({ description: 'Whether this request belongs to the session.' }),
});

const common = { path: '/auth/sessions', group: 'sessions', access: anyUser } as const;

export function sessions(options: SessionsOptions): Endpoint[] {
  return [listSessions(options), endSessions(options), endSession(options)];
}

function listSessions({ store, now }: SessionsOptions): Endpoint {
  return endpoint({
    ...common,
    method: 'GET',
    summary: 'List your sessions',
    response: array(sessionType),
    async handle({ principal: { user, session: current } }) {
      const live = (await sessionsOf(store, user)).filter(({ expires }) => expires > now());
      return live.map((session) => ({ ...session, id: session.sid, current: session.id === current.id }));
    },
  });
}

function endSessions({ store }: SessionsOptions): Endpoint {
  return endpoint({
    ...common,
    method: 'DELETE',
    summary: 'End all of your sessions',
    handle: ({ principal }) => store.write([{ discardOwned: 'sessions', owner: principal.user.id }]),
  });
}

function endSession({ store, now }: SessionsOptions): Endpoint {
  return endpoint({
    ...common,
    method: 'DELETE',
    path: `${common.path}/:id`,
    summary: 'End one of your sessions',
    params: object({ id: text() }),
    async handle({ principal, params }) {
      const session = await store.sessions.findBy('sid', params.id);
      const isLive = session?.user_id === principal.user.id && session.expires > now();
      if (!isLive) throw new JotError('not_found', 'There is no such session');
      await store.sessions.remove(session.id);
    },
  });
}

/**
 * Returns the condition of every write on behalf of a user: the session of the request still
 * exists. It may have ended while a slow client was sending the body.
 */
export function stillSignedIn({ session }: Principal): Operation {
  return { expect: 'sessions', id: session.id, failure: REVOKED };
}

/** A user whose password has just been verified. */
export interface VerifiedUser {
  readonly user: User;
  /** New hash that replaces the stored one; null to keep that. */
  readonly renewedHash: string | null;
}

/**
 * Starts a session.
 *
 * @throws JotError `precondition_failed` if the hash has changed or the user was disabled in the
 * meantime, `not_found` if the user or the session no longer exists.
 */
export async function startSession(
  options: SessionsOptions,
  { user: { id: user_id, password_hash }, renewedHash }: VerifiedUser,
  client: Client,
): Promise<Session> {
  const { store, now } = options;
  const guards: Operation[] = [{ expect: 'users', id: user_id, values: { password_hash, disabled: false } }];
  if (renewedHash !== null) {
    const change = { password_hash: renewedHash };
    guards.push({ update: 'users', id: user_id, change, keepVersion: true });
  }
  // In a full store, the sessions of a few users would leave no room for the logins of the others.
  const { bytes } = await store.usage();
  const sessionsMax = bytes.used < bytes.max ? SESSIONS_PER_USER_MAX : 1;
  const stale = staleSessions(await sessionsOf(store, { id: user_id }), now(), sessionsMax);
  for (const { id } of stale) guards.push({ discard: 'sessions', id });
  const session = await store.sessions.create(newSession(options, user_id, client), { guards });
  // A password change or an operator may have ended the session in the same batch.
  return store.sessions.get(session.id);
}

/** Returns the values of a new session. Its id is random, so that no client can guess another's. */
export function newSession(
  { lifetimeMs, now }: Pick<SessionsOptions, 'lifetimeMs' | 'now'>,
  user_id: Id,
  { userAgent }: Client,
) {
  const created = now();
  const user_agent = headerText(userAgent, USER_AGENT_BYTES_MAX);
  const sid = randomBytes(16).toString('base64url');
  const times = { created, last_used: created, expires: created + lifetimeMs };
  return { sid, user_id, user_agent, generation: 0, ...times };
}

/**
 * Spends a refresh token. The session moves on by one generation; within the leeway, a token that
 * was just spent returns the session unchanged.
 *
 * @throws JotError `user_gone`, `token_revoked`; a token that was spent earlier ends its session.
 */
export async function refreshSession(
  { store, lifetimeMs, reuseLeewayMs, now }: SessionsOptions,
  token: RefreshToken,
): Promise<Session> {
  if ((await store.users.find(token.identity)) === null)
    throw new JotError('user_gone', 'User does not exist');
  for (let attempt = 0; attempt < ROTATION_TRIES_MAX; attempt++) {
    const session = await store.sessions.findBy('sid', token.sid);
    if (session?.user_id !== token.identity) throw revoked();
    const age = session.generation - token.generation;
    // Negative if the clock was set back; the time since the token was spent is then unknown.
    const spentMs = now() - session.last_used;
    if (age === 1 && spentMs >= 0 && spentMs < reuseLeewayMs) return session;
    // A generation above the session's comes from a data file that was restored to an older state,
    // not from a theft.
    if (age < 0) throw revoked();
    if (age > 0) {
      await store.write([{ discard: 'sessions', id: session.id }]);
      throw revoked(`ended a session: a spent refresh token of user ${session.user_id} was used again`);
    }
    const { id, version: ifVersion } = session;
    const last_used = now();
    const change = { generation: session.generation + 1, last_used, expires: last_used + lifetimeMs };
    const rotated = await orNullIfChanged(store.sessions.update(id, change, { ifVersion }));
    if (rotated !== null) return rotated;
  }
  throw new JotError('unavailable', 'Too many refreshes of one session at once');
}

/** The user's sessions, oldest first. */
export async function sessionsOf(store: Store, { id }: Pick<User, 'id'>): Promise<readonly Session[]> {
  const query = { owner: id, after: 0, limit: SESSIONS_READ_MAX, order: 'asc' } as const;
  const { rows } = await store.sessions.list(query);
  return rows;
}

/** Returns the result of the write; null if the row has changed or no longer exists. */
export function orNullIfChanged<T>(write: Promise<T>): Promise<T | null> {
  return write.catch((error) => {
    if (error instanceof JotError && ['precondition_failed', 'not_found'].includes(error.code)) return null;
    throw error;
  });
}

// Returns the expired sessions, and the live sessions that exceed the limit once the new one is
// added.
function staleSessions(all: readonly Session[], nowMs: number, sessionsMax: number): Session[] {
  const live = all
    .filter(({ expires }) => expires > nowMs)
    .sort((one, other) => other.last_used - one.last_used);
  return [...all.filter(({ expires }) => expires <= nowMs), ...live.slice(sessionsMax - 1)];
}

/** @param cause Reason for the log; the client does not see it. */
function revoked(cause?: string): JotError {
  return new JotError(REVOKED.code, REVOKED.message, { cause });
}
