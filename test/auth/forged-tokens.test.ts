// Every token here is made from one that `verify` accepts, by one change, and where it can be it is signed again with
// the server's key: what refuses it is the check its row is about, and no other.

import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { describe, it } from 'node:test';
import { verify } from '../../src/auth/jwt.ts';

type Fields = Readonly<Record<string, unknown>>;
type Row = { readonly reason: string; readonly token: string; readonly message: string };

const NOW = 1_700_000_000;
const SECRET = 'the server alone knows this text';
const OTHER_SECRET = 'and this one, for its second key';
const ATTACKER = 'what the attacker signs with, 32';
const KEYS = [
  { kid: 'k1>>>???', secret: SECRET },
  { kid: 'k2', secret: OTHER_SECRET },
];

// With these values every segment holds both "-" and "_", and has bits to spare in its last character.
const HEADER = { typ: 'JWT', alg: 'HS256', kid: 'k1>>>???' };
const CLAIMS = { identity: 1, iat: NOW, nbf: NOW, exp: NOW + 300, sid: 's1>>>???' };

const headerText = encode(JSON.stringify(HEADER));
const payloadText = encode(JSON.stringify(CLAIMS));
const signed = `${headerText}.${payloadText}`;
const mac = hmac('sha256', signed);
const VALID = `${signed}.${encode(mac)}`;

function encode(data: string | Buffer): string {
  return Buffer.from(data as string).toString('base64url');
}

function hmac(hash: string, text: string, secret = SECRET): Buffer {
  return createHmac(hash, secret).update(text).digest();
}

function missing(claim: string): string {
  return `Token is missing the "${claim}" claim`;
}

/** A token of these two segments, rightly signed. */
function seal(header: string, payload: string, secret = SECRET): string {
  return `${header}.${payload}.${encode(hmac('sha256', `${header}.${payload}`, secret))}`;
}

function withHeader(changes: Fields, secret = SECRET): string {
  return seal(encode(JSON.stringify({ ...HEADER, ...changes })), payloadText, secret);
}

function withClaims(changes: Fields, secret = SECRET): string {
  return seal(headerText, encode(JSON.stringify({ ...CLAIMS, ...changes })), secret);
}

