// Bodies that somebody could send to where a post is written, each with what the contract says becomes of it.

import { gzipSync } from 'node:zlib';

/** Room for a body in these tests: small enough that one which is too large is quickly made. */
export const BODY_BYTES_MAX = 4_096;

export interface HostileBody {
  readonly reason: string;
  /** Default: `application/json`; null is none. */
  readonly type?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
  /** The post that is made of it; absent where it is refused. */
  readonly post?: { readonly title: string; readonly body: string };
  /** The status where it is refused; default 400. */
  readonly status?: number;
  /** The fields that are named; absent where the body could not be read at all. */
  readonly fields?: readonly string[];
}

const FORM = 'application/x-www-form-urlencoded';
const GOOD = '{"title":"a","body":"b"}';
const AB = { title: 'a', body: 'b' };

/** A good body with something more in it. */
const with_ = (more: string) => `{"title":"a",${more},"body":"b"}`;
/** A good body whose title is this piece of JSON. */
const titled = (json: string) => `{"title":${json},"body":"b"}`;
const nested = (levels: number, open: string, close: string) => open.repeat(levels) + close.repeat(levels);
const bytes = (before: string, middle: number[], after: string) =>
  Buffer.concat([Buffer.from(before), Buffer.from(middle), Buffer.from(after)]);

export const encodings: readonly HostileBody[] = [
  { reason: 'a byte that is never UTF-8', body: bytes('{"title":"', [0xff], '","body":""}') },
  { reason: 'the same in a key that nobody knows', body: bytes('{"', [0xfe], '":1,"title":"a","body":"b"}') },
  { reason: 'Latin-1', body: bytes('{"title":"caf', [0xe9], '","body":""}') },
  { reason: 'an overlong NUL', body: bytes('{"title":"', [0xc0, 0x80], '","body":""}') },
  { reason: 'an overlong quotation mark', body: bytes('{"title":"', [0xc0, 0xa2], '","body":""}') },
  { reason: 'a surrogate in UTF-8', body: bytes('{"title":"', [0xed, 0xa0, 0x80], '","body":""}') },
  { reason: 'past the last code point', body: bytes('{"title":"', [0xf4, 0x90, 0x80, 0x80], '","body":""}') },
  { reason: 'half a character at the end', body: bytes(GOOD, [0xe2, 0x82], '') },
  { reason: 'a byte order mark', body: `\uFEFF${GOOD}` },
  { reason: 'UTF-16 with its mark', body: Buffer.from(`\uFEFF${GOOD}`, 'utf16le') },
  { reason: 'UTF-16 without', body: Buffer.from(GOOD, 'utf16le') },
  { reason: 'nothing but zeros', body: Buffer.alloc(64) },
  { reason: 'a gzip file that does not say so', body: gzipSync(GOOD) },
  {
    reason: 'a byte order mark inside a text',
    body: titled('"\uFEFF"'),
    post: { title: '\uFEFF', body: 'b' },
  },
];

export const syntax: readonly HostileBody[] = [
  { reason: 'only a space', body: ' ' },
  { reason: 'a comma at the end', body: '{"title":"a","body":"b",}' },
  { reason: 'a comment', body: '{"title":"a","body":"b"/* */}' },
  { reason: 'single quotes', body: "{'title':'a','body':'b'}" },
  { reason: 'keys without quotes', body: '{title:"a",body:"b"}' },
  { reason: 'NaN', body: with_('"x":NaN') },
  { reason: 'Infinity', body: with_('"x":-Infinity') },
  { reason: 'a number with a zero in front', body: with_('"x":01') },
  { reason: 'a hexadecimal number', body: with_('"x":0x1') },
  { reason: 'a line break in a text', body: titled('"a\nb"') },
  { reason: 'a NUL in a text', body: titled('"a\0b"') },
  { reason: 'an escape that is none', body: titled('"\\x41"') },
  { reason: 'an escape that is not whole', body: titled('"\\u12"') },
  { reason: 'text behind it', body: `${GOOD}x` },
  { reason: 'a second body behind it', body: GOOD + GOOD },
  { reason: 'a no-break space before it, which is no white space of JSON', body: `\u00a0${GOOD}` },
  { reason: 'white space around it', body: ` \t\r\n${GOOD}\n`, post: AB },
  { reason: 'an array at the top', body: `[${GOOD}]` },
  { reason: 'an empty array at the top', body: '[]' },
  { reason: 'null at the top', body: 'null' },
  { reason: 'true at the top', body: 'true' },
  { reason: 'a number at the top', body: '0' },
  { reason: 'a number that is none at the top', body: '1e400' },
  { reason: 'a text at the top', body: JSON.stringify(GOOD) },
];

