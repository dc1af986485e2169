// JSON, read strictly: UTF-8 without a byte order mark (RFC 8259 §8.1), an object at the top, and no deeper than anybody
// needs. Keys like `__proto__` are keys like any other: `JSON.parse` makes own properties of them, and nothing here
// copies them to where they would be more.

import { JotError } from '../lib/errors.ts';
import { firstMisfit } from './json-syntax.ts';

const DEPTH_MAX = 32;
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
    const where = at === text.length ? 'it ends too early' : `unexpected input at character ${at}`;
    throw new JotError('bad_request', `The body is not JSON: ${where}`);
  }
}

function isDeeperThan(text: string, depthMax: number): boolean {
  let depth = 0;
  let inString = false;
  for (let index = 0; index < text.length; index++) {
    const character = text[index];
    if (inString && character === '\\') index++;
    else if (character === '"') inString = !inString;
    else if (!inString && (character === '{' || character === '[') && ++depth > depthMax) return true;
    else if (!inString && (character === '}' || character === ']')) depth--;
  }
  return false;
}
