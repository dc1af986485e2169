import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { copyOf, textBytes } from '../../src/lib/text-bytes.ts';
import { heapOf } from '../support/server/resources.ts';

const LENGTH = 100_000;
// Enough that what else happens in the process makes no difference.
const COPIES = 200;

describe('textBytes', () => {
  const texts: [reason: string, text: string][] = [
    ['ASCII', 'x'],
    ['U+0001, which JSON writes with six characters', '\u0001'],
    ['U+00FF, the last character of Latin-1', '\u00ff'],
    ['U+0100, the first that needs two bytes', '\u0100'],
    ['an emoji, which is two characters', '😀'],
  ];
  for (const [reason, character] of texts) {
    it(`returns the growth of the heap, within 20 %: ${reason}`, () => {
      const copy = () => JSON.parse(JSON.stringify(character.repeat(LENGTH)));
      const { bytes } = heapOf(() => Array.from({ length: COPIES }, copy));
      const expected = COPIES * textBytes(copy());
      assert.ok(Math.abs(bytes / expected - 1) < 0.2, `${bytes} bytes of heap, ${expected} expected`);
    });
  }

  it('doubles for one wide character among narrow ones', () => {
    assert.equal(textBytes(`${'x'.repeat(99)}Ā`) - textBytes('x'.repeat(100)), 100);
  });
});

describe('copyOf', () => {
  it('returns the same text, in memory of its own', () => {
    const text = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code)).join('');
    assert.equal(copyOf(text), text);
    const headers = (cut: (header: string) => string) => () =>
      Array.from({ length: 1_000 }, (_, number) =>
        cut(`${' '.repeat(16_000)}a value with the number ${number}`),
      );
    const slices = heapOf(headers((header) => header.trim()));
    const copies = heapOf(headers((header) => copyOf(header.trim())));
    assert.ok(
      slices.bytes > 10_000_000 && copies.bytes < 2_000_000,
      `${slices.bytes} and ${copies.bytes} bytes`,
    );
  });
});