export const nesting: readonly HostileBody[] = [
  { reason: '32 levels', body: with_(`"x":${nested(31, '[', ']')}`), post: AB },
  { reason: '33 levels', body: with_(`"x":${nested(32, '[', ']')}`) },
  { reason: '33 levels of objects', body: with_(`"x":${nested(32, '{"x":', '}').replace('}', '0}')}`) },
  { reason: 'as many brackets as fit', body: '['.repeat(BODY_BYTES_MAX) },
  { reason: 'as many beginnings of objects as fit', body: '{"":'.repeat(BODY_BYTES_MAX / 4) },
  {
    reason: 'brackets in a text, which are no nesting',
    body: titled(`"${'[{'.repeat(99)}"`),
    post: { title: '[{'.repeat(99), body: 'b' },
  },
  {
    reason: 'brackets in a text behind an escaped quotation mark',
    body: titled(`"\\"${'['.repeat(40)}"`),
    post: { title: `"${'['.repeat(40)}`, body: 'b' },
  },
  {
    reason: 'brackets behind a text that ends with an escaped backslash',
    body: `{"x":"\\\\","y":${nested(32, '[', ']')},"title":"a","body":"b"}`,
  },
  { reason: 'siblings, which are no nesting', body: with_(`"x":[${'[],'.repeat(99)}[]]`), post: AB },
];

export const values: readonly HostileBody[] = [
  { reason: 'nothing that is wanted', body: '{}', fields: ['title', 'body'] },
  { reason: 'an array for a text', body: titled('["a"]'), fields: ['title'] },
  { reason: 'an object for a text', body: titled('{"toString":"a"}'), fields: ['title'] },
  { reason: 'null for a text', body: titled('null'), fields: ['title'] },
  { reason: 'a number for a text', body: titled('1'), fields: ['title'] },
  { reason: 'a number past all numbers for a text', body: titled('1e400'), fields: ['title'] },
  { reason: 'both wrong', body: '{"title":"","body":false}', fields: ['title', 'body'] },
  { reason: 'a high surrogate alone', body: titled('"\\ud800"'), fields: ['title'] },
  { reason: 'a low surrogate alone', body: '{"title":"a","body":"\\udc00"}', fields: ['body'] },
  { reason: 'surrogates the wrong way round', body: titled('"\\udc00\\ud800"'), fields: ['title'] },
  { reason: 'surrogates that are a pair', body: titled('"\\ud834\\udd1e"'), post: { title: '𝄞', body: 'b' } },
  {
    reason: '200 characters outside of the BMP',
    body: titled(`"${'𝄞'.repeat(200)}"`),
    post: { title: '𝄞'.repeat(200), body: 'b' },
  },
  { reason: '201 of them', body: titled(`"${'𝄞'.repeat(201)}"`), fields: ['title'] },
  { reason: 'a NUL, written as an escape', body: titled('"\\u0000"'), post: { title: '\0', body: 'b' } },
  { reason: 'HTML, which is only text', body: titled('"<script>"'), post: { title: '<script>', body: 'b' } },
  {
    reason: 'line ends of every kind',
    body: titled('"\\r\\n\u2028\u2029"'),
    post: { title: '\r\n\u2028\u2029', body: 'b' },
  },
  {
    reason: 'as long as a body may be',
    body: `{"title":"a","body":"${'x'.repeat(BODY_BYTES_MAX - 23)}"}`,
    post: { title: 'a', body: 'x'.repeat(BODY_BYTES_MAX - 23) },
  },
  {
    reason: 'one byte longer',
    body: `{"title":"a","body":"${'x'.repeat(BODY_BYTES_MAX - 22)}"}`,
    status: 413,
  },
  { reason: 'a hundred times that', body: 'x'.repeat(BODY_BYTES_MAX * 100), status: 413 },
];

export const keys: readonly HostileBody[] = [
  { reason: '__proto__ instead of the fields', body: `{"__proto__":${GOOD}}`, fields: ['title', 'body'] },
  { reason: '__proto__ beside them', body: with_('"__proto__":{"isAdmin":true,"title":"z"}'), post: AB },
  { reason: 'constructor.prototype', body: with_('"constructor":{"prototype":{"isAdmin":true}}'), post: AB },
  {
    reason: 'names of methods',
    body: with_('"toString":1,"valueOf":null,"hasOwnProperty":0,"toJSON":{}'),
    post: AB,
  },
  {
    reason: 'names of other fields of a post',
    body: with_('"id":99,"user_id":99,"version":9,"created":0,"user":{}'),
    post: AB,
  },
  {
    reason: 'half a character and a number past all numbers in what nobody keeps',
    body: with_('"x":"\\ud800","\\udfff":1e400'),
    post: AB,
  },
  { reason: 'a key twice: the last one', body: '{"title":"z","title":"a","body":"b"}', post: AB },
  {
    reason: 'a key twice: the last one, though it is wrong',
    body: '{"title":"a","title":1,"body":"b"}',
    fields: ['title'],
  },
  { reason: 'a key twice, once as an escape', body: '{"title":"z","body":"b","\\u0074itle":"a"}', post: AB },
  { reason: 'another case', body: '{"Title":"a","BODY":"b"}', fields: ['title', 'body'] },
  { reason: 'an empty key', body: with_('"":1'), post: AB },
  {
    reason: 'hundreds of keys',
    body: with_(Array.from({ length: 500 }, (_, n) => `"${n}":0`).join()),
    post: AB,
  },
];