/** The claim is written as this JSON text, or left out. */
function withClaimText(name: string, text: string | undefined): string {
  const others = Object.entries({ ...CLAIMS, [name]: undefined })
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`);
  const all = text === undefined ? others : [...others, `"${name}":${text}`];
  return seal(headerText, encode(`{${all.join()}}`));
}

/** Header or payload is these bytes. */
function withDocument(segment: 'header' | 'payload', bytes: string | Buffer): string {
  return segment === 'header' ? seal(encode(bytes), payloadText) : seal(headerText, encode(bytes));
}

function withSignature(bytes: Buffer): string {
  return `${signed}.${encode(bytes)}`;
}

/** A valid token of this length: spaces after its payload, and one in its header to make the remainder come out even. */
function ofLength(length: number): string {
  const header = encode('{"typ":"JWT","alg":"HS256", "kid":"k1>>>???"}');
  const payloadLength = length - header.length - encode(mac).length - 2;
  return seal(header, encode(JSON.stringify(CLAIMS).padEnd(Math.floor((payloadLength * 3) / 4))));
}

function flipped(bytes: Buffer, byte: number, bit: number): Buffer {
  return Buffer.from(bytes.map((value, index) => (index === byte ? value ^ (1 << bit) : value)));
}

function withStrayBits(text: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  return text.slice(0, -1) + alphabet.charAt(alphabet.indexOf(text.slice(-1)) + 1);
}

/** Rows by reason, all with the same message. */
function refused(message: string, tokens: Readonly<Record<string, string>>): Row[] {
  return Object.entries(tokens).map(([reason, token]) => ({ reason, token, message }));
}

/** Tokens by reason, one for each value. */
function each(reason: string, values: readonly unknown[], make: (value: unknown) => string) {
  return Object.fromEntries(values.map((value) => [`${reason} ${JSON.stringify(value)}`, make(value)]));
}

// A lenient decoder reads the same bytes from most of these, so they would be "the same" token.
const SPOILED: Readonly<Record<string, (text: string) => string>> = {
  padding: (text) => text + '='.repeat(-text.length & 3),
  'padding where none belongs': (text) => `${text}====`,
  'a + for its -': (text) => text.replace('-', '+'),
  'a / for its _': (text) => text.replace('_', '/'),
  'stray bits at its end': withStrayBits,
  'a space before it': (text) => ` ${text}`,
  'a space inside': (text) => `${text.slice(0, 8)} ${text.slice(8)}`,
  'a line end inside': (text) => `${text.slice(0, 8)}\r\n${text.slice(8)}`,
  'a newline after it': (text) => `${text}\n`,
  'a tab after it': (text) => `${text}\t`,
  'a NUL after it': (text) => `${text}\0`,
  'an asterisk inside': (text) => `${text.slice(0, 8)}*${text.slice(8)}`,
  'a percent escape': (text) => text.replace('-', '%2D'),
  'a letter outside ASCII': (text) => `${text}é`,
  'a lone character after whole groups': (text) => `${text.slice(0, 24)}A`,
};

const NOT_CANONICAL = Object.entries(SPOILED).flatMap(([what, spoil]) => [
  ...refused('The header is not canonical base64url', {
    [`whose header has ${what}`]: seal(spoil(headerText), payloadText),
  }),
  ...refused('The payload is not canonical base64url', {
    [`whose payload has ${what}`]: seal(headerText, spoil(payloadText)),
  }),
  ...refused('The signature is not canonical base64url', {
    [`whose signature has ${what}`]: `${signed}.${spoil(encode(mac))}`,
  }),
]);

const NOT_DOCUMENTS = (['header', 'payload'] as const).flatMap((segment) => {
  const json = JSON.stringify(segment === 'header' ? HEADER : CLAIMS);
  const holding = (...bytes: number[]) =>
    Buffer.concat([Buffer.from(`${json.slice(0, -1)},"x":"`), Buffer.from(bytes), Buffer.from('"}')]);
  const refusedAs = (problem: string, documents: Readonly<Record<string, string | Buffer>>) =>
    Object.entries(documents).map(([what, bytes]) => ({
      reason: `whose ${segment} is ${what}`,
      token: withDocument(segment, bytes),
      message: `The ${segment} is not ${problem}`,
    }));
  return [
    ...refusedAs('JSON in UTF-8', {
      empty: '',
      'truncated JSON': json.slice(0, -1),
      'JSON with more after it': `${json}{}`,
      'JSON with a NUL after it': `${json}\0`,
      'JSON after a byte order mark': `\ufeff${json}`,
      'JSON with a comma too many': `${json.slice(0, -1)},}`,
      'JSON with single quotes': json.replaceAll('"', "'"),
      'plain text': 'HS256',
      'UTF-16': Buffer.from(json, 'utf16le'),
      'JSON with a byte of Latin-1': holding(0xe9),
      'JSON with half a UTF-8 sequence': holding(0xe2, 0x82),
      'JSON with an overlong UTF-8 sequence': holding(0xc0, 0xaf),
      'JSON with a surrogate in UTF-8': holding(0xed, 0xa0, 0x80),
    }),
    ...refusedAs('a JSON object', {
      'an array': `[${json}]`,
      'an empty array': '[]',
      null: 'null',
      true: 'true',
      'a string': JSON.stringify(json),
      'a number': '1',
    }),
  ];
});

const WRONG_DATES = ['exp', 'nbf', 'iat'].flatMap((name) =>
  refused(missing(name), {
    [`without ${name}`]: withClaimText(name, undefined),
    [`whose ${name} is a string`]: withClaimText(name, '"9e9"'),
    [`whose ${name} is an empty string`]: withClaimText(name, '""'),
    [`whose ${name} is null`]: withClaimText(name, 'null'),
    [`whose ${name} is 1e400, which reads as Infinity`]: withClaimText(name, '1e400'),
    [`whose ${name} is -1e400`]: withClaimText(name, '-1e400'),
    [`whose ${name} is true`]: withClaimText(name, 'true'),
    [`whose ${name} is an array`]: withClaimText(name, `[${NOW}]`),
    [`whose ${name} is an object`]: withClaimText(name, '{}'),
  }),
);

