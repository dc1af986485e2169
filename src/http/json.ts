// Parses JSON strictly: UTF-8 without a byte order mark (RFC 8259 §8.1), an object at the top, and
// at most 32 levels. Keys such as `__proto__` are ordinary keys: `JSON.parse` makes own properties
// of them, and no code here copies them to another object.

import { JotError } from '../lib/errors.ts';

const DEPTH_MAX = 32;
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** @throws JotError `bad_request` with the position or the reason. */
export function parseJson(bytes: Buffer): Readonly<Record<string, unknown>> {
  const text = decodeText(bytes);
  if (text.startsWith('\uFEFF')) throw new JotError('bad_request', 'The body starts with a byte order mark');
  const value = parse(text);
  // Checked after parsing, since V8's parser handles any depth without recursion.
  if (isDeeperThan(DEPTH_MAX, value)) {
    throw new JotError('bad_request', `The JSON is nested more than ${DEPTH_MAX} levels deep`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new JotError('bad_request', 'The JSON must be an object');
  }
  return value as Record<string, unknown>;
}

/** @throws JotError `bad_request` for bytes that are not UTF-8. */
export function decodeText(bytes: Buffer): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new JotError('bad_request', 'The body is not UTF-8');
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new JotError('bad_request', `The body is not JSON: ${reasonIn((error as Error).message)}`);
  }
}

// V8's message may quote the text, which may hold a password. So only the position is taken from
// it, which V8 includes whenever it does not quote.
function reasonIn(message: string): string {
  if (message === 'Unexpected end of JSON input') return 'it ends too early';
  const [, position] = /at position (\d+)(?: \(line \d+ column \d+\))?$/.exec(message) ?? [];
  return position === undefined
    ? 'unexpected input'
    : `unexpected input at character ${Number(position) + 1}`;
}

function isDeeperThan(depthMax: number, value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return depthMax === 0 || Object.values(value).some((member) => isDeeperThan(depthMax - 1, member));
}
