import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decodeBase64url, encodeBase64url } from '../../src/auth/base64url.ts';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

// RFC 4648 §10, without the padding.
const VECTORS = [
  { text: '', encoded: '' },
  { text: 'f', encoded: 'Zg' },
  { text: 'fo', encoded: 'Zm8' },
  { text: 'foo', encoded: 'Zm9v' },
  { text: 'foob', encoded: 'Zm9vYg' },
  { text: 'fooba', encoded: 'Zm9vYmE' },
  { text: 'foobar', encoded: 'Zm9vYmFy' },
];

// What Node's own decoder takes without a word.
const NOT_CANONICAL = [
  { reason: 'one padding character', encoded: 'Zm8=' },
  { reason: 'two padding characters', encoded: 'Zg==' },
  { reason: 'padding where none is needed', encoded: 'Zm9v=' },
  { reason: 'padding alone', encoded: '=' },
  { reason: 'the standard alphabet’s +', encoded: '-_+A' },
  { reason: 'the standard alphabet’s /', encoded: '-_/A' },
  { reason: 'stray bits, 4 of them, in the last character', encoded: 'Zh' },
  { reason: 'stray bits, 2 of them, in the last character', encoded: 'Zm9' },
  { reason: 'a lone character, which holds no whole byte', encoded: 'Z' },
  { reason: 'a lone character after a whole group', encoded: 'Zm9vY' },
  { reason: 'a space before', encoded: ' Zm9v' },
  { reason: 'a space inside', encoded: 'Zm 9v' },
  { reason: 'a line end after', encoded: 'Zm9v\n' },
  { reason: 'a carriage return and line feed inside', encoded: 'Zm9v\r\nYmFy' },
  { reason: 'a NUL', encoded: 'Zm9v\0' },
  { reason: 'a dot', encoded: 'Zm9v.' },
  { reason: 'punctuation', encoded: 'Zm*9v' },
  { reason: 'a letter outside ASCII', encoded: 'Zm9vé' },
  { reason: 'a letter whose low byte is in the alphabet', encoded: 'Zm9\u0176' },
  { reason: 'a character outside the BMP', encoded: 'Zm9v😀' },
];

describe('encodeBase64url', () => {
  for (const { text, encoded } of VECTORS) {
    it(`encodes "${text}" as "${encoded}"`, () => assert.equal(encodeBase64url(text), encoded));
  }

  it('uses - and _ in place of + and / of base64', () => {
    assert.equal(encodeBase64url(Uint8Array.of(0xfb, 0xff)), '-_8');
  });

  it('encodes the UTF-8 of a string', () => assert.equal(encodeBase64url('é'), 'w6k'));

  it('encodes only the part of the memory that a view covers', () => {
    assert.equal(encodeBase64url(Uint8Array.from(Buffer.from('xfoox')).subarray(1, 4)), 'Zm9v');
  });
});

describe('decodeBase64url', () => {
  for (const { text, encoded } of VECTORS) {
    it(`decodes "${encoded}" to "${text}"`, () => assert.equal(decodeBase64url(encoded)?.toString(), text));
  }

  for (const { reason, encoded } of NOT_CANONICAL) {
    it(`returns null for ${reason}`, () => assert.equal(decodeBase64url(encoded), null));
  }

  it('decodes every encoded byte', () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    assert.deepEqual(decodeBase64url(encodeBase64url(bytes)), bytes);
  });

  it('accepts one text for each byte, of the 4,096 with two characters', () => {
    const texts = Array.from(ALPHABET).flatMap((first) => Array.from(ALPHABET, (second) => first + second));
    const decoded = texts.map(decodeBase64url).filter((bytes) => bytes !== null);
    assert.equal(decoded.length, 256);
    assert.equal(new Set(decoded.map((bytes) => bytes[0])).size, 256);
  });
});
