// Sessions: one for each login, kept until it is ended, refreshed too late, or refreshed by two parties.
//
// A refresh token works once. If it comes back, either a response was lost on the way or a thief has a copy, and the two look
// alike. Within a few seconds, the predecessor of the newest token is accepted again; anything else ends the whole session,
// and its owner has to sign in again (RFC 9700 §4.14.2).

import { randomBytes } from 'node:crypto';
import { anyUser, type Client, type Endpoint, endpoint } from '../api/endpoint.ts';
import type { Principal } from '../api/principal.ts';
import type { RefreshToken } from '../auth/tokens.ts';
import { JotError } from '../lib/errors.ts';
import { array, boolean, object, text, timestamp } from '../schema/schema.ts';
import type { Session, User } from '../store/collections.ts';
import type { Operation, Store } from '../store/store.ts';

// Of more logins than this the one refreshed longest ago ends.
const SESSIONS_PER_USER_MAX = 100;
// Logins at the same moment do not see each other, so for a while there can be some more.
const SESSIONS_READ_MAX = 10 * SESSIONS_PER_USER_MAX;
// Rounds of a race that only one party can win each time.
const ROTATION_TRIES_MAX = 20;
const REVOKED = { code: 'invalid_token', message: 'Token has been revoked' } as const;

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
  last_used: timestamp({ description: 'When it was started or last refreshed.' }),
  expires: timestamp(),
  user_agent: text(),
  current: boolean({ description: 'Whether it is the session of this request.' }),
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
 * What a write on someone's behalf depends on: that the session it is made in has not been ended while the request was on
 * its way, however slowly its body came.
 */
export function stillSignedIn({ session }: Principal): Operation {
  return { expect: 'sessions', id: session.id, failure: REVOKED };
}

/** A user whose password has just been verified. */
export interface VerifiedUser {
  readonly user: User;
  /** Replaces the password's hash; null if it stays. */
  readonly renewedHash: string | null;
}

/**
 * Starts a session.
 *
 * @throws JotError `precondition_failed` if the hash has changed since, `not_found` if the user or the session is gone.
 */
export async function startSession(
  { store, lifetimeMs, now }: SessionsOptions,
  { user: { id: user_id, password_hash }, renewedHash }: VerifiedUser,
  { userAgent: user_agent }: Client,
): Promise<Session> {
  const created = now();
  const sid = randomBytes(16).toString('base64url');
  const times = { created, last_used: created, expires: created + lifetimeMs };
  const guards: Operation[] = [{ expect: 'users', id: user_id, values: { password_hash } }];
  if (renewedHash !== null) {
    const change = { password_hash: renewedHash };
    guards.push({ update: 'users', id: user_id, change, keepVersion: true });
  }
  const stale = staleSessions(await sessionsOf(store, { id: user_id }), created);
  for (const { id } of stale) guards.push({ discard: 'sessions', id });
  const values = { sid, user_id, user_agent, generation: 0, ...times };
  const session = await store.sessions.create(values, { guards });
  // A password change may have been written together with the session, and have ended it.
  return store.sessions.get(session.id);
}

/**
 * Spends a refresh token: the session moves on by one generation, or, within the leeway, stays where the token's own
 * successor has taken it.
 *
 * @throws JotError `user_gone`, `invalid_token`; a token that was spent earlier ends its session.
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
    if (age === 1 && now() - session.last_used < reuseLeewayMs) return session;
    // A number from the future comes from a data file that was restored to an older state, not from a theft.
    if (age < 0) throw revoked();
    if (age > 0) {
      await store.write([{ discard: 'sessions', id: session.id }]);
      throw revoked(`a spent refresh token of user ${session.user_id} came back, so its session was ended`);
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

/** Returns null if the write fails because the row has changed or is gone. */
export function orNullIfChanged<T>(write: Promise<T>): Promise<T | null> {
  return write.catch((error) => {
    if (error instanceof JotError && ['precondition_failed', 'not_found'].includes(error.code)) return null;
    throw error;
  });
}

// Returns the expired sessions, and the live ones that would be too many with the new one.
function staleSessions(all: readonly Session[], nowMs: number): Session[] {
  const live = all
    .filter(({ expires }) => expires > nowMs)
    .sort((one, other) => other.last_used - one.last_used);
  return [...all.filter(({ expires }) => expires <= nowMs), ...live.slice(SESSIONS_PER_USER_MAX - 1)];
}

/** @param cause What the operator should know, and the client need not. */
function revoked(cause?: string): JotError {
  return new JotError(REVOKED.code, REVOKED.message, { cause });
}
