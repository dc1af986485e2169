// Holds a server's answer against what the model says it has to be, and lets the model learn what only the server can make.

import assert from 'node:assert/strict';
import type { Answer } from '../server/server.ts';
import type { Expected, Pair } from './plain-api.ts';
import type { Asked, Refused } from './plain-checks.ts';
import type { PlainState, Session } from './plain-state.ts';

const EXPIRATION_SECONDS = 300;
const REFRESH_SECONDS = 30 * 86_400;

/** @throws AssertionError where they differ. */
export function compare(state: PlainState, asked: Asked, expected: Expected, actual: Answer): void {
  const { refused, json, pair, location, next, content } = expected;
  const described = refused === undefined ? '' : `${refused.error} ${JSON.stringify(refused.details)}`;
  assert.equal(actual.status, expected.status, `${described}\nbut got ${actual.text}`);
  assert.equal(actual.headers.location, location);
  compareLink(actual.headers.link?.toString(), next ?? null);
  if (refused !== undefined) compareRefusal(asked, refused, actual);
  else if (pair !== undefined) learnPair(state, pair, actual.json);
  else if (json === undefined) assert.equal(actual.text, '');
  else assert.deepEqual(actual.json, json);
  if (pair !== undefined)
    assert.deepEqual({ ...actual.json, ...NO_TOKENS }, { ...(json as object), ...NO_TOKENS });
  if (content !== undefined) learnTag(state, asked, content, actual.headers.etag);
}

const NO_TOKENS = { access_token: '', refresh_token: '' };

function compareLink(link: string | undefined, next: (Expected['next'] & {}) | null): void {
  if (next === null) {
    assert.equal(link, undefined);
    return;
  }
  const target = /^<([^>]+)>; rel="next"$/.exec(link ?? '')?.[1];
  const { pathname, searchParams } = new URL(target ?? '', 'http://localhost');
  const query = {
    limit: Number(searchParams.get('limit')),
    after: Number(searchParams.get('after')),
    order: searchParams.get('order') ?? 'asc',
  };
  assert.deepEqual({ path: pathname, query }, next);
}

function compareRefusal(
  { method }: Asked,
  { status, error, details }: Refused,
  { headers, json, text }: Answer,
): void {
  if (status === 401) assert.equal(headers['www-authenticate'], 'JWT realm="Login Required"');
  if (details.allow !== undefined) {
    assert.deepEqual(headers.allow?.split(', ').sort(), [...details.allow].sort());
  }
  if (method === 'HEAD') {
    assert.equal(text, '');
    return;
  }
  const { description, fields = {}, ...rest } = json;
  assert.deepEqual(rest, { status_code: status, error });
  assert.match(description, /./);
  assert.equal(description, details.description ?? description);
  assert.deepEqual(Object.keys(fields).sort(), [...(details.fields ?? [])].sort());
}

function learnTag(state: PlainState, { path }: Asked, content: string, tag: string | undefined): void {
  assert.match(tag ?? '', /^"[\x21\x23-\x7e]+"$/);
  if (tag === undefined) return;
  assert.equal(state.contents.get(tag) ?? content, content, 'one tag for two contents');
  state.contents.set(tag, content);
  state.lastTags.set(path, tag);
}

function learnPair(state: PlainState, { userId, session, userAgent }: Pair, json: Answer['json']): void {
  const access = claimsIn(json.access_token);
  const refresh = claimsIn(json.refresh_token);
  const { sid } = access;
  const now = state.now();
  if (session === null)
    assert.ok(typeof sid === 'string' && !state.sessions.has(sid), 'a session of its own');
  const known: Session = session ?? { sid, userId, userAgent, created: now, generation: 0, lastUsed: now };
  const { generation } = known;
  const fresh = session === null;
  const madeAt = Math.floor(now / 1000);
  const exp = madeAt + EXPIRATION_SECONDS;
  assert.deepEqual(access, { identity: userId, iat: madeAt, nbf: madeAt, exp, sid: known.sid, fresh });
  const iat = Math.floor(known.lastUsed / 1000);
  const refreshExp = iat + REFRESH_SECONDS;
  assert.deepEqual(refresh, { identity: userId, iat, nbf: iat, exp: refreshExp, sid: known.sid, generation });

  state.sessions.set(known.sid, known);
  const common = { identity: userId, sid: known.sid, fresh, generation };
  state.tokens.set(json.access_token, { kind: 'access', ...common, exp });
  state.tokens.set(json.refresh_token, { kind: 'refresh', ...common, exp: refreshExp });
}

// biome-ignore lint/suspicious/noExplicitAny: what is in it is asserted.
function claimsIn(token: string): any {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
}
