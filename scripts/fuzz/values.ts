// Generates values for fields and parameters: valid values, and odd values that may break the
// schema.

import { problemsOf } from './json-schema.ts';
import type { Schema } from './openapi.ts';

export type Random = () => number;

const ASCII = 'abcxyzABC0123456789 !"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~';
const UNICODE = 'äöüßéñçøłžğıİŒ日本語中文한국어ไทย😀🎉👩‍👩‍👧🏳️‍🌈𝔘𝔫𝔦𝕔𝕠𝕕𝕖שלוםمرحبا\u200f\u202e';
const SEPARATORS = [' ', '\u00a0', '\ufeff', '\0', '\u0007', '\u0085', '\u2028', '-'];
// Longer texts are ASCII, since a field may have a limit in bytes that its schema cannot express.
const UNICODE_LENGTH_MAX = 64;
// For a schema without a limit.
const LENGTH_MAX = 1_500;
const TRIES_MAX = 20;
// No pattern that all validators understand excludes names without a visible character.
const VISIBLE = /[^\p{Default_Ignorable_Code_Point}\s]/u;
const ODD_TEXTS = [
  ...'| |\t| a|a\u00a0|\u3000|\ufeff|a\u200b|\u2028|\u202eabc'.split('|'),
  ...'\0|a\0b|abcdefgh\0|\u0007|\u001b[31m|a\r\nSet-Cookie: a=b|\u007f'.split('|'),
  ...'\ud800|a\udc00|\udc00\ud800|abcdefgh\ud83d'.split('|'),
  // Unicode normalization lengthens, shortens or reorders these.
  ...`e\u0301|\u212b|ﬁ|ı|\ufb1d|\u{1d160}|${'\u0344'.repeat(30)}`.split('|'),
  ...'__proto__|constructor|toString|null|NaN|1|1e3|007|%00|../../etc/passwd'.split('|'),
];
const ODD_TYPES = [null, true, 0, -1, 1.5, 1e300, [], {}, [[]], ['a'], { length: 5 }];

export function pick<T>(random: Random, list: readonly T[]): T {
  const item = list[Math.floor(random() * list.length)];
  if (item === undefined) throw new Error('Cannot pick an item: the list is empty');
  return item;
}

export function validValue(schema: Schema, random: Random): unknown {
  const { type, items = {}, minimum = 0, maximum = 1_000 } = schema;
  if (schema.enum !== undefined) return pick(random, schema.enum);
  if (type === 'string') return validText(schema, random);
  if (type === 'integer') return pick(random, [minimum, Math.min(minimum + 7, maximum), maximum]);
  if (type === 'boolean') return random() < 0.5;
  if (type === 'array') return [validValue(items, random)];
  return validObject(schema, random);
}

export function validObject(schema: Schema, random: Random): Record<string, unknown> {
  const { properties = {}, required = [], minProperties = 0 } = schema;
  const all = Object.entries(properties);
  const some = all.filter(([name]) => required.includes(name) || random() < 0.6);
  const fields = some.length < minProperties ? all : some;
  return Object.fromEntries(fields.map(([name, each]) => [name, validValue(each, random)]));
}

function validText(schema: Schema, random: Random): string {
  const { minLength = 0, maxLength = LENGTH_MAX } = schema;
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const length = Math.min(pick(random, [minLength, minLength + 8, minLength + 20, maxLength]), maxLength);
    const isShort = length <= UNICODE_LENGTH_MAX;
    const letters = [...(isShort ? pick(random, [ASCII, UNICODE]) : ASCII)];
    const separators = isShort && random() < 0.2 ? SEPARATORS : letters;
    const next = () => pick(random, random() < 0.1 ? separators : letters);
    const text = Array.from({ length }, next).join('').normalize('NFC');
    const isVisible = text === '' || VISIBLE.test(text);
    if (isVisible && problemsOf(text, schema, 'ignored').length === 0) return text;
  }
  return String(random()).padEnd(minLength, 'x').slice(0, maxLength);
}

/**
 * Returns a value at the limits of the schema, beyond them, or of another type, or a text that
 * programs often mishandle.
 */
export function oddValue(schema: Schema, random: Random): unknown {
  const { minLength = 0, maxLength = LENGTH_MAX, minimum = 0, maximum = 1_000 } = schema;
  const letter = pick(random, ['a', 'é', '😀']);
  const lengths = [minLength - 1, minLength, maxLength, maxLength + 1, 40_000];
  const texts = lengths.map((length) => letter.repeat(Math.max(length, 0)));
  const numbers = [minimum - 1, minimum, maximum, maximum + 1];
  const limits = schema.type === 'integer' ? numbers : texts;
  return pick(random, pick<readonly unknown[]>(random, [ODD_TYPES, ODD_TEXTS, limits]));
}
