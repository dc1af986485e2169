// Parses JSON strictly: UTF-8 without a byte order mark (RFC 8259 §8.1), an object at the top, at
// most 32 levels, and at most 10,000 values. Keys such as `__proto__` are ordinary keys:
// `JSON.parse` makes own properties of them, and no code here copies them to another object.
//
// A bound on bytes does not bound the time. V8 parses a text of a mebibyte in 2 ms, but takes 150
// for a hundred thousand keys. So levels and values are counted before V8 sees them, in one pass
// over the bytes, which needs to recognize only strings, brackets and commas.

import { JotError } from '../lib/errors.ts';

const DEPTH_MAX = 32;
// Far more than any endpoint declares.
const VALUES_MAX = 10_000;
const [QUOTE, BACKSLASH, COMMA] = [0x22, 0x5c, 0x2c];
const [ARRAY, OBJECT, ARRAY_END, OBJECT_END] = [0x5b, 0x7b, 0x5d, 0x7d];
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** @throws JotError `bad_request` with the position or the reason. */
export function parseJson(bytes: Buffer): Readonly<Record<string, unknown>> {
  const text = decodeText(bytes);
  if (text.startsWith('\uFEFF')) throw new JotError('bad_request', 'The body starts with a byte order mark');
  checkShape(bytes);
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

// The bytes of a character outside ASCII are all above 0x7f (RFC 3629 §3).
function checkShape(bytes: Buffer): void {
  let depth = 0;
  let values = 1;
  let isInString = false;
  for (let index = 0; index < bytes.length; index++) {
    const byte = bytes[index];
    if (byte === QUOTE) isInString = !isInString;
    else if (isInString) index += Number(byte === BACKSLASH);
    else if (byte === COMMA) values++;
    else if (byte === ARRAY || byte === OBJECT) {
      depth++;
      values++;
    } else if (byte === ARRAY_END || byte === OBJECT_END) depth--;
    if (depth > DEPTH_MAX) {
      throw new JotError('bad_request', `The JSON is nested more than ${DEPTH_MAX} levels deep`);
    }
    if (values > VALUES_MAX) throw new JotError('bad_request', `The JSON has more than ${VALUES_MAX} values`);
  }
}
