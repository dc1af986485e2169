import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { usernameKey } from '../../src/store/open.ts';

const same: readonly (readonly [a: string, b: string, why: string])[] = [
  ['matt', 'MATT', 'case does not count'],
  ['straße', 'STRASSE', 'a small ß is SS'],
  ['straße', 'STRAẞE', 'a capital ẞ is the same letter'],
  ['ẞ', 'ss', 'and so is SS too'],
  ['ﬁn', 'fin', 'a ligature is its letters'],
  ['ﬁn', 'FIN', 'in either case'],
  ['ﬅ', 'ST', 'a ligature with a long s'],
  ['ſ', 's', 'a long s is an s'],
  ['\u212a', 'k', 'the Kelvin sign is a K'],
  ['\u212b', 'å', 'the Ångström sign is an Å'],
  ['ｍａｔｔ', 'matt', 'full-width letters are the letters'],
  ['ｶﾞ', 'ガ', 'half-width with a mark is one character'],
  ['①', '1', 'a digit in a circle is the digit'],
  ['e\u0301', 'é', 'taken apart or put together'],
  ['e\u0301', 'É', 'in either case'],
  ['ὀδυσσεύς', 'ὈΔΥΣΣΕΎΣ', 'a final sigma is a sigma'],
  ['ς', 'σ', 'also where it is not at the end'],
  ['ᾳ', 'ΑΙ', 'an iota below is an iota beside in capitals'],
  ['ŉ', 'ʼN', 'what has a capital of two characters only'],
  ['ǆ', 'ǅ', 'title case is case'],
  ['ꭰ', 'Ꭰ', 'Cherokee, where the small letter is the newer one'],
  ['𐐨', '𐐀', 'letters past U+FFFF have case too'],
  ['ı', 'i', 'a dotless i has the capital I, as i has'],
  ['İ', 'i\u0307', 'a dotted capital I is an i that keeps its dot'],
  ['a\u200bb', 'ab', 'a zero width space is ignored'],
  ['a\u00adb', 'AB\ufe0f', 'so are a soft hyphen and a variation selector'],
  ['a\u3164b', 'ab', 'and a filler whose compatibility form differs'],
  ['e\u034f\u0301', 'é', 'and what stands between a letter and its accent'],
  ['\u{e0061}a', 'a', 'and a tag'],
];

const different: readonly (readonly [a: string, b: string, why: string])[] = [
  ['matt', 'mat', 'another name'],
  ['matt', 'mаtt', 'a Cyrillic а only looks like an a'],
  ['İ', 'i', 'a dot above is a mark that counts'],
  ['é', 'e', 'accents count'],
  ['ß', 's', 'one s is not two'],
  ['ß', 'β', 'a beta only looks like an ß'],
  ['o', '0', 'a digit is no letter'],
  ['a b', 'ab', 'spaces inside count'],
  ['ø', 'o', 'a stroke is no mark that could be taken off'],
];

describe('usernameKey', () => {
  for (const [a, b, why] of same) {
    it(`returns the same for ${a} and ${b}: ${why}`, () => assert.equal(usernameKey(a), usernameKey(b)));
  }

  for (const [a, b, why] of different) {
    it(`returns different keys for ${a} and ${b}: ${why}`, () =>
      assert.notEqual(usernameKey(a), usernameKey(b)));
  }

  it('returns the same key for every character, its key, both cases and NFD', () => {
    for (let code = 1; code <= 0x1ffff; code++) {
      const character = String.fromCodePoint(code);
      if (!character.isWellFormed()) continue;
      const key = usernameKey(character);
      const others = [key, character.toUpperCase(), character.toLowerCase(), character.normalize('NFD')];
      const differing = others.find((other) => usernameKey(other) !== key);
      assert.equal(differing, undefined, `U+${code.toString(16)} ${character}`);
    }
  });
});