const ALGORITHMS = [
  'none',
  'None',
  'NONE',
  'nOnE',
  'HS384',
  'HS512',
  'RS256',
  'ES256',
  'PS256',
  'EdDSA',
  'dir',
];
const NOT_ALGORITHMS = ['', 'hs256', 'HS256 ', undefined, null, 256, true, ['HS256'], { alg: 'HS256' }];
const WRONG_KIDS = ['k9', '', 'K1>>>???', 'k1>>>???\0', '../../dev/null', "' OR 1=1 --", '__proto__'];
const NOT_KIDS = [0, null, true, ['k1>>>???'], { k1: 1 }];
const jwk = { kty: 'oct', alg: 'HS256', kid: 'k1>>>???', k: encode(ATTACKER) };

const FORGED_TOKENS: readonly Row[] = [
  ...refused('The specified alg value is not allowed', {
    ...each('whose alg is', [...ALGORITHMS, ...NOT_ALGORITHMS], (alg) => withHeader({ alg })),
    'with alg none and no signature': `${encode('{"alg":"none"}')}.${payloadText}.`,
    'with alg only in what __proto__ holds': withDocument(
      'header',
      `{"__proto__":${JSON.stringify(HEADER)}}`,
    ),
    'with alg twice, the last one none': withDocument('header', '{"alg":"HS256","alg":"none"}'),
    'with ALG for alg': withHeader({ alg: undefined, ALG: 'HS256' }),
  }),
  ...refused('The "crit" header parameter is not supported', {
    'with crit that names exp': withHeader({ crit: ['exp'], exp: NOW }),
    'with crit that names b64': withHeader({ crit: ['b64'], b64: false }),
    'with crit that is empty': withHeader({ crit: [] }),
    'with crit that is null': withHeader({ crit: null }),
  }),
  ...refused('The "b64" header parameter is not supported', {
    'with b64 false': withHeader({ b64: false }),
    'with b64 true': withHeader({ b64: true }),
  }),
  ...refused('Not enough segments', {
    'that is empty': '',
    'that is one dot': '.',
    'of one segment': headerText,
    'of two segments': signed,
    'in the JSON serialization': JSON.stringify({ payload: payloadText, signature: encode(mac) }),
  }),
  ...refused('Too many segments', {
    'of three segments and a last dot': `${VALID}.`,
    'of three segments and a first dot': `.${VALID}`,
    'of four segments': `${VALID}.${encode(mac)}`,
    'of five segments, like an encrypted one': `${VALID}.${signed}`,
    'that is three dots': '...',
  }),
  ...refused('The header is not JSON in UTF-8', { 'that is two dots': '..' }),
  ...refused('The header is not canonical base64url', { 'with its scheme before it': `JWT ${VALID}` }),
  ...refused('Token is longer than 8192 characters', {
    'of 8,193 characters': ofLength(8193),
    'of a million dots': '.'.repeat(1_000_000),
  }),
  ...NOT_CANONICAL,
  ...NOT_DOCUMENTS,
  ...refused('Signature verification failed', {
    'whose signature is empty': `${signed}.`,
    'whose signature lacks its last byte': withSignature(mac.subarray(0, 31)),
    'whose signature lacks its first byte': withSignature(mac.subarray(1)),
    'whose signature is its first half': withSignature(mac.subarray(0, 16)),
    'whose signature has a byte more': withSignature(Buffer.concat([mac, Buffer.of(0)])),
    'whose signature is there twice': withSignature(Buffer.concat([mac, mac])),
    'whose signature has its first bit flipped': withSignature(flipped(mac, 0, 7)),
    'whose signature has its last bit flipped': withSignature(flipped(mac, 31, 0)),
    'whose signature is zeros': withSignature(Buffer.alloc(32)),
    'whose signature is in hex': withSignature(Buffer.from(mac.toString('hex'))),
    'whose signature is a hash without a key': withSignature(createHash('sha256').update(signed).digest()),
    'whose signature covers the payload alone': withSignature(hmac('sha256', payloadText)),
    'whose signature is HMAC-SHA512, cut to size': withSignature(hmac('sha512', signed).subarray(0, 32)),
    'whose signature is another token’s': `${signed}.${withClaims({ identity: 2 }).split('.')[2]}`,
    'whose payload is another token’s': VALID.replace(payloadText, encode('{"identity":2}')),
    'whose header is another token’s': VALID.replace(headerText, encode('{"alg":"HS256"}')),
    'signed with a key of nobody': withHeader({}, ATTACKER),
    'signed with another key of the server': withHeader({}, OTHER_SECRET),
    'signed with its kid, which is public': withHeader({}, HEADER.kid),
    'signed with an empty key': withHeader({}, ''),
    'signed with an empty key, its kid an empty file': withHeader({ kid: '/dev/null' }, ''),
    'without kid, although all keys have one': withHeader({ kid: undefined }),
    'signed with a key of nobody, without kid': withHeader({ kid: undefined }, ATTACKER),
    'with the kid of another key of the server': withHeader({ kid: 'k2' }),
    ...each('whose kid is', [...WRONG_KIDS, ...NOT_KIDS], (kid) => withHeader({ kid })),
    'that brings its own key (jwk)': withHeader({ jwk }, ATTACKER),
    'that brings its own key (jwk), without kid': withHeader({ jwk, kid: undefined }, ATTACKER),
    'that links to its own keys (jku)': withHeader({ jku: 'https://attacker.example/jwks' }, ATTACKER),
    'that links to its own certificate (x5u)': withHeader({ x5u: 'https://attacker.example/x' }, ATTACKER),
    'that brings its own certificate (x5c)': withHeader({ x5c: [encode(ATTACKER)] }, ATTACKER),
  }),
  ...WRONG_DATES,
  ...refused(missing('exp'), {
    'with exp only in what __proto__ holds': withDocument(
      'payload',
      `{"__proto__":${JSON.stringify(CLAIMS)}}`,
    ),
  }),
  ...refused('Signature has expired', {
    'whose exp is this very second': withClaims({ exp: NOW }),
    'whose exp is past': withClaims({ exp: NOW - 1 }),
    'whose exp is 0': withClaims({ exp: 0 }),
    'whose exp is there twice, the last one past': withClaimText('exp', '9e9,"exp":1'),
  }),
  ...refused('The token is not yet valid (nbf)', {
    'whose nbf is in the future': withClaims({ nbf: NOW + 1 }),
  }),
  ...refused('The token is not yet valid (iat)', {
    'whose iat is in the future': withClaims({ iat: NOW + 1 }),
    'whose iat is in milliseconds': withClaims({ iat: NOW * 1000 }),
  }),
];