export const types: readonly HostileBody[] = [
  ...[
    'application/json;charset=utf-8',
    'Application/JSON; Charset="UTF-8"',
    'application/json;',
    'application/json; version=1',
    'application/vnd.api+json',
    'application/problem+json; charset=utf-8',
  ].map((type) => ({ reason: 'JSON', type, body: GOOD, post: AB })),
  { reason: 'none named', type: null, body: GOOD, status: 415 },
  ...[
    ['', 'empty'],
    ['text/plain', 'plain text, which a page of another origin may send without asking'],
    ['text/json', 'never registered'],
    ['application/jsonp', 'longer than JSON'],
    ['application/x+jsonx', 'only like +json'],
    ['application/+json', 'nothing before the +'],
    ['json', 'half a type'],
    ['*/*', 'a range'],
    ['application/json, text/plain', 'two'],
    ['multipart/form-data; boundary=x', 'the other kind of form'],
    ['application/json; charset=iso-8859-1', 'another charset'],
    ['application/json; charset=utf-16', 'another Unicode'],
    ['application/json; charset=', 'no charset'],
    [`${FORM}; charset=latin1`, 'another charset for a form'],
  ].map(([type, reason]) => ({ reason: String(reason), type: String(type), body: GOOD, status: 415 })),
  ...['gzip', 'br', 'identity', 'x'].map((coding) => ({
    reason: `Content-Encoding: ${coding}`,
    headers: { 'content-encoding': coding },
    body: coding === 'gzip' ? gzipSync(GOOD) : GOOD,
    status: 415,
  })),
];

export const forms: readonly HostileBody[] = [
  { reason: 'a form', body: 'title=a&body=b', post: AB },
  { reason: 'a form in UTF-8', type: `${FORM}; charset=UTF-8`, body: 'title=a&body=b', post: AB },
  { reason: 'escapes', body: '%74itle=%C3%A9+%2B&body=%00', post: { title: 'é +', body: '\0' } },
  { reason: 'bytes of UTF-8 without escapes', body: 'title=é&body=', post: { title: 'é', body: '' } },
  { reason: 'nothing between the ampersands', body: '&&title=a&&body=b&', post: AB },
  { reason: 'more equal signs', body: 'title=a=b==&body', post: { title: 'a=b==', body: '' } },
  { reason: 'JSON', body: GOOD, fields: ['title', 'body'] },
  { reason: 'a key twice', body: 'title=a&title=b&body=c', fields: ['title'] },
  { reason: 'a key twice, once as an escape', body: 'title=a&body=b&%74itle=a', fields: ['title'] },
  { reason: 'both keys thrice', body: 'title=a&body=b&'.repeat(3), fields: ['title', 'body'] },
  { reason: 'a key that nobody knows twice', body: 'x=1&x=2&title=a&body=b', post: AB },
  { reason: 'a key like an array', body: 'title[]=a&body=b', fields: ['title'] },
  { reason: '__proto__', body: '__proto__=x&__proto__=y&constructor=z&title=a&body=b', post: AB },
  { reason: '__proto__ with brackets', body: '__proto__[isAdmin]=1&title=a&body=b', post: AB },
  { reason: 'a percent sign alone', body: 'title=100%&body=b' },
  { reason: 'an escape of half a byte', body: 'title=%4&body=b' },
  { reason: 'an escape of no number', body: 'title=%zz&body=b' },
  { reason: 'an escape in a key that nobody knows', body: 'title=a&body=b&%=1' },
  { reason: 'an escape that is not UTF-8', body: 'title=%ff&body=b' },
  { reason: 'a surrogate as an escape', body: 'title=%ED%A0%80&body=b' },
  { reason: 'a byte that is not UTF-8', body: bytes('title=', [0xff], '&body=b') },
  { reason: 'too long a title', body: `title=${'a'.repeat(201)}&body=b`, fields: ['title'] },
  { reason: 'too long a body', body: `title=a&body=${'%20'.repeat(BODY_BYTES_MAX)}`, status: 413 },
].map((row) => ({ type: FORM, ...row }));
