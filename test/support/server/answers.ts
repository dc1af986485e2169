// Assertions about responses that many tests share.

import assert from 'node:assert/strict';
import type { Answer } from './server.ts';

/** Asserts the status and the body of an error. */
export function assertFailure(
  answer: Answer,
  status: number,
  error: string,
  description: string,
  more: object = {},
): void {
  assertHas(answer.json, { status_code: status, error, description, ...more });
  assert.equal(answer.status, status);
}

/** Asserts a 400 that names exactly these fields. */
export function assertFields(answer: Answer, fields: Readonly<Record<string, string>>): void {
  const description = `Not valid: ${Object.keys(fields).join(', ')}`;
  assertFailure(answer, 400, 'Bad Request', description);
  assert.deepEqual(answer.json.fields, fields);
}

const codesByError: Readonly<Record<string, string>> = {
  'Authorization Required': 'authorization_required',
  'Bad Request': 'invalid_credentials',
  'Fresh Token Required': 'fresh_token_required',
  'Invalid JWT': 'user_gone',
  'Invalid JWT header': 'invalid_header',
  'Invalid token': 'token_invalid',
};
const codesByDescription: Readonly<Record<string, string>> = {
  'Signature has expired': 'token_expired',
  'Token has been revoked': 'token_revoked',
};

/** Asserts a 401 with its code and challenge. */
export function assertUnauthorized(answer: Answer, error: string, description: string): void {
  const code = codesByDescription[description] ?? codesByError[error];
  assertFailure(answer, 401, error, description, { code });
  assert.equal(answer.headers['www-authenticate'], 'JWT realm="Login Required"');
}

/**
 * Asserts only the fields that `expected` names, at every depth, so that a new field breaks no
 * test.
 */
export function assertHas(actual: unknown, expected: unknown): void {
  assert.deepEqual(reduced(actual, expected), expected);
}

function reduced(actual: unknown, expected: unknown): unknown {
  if (Array.isArray(actual) && Array.isArray(expected)) {
    return actual.map((each, index) => reduced(each, expected[index]));
  }
  if (!isObject(actual) || !isObject(expected)) return actual;
  const named = Object.entries(actual).filter(([name]) => Object.hasOwn(expected, name));
  return Object.fromEntries(named.map(([name, value]) => [name, reduced(value, expected[name])]));
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

/** Returns the target of `Link: …; rel="next"`; null if there is no `Link`. */
export function nextOf({ headers }: Answer): string | null {
  const { link } = headers;
  if (link === undefined) return null;
  const target = /^<([^<>]+)>; rel="next"$/.exec(String(link))?.[1];
  assert.ok(target !== undefined, `not a link to the next page: ${link}`);
  return target;
}

/** Returns a header that must be there, once. */
export function headerOf({ headers }: Answer, name: string): string {
  const value = headers[name];
  assert.equal(typeof value, 'string', `the answer has no ${name}`);
  return String(value);
}

/** Returns the header and the payload of a token, without checking it. */
// biome-ignore lint/suspicious/noExplicitAny: tests assert what is in it.
export function partsOf(token: string): { readonly header: any; readonly payload: any } {
  const [header = '', payload = ''] = token
    .split('.')
    .map((part) => Buffer.from(part, 'base64url').toString());
  return { header: JSON.parse(header), payload: JSON.parse(payload) };
}
