import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { headerText } from '../../src/lib/header-text.ts';

const UNSEEN = '\0\t\u001b\u007f\u0080\u0085\u009b\u009f\u061c\u200e\u202e\u2066\u2028\u2029';

/** Returns a header as Node decodes it. */
function received(text: string, encoding: BufferEncoding = 'utf8'): string {
  return Buffer.from(text, encoding).toString('latin1');
}

describe('headerText', () => {
  const texts: [reason: string, text: string][] = [
    ['ASCII', 'curl/8.5.0'],
    ['two bytes a character, the second a C1 control in Latin-1', 'Škoda'],
    ['three bytes a character', '日本語'],
    ['four bytes a character', 'a😀b'],
    ['nothing', ''],
  ];
  for (const [reason, text] of texts) {
    it(`decodes valid UTF-8: ${reason}`, () => {
      assert.equal(headerText(received(text), 100), text);
    });
  }

  it('decodes other bytes as Latin-1', () => {
    assert.equal(headerText(received('Café', 'latin1'), 100), 'Café');
    assert.equal(headerText('\xc3\xa9 \xe9', 100), 'Ã© é');
  });

  it('removes C0 and C1 controls, DEL, bidirectional controls and line separators', () => {
    assert.equal(headerText(received(`a${UNSEEN}b`), 100), 'ab');
    assert.equal(headerText('\xe9\x9b31m\x85', 100), 'é31m');
  });

  it('keeps no more bytes than the maximum, and no part of a character', () => {
    assert.equal(headerText('x'.repeat(300), 256), 'x'.repeat(256));
    assert.equal(headerText(received('ab😀'), 5), 'ab');
    assert.equal(headerText(received('ab😀'), 6), 'ab😀');
    assert.equal(headerText(received('é'.repeat(200)), 256), 'é'.repeat(128));
  });
});