// What the same helpers make where nothing is wrong.
const ACCEPTED = {
  'that all the others come from': VALID,
  'with the second key’s kid, signed with it': withHeader({ kid: 'k2' }, OTHER_SECRET),
  'with alg twice, the last one HS256': withDocument(
    'header',
    `{"alg":"none",${JSON.stringify(HEADER).slice(1)}`,
  ),
  'with keys in it, signed with the server’s': withHeader({ jwk, jku: 'x', x5u: 'x', x5c: [] }),
  'whose header is JSON with spaces': withDocument('header', ` ${JSON.stringify(HEADER, null, 2)}\r\n`),
  'whose payload is JSON with spaces': withDocument('payload', JSON.stringify(CLAIMS, null, 2)),
  'whose header holds letters outside ASCII': withHeader({ x: 'é €' }),
  'whose payload holds letters outside ASCII': withClaims({ x: 'é €' }),
  'whose dates are fractions': withClaims({ exp: NOW + 0.5, iat: NOW - 0.5, nbf: NOW - 0.5 }),
  'whose iat and nbf are 0': withClaims({ iat: 0, nbf: 0 }),
  'whose exp is written 9e9': withClaimText('exp', '9e9'),
  'of 8,192 characters': ofLength(8192),
};

describe('verify rejects a token', () => {
  for (const { reason, token, message } of FORGED_TOKENS) {
    it(reason, () => {
      assert.throws(() => verify(token, KEYS, { now: () => NOW * 1000 }), { name: 'JwtError', message });
    });
  }

  it('in more than 200 ways, no two of them the same token', () => {
    const tokens = new Set([VALID, ...FORGED_TOKENS.map(({ token }) => token)]);
    assert.equal(tokens.size, FORGED_TOKENS.length + 1);
    assert.equal(FORGED_TOKENS.length > 200, true);
    assert.deepEqual([ofLength(8192).length, ofLength(8193).length], [8192, 8193]);
  });
});

describe('verify accepts a token', () => {
  for (const [reason, token] of Object.entries(ACCEPTED)) {
    it(reason, () => assert.equal(verify(token, KEYS, { now: () => NOW * 1000 }).claims.identity, 1));
  }
});
