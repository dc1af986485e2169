// JSON, read strictly: UTF-8 without a byte order mark (RFC 8259 §8.1), an object at the top, and no deeper than anybody
// needs. Keys like `__proto__` are keys like any other: `JSON.parse` makes own properties of them, and nothing here
// copies them to where they would be more.

import { JotError } from '../lib/errors.ts';
import { firstMisfit } from './json-syntax.ts';

const DEPTH_MAX = 32;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const BRACE_BIT = 0x20;
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** @throws JotError `bad_request` that says where or why. */
export function parseJson(bytes: Buffer): Readonly<Record<string, unknown>> {
  const text = decodeText(bytes);
  if (text.startsWith('\uFEFF')) throw new JotError('bad_request', 'The body starts with a byte order mark');
  if (isDeeperThan(text, DEPTH_MAX)) {
    throw new JotError('bad_request', `The JSON is nested more than ${DEPTH_MAX} levels deep`);
  }
  const value = parse(text);
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
  } catch {
    // The engine's own message quotes the text around the place, and that may be a password.
    const at = firstMisfit(text);
    const where = at === text.length ? 'it ends too early' : `unexpected input at character ${at + 1}`;
    throw new JotError('bad_request', `The body is not JSON: ${where}`);
  }
}

function isDeeperThan(text: string, depthMax: number): boolean {
  let depth = 0;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === QUOTE) index = stringEnd(text, index);
    // `[` and `{` differ in one bit, and so do `]` and `}`; nothing else becomes one of them with it.
    else if ((code | BRACE_BIT) === OPEN_BRACE && ++depth > depthMax) return true;
    else if ((code | BRACE_BIT) === CLOSE_BRACE) depth--;
  }
  return false;
}

/** The index of the quote that ends the string which starts here, or the text's length. */
function stringEnd(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (end !== -1 && isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end === -1 ? text.length : end;
}

// Of an even number of backslashes each second one is the text of the one before it.
function isEscaped(text: string, at: number): boolean {
  let first = at;
  while (text.charCodeAt(first - 1) === BACKSLASH) first--;
  return (at - first) % 2 === 1;
}
