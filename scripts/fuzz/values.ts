// Values for fields: such as a schema wants, and such as nobody should send.

import { propertiesOf } from './document.ts';
import type { Schema } from './json-schema.ts';

export type Random = () => number;

const ALPHABETS = [
  'abcdefghijklmnopqrstuvwxyz0123456789',
  'ABC xyz!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~',
  'äöüßéñçøłžğıİŒ',
  '日本語中文한국어ไทย',
  '😀🎉👩‍👩‍👧🏳️‍🌈𝔘𝔫𝔦𝕔𝕠𝕕𝕖',
  'שלוםمرحبا\u200f\u202e',
];
// Longer texts are plain, so that a limit in bytes is not met by accident.
const ANY_ALPHABET_LENGTH_MAX = 64;
// As long as a text gets that the schema sets no limit to.
const LENGTH_MAX = 1_500;
const EDGES = [' ', '\u00a0', '\ufeff', '\0', '\u0007', '\u0085', '\u2028', '-'];

export function pick<T>(random: Random, list: readonly T[]): T {
  const item = list[Math.floor(random() * list.length)];
  if (item === undefined) throw new Error('There is nothing to pick from');
  return item;
}

/** A value that the schema takes. */
export function validValue(schema: Schema, random: Random): unknown {
  if (Array.isArray(schema.enum)) return pick(random, schema.enum);
  if (schema.type === 'integer') return validInteger(schema, random);
  if (schema.type === 'string') return validText(schema, random);
  const required = Array.isArray(schema.required) ? schema.required : [];
  const fields = propertiesOf(schema).map(([name, each]) => [name, validValue(each, random)] as const);
  const given = fields.filter(([name]) => required.includes(name) || random() < 0.6);
  return Object.fromEntries(given.length > 0 ? given : fields);
}

/** A value that the schema may or may not take: at its limits, past them, of another type, or plainly strange. */
export function oddValue(schema: Schema, random: Random): unknown {
  const { minLength = 0, maxLength = LENGTH_MAX } = schema;
  const letters = (length: unknown, letter = 'a') => letter.repeat(Math.max(0, Number(length)));
  return pick<() => unknown>(random, [
    () => pick(random, [null, true, 0, -1, 1.5, 1e300, [], {}, [[]], { length: 5 }, ['a']]),
    () => letters(Number(minLength) - 1),
    () => letters(minLength),
    () => letters(maxLength, pick(random, ['a', '😀', 'é'])),
    () => letters(Number(maxLength) + 1, pick(random, ['a', '😀'])),
    () => pick(random, [letters(1_024), letters(1_025), letters(513, 'é'), letters(40_000)]),
    () => pick(random, ['', ' ', '\t', ' a', 'a\u00a0', '\u3000', '\ufeff', '\u200b', '\u2028']),
    () =>
      pick(random, ['\0', 'a\0b', 'abcdefgh\0', 'a\u0007', '\u001b[31m', 'a\r\nSet-Cookie: a=b', '\u007f']),
    () => pick(random, ['\ud800', 'a\udc00', '\udc00\ud800', 'abcdefgh\ud83d']),
    () => pick(random, ['e\u0301', '\u212b', 'ﬁ', 'ı', '\ufb1d', letters(30, '\u0344'), '\u{1d160}']),
    () => pick(random, ['__proto__', 'constructor', 'toString', '1', 'null', 'NaN', "' OR 1=1 --"]),
    () => pick(random, ['<script>alert(1)</script>', '../../etc/passwd', '%00', '{{7*7}}', '\u202eabc']),
  ])();
}

/** Bodies that are no JSON object that anybody should send. */
export function oddBody(json: string, random: Random): string {
  const cut = Math.floor(random() * json.length);
  return pick(random, [
    ...['', 'null', '[]', '"text"', '7', 'true', '{', '}', '{"', '{"a":}', '{"a":1,}', "{'a':1}", 'NaN'],
    json.slice(0, cut),
    `${json}${json}`,
    `${json} trailing`,
    `\u00ef\u00bb\u00bf${json}`,
    `${json.slice(0, cut)}\u00ff${json.slice(cut)}`,
    `${json.slice(0, cut)}\0${json.slice(cut)}`,
    `/* comment */ ${json}`,
    json.replaceAll('"', "'"),
    '{"a":1e999,"b":-0,"c":0.1e-999}',
    `{"a":${'['.repeat(31)}${']'.repeat(31)}}`,
    `{"a":${'['.repeat(32)}${']'.repeat(32)}}`,
    '{"a":'.repeat(10_000),
    ' '.repeat(64 * 1024 - json.length) + json,
    ' '.repeat(64 * 1024 + 1 - json.length) + json,
    json.replace(/^\{/, '{"__proto__":{"admin":true},"constructor":null,'),
    json.replace(/^\{/, '{"id":1,"user_id":1,"version":9,"password_hash":"x",'),
    json.replace(/^\{("\w+":)/, '{$1"once",$1'),
    '{"\\ud800":1}',
    '{"a":"\\uZZZZ"}',
    '{"a":"\t"}',
    `{${'"a":1,'.repeat(5_000)}"b":2}`,
  ]);
}

function validInteger({ minimum, maximum }: Schema, random: Random): number {
  const least = Number(minimum);
  const most = Number(maximum);
  const near = least + Math.floor(random() * Math.min(20, most - least));
  return pick(random, [least, near, near, most]);
}

function validText(schema: Schema, random: Random): string {
  const least = Number(schema.minLength ?? 0);
  const most = Math.min(Number(schema.maxLength ?? LENGTH_MAX), LENGTH_MAX);
  const length = pick(random, [least, Math.min(least + 8, most), Math.min(least + 20, most), most]);
  const some = length > ANY_ALPHABET_LENGTH_MAX ? ALPHABETS.slice(0, 2) : ALPHABETS;
  const letters = [...pick(random, some)];
  const edges = length > ANY_ALPHABET_LENGTH_MAX ? EDGES.filter((each) => each < '\u0080') : EDGES;
  const isFitting = (text: string) =>
    schema.pattern === undefined || new RegExp(String(schema.pattern), 'u').test(text);
  for (let tries = 0; tries < 20; tries++) {
    const inner = Array.from({ length: Math.max(0, length - 1) }, () => pick(random, letters)).join('');
    const edge = length === 0 ? '' : pick(random, random() < 0.1 ? edges : letters);
    const text = (random() < 0.5 ? edge + inner : inner + edge).normalize('NFC');
    const size = [...text].length;
    if (size >= least && size <= most && isFitting(text)) return text;
  }
  return `${Math.floor(random() * 1e9)}`.padStart(Math.max(least, 1), 'x').slice(0, most);
}
