import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { firstMisfit } from '../../src/http/json-syntax.ts';
import { seededRandom } from '../support/model/random.ts';

const DOCUMENT = '{"a":[1,-2.5e3,true,false,null,"\\u00e9\\"é😀",[],{}],\n "b" : {"c":"", "d":{"e":0}} }';

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

describe('firstMisfit', () => {
  // The place is marked; where there is no mark it is the end.
  for (const [marked, why] of [
    ['', 'nothing at all'],
    ['  ', 'only white space'],
    ['{}', 'nothing is wrong'],
    [' [1, 2] \n', 'nothing is wrong, white space around it'],
    ['-0.5e-7', 'a number'],
    ['{', 'an object that does not end'],
    ['{"a"', 'a key without a value'],
    ['{"a":', 'a colon without a value'],
    ['{"a":1', 'a value without an end'],
    ['{"a":1,', 'a comma without a key'],
    ['[', 'an array that does not end'],
    ['[1,', 'a comma without a value'],
    ['["a', 'a string that does not end'],
    ['{}^x', 'something behind it'],
    ['{}^{}', 'another one behind it'],
    ['{} ^]', 'a bracket behind it'],
    ['^x', 'a word'],
    ['^undefined', 'a word of JavaScript’s'],
    ['^True', 'a word in capitals'],
    ['^a=1', 'a form'],
    ['^<a/>', 'XML'],
    ['^]', 'a bracket first'],
    ['{^a:1}', 'a key without quotes'],
    ["{^'a':1}", 'single quotes'],
    ['{^1:1}', 'a number for a key'],
    ['{"a" ^1}', 'no colon'],
    ['{"a":^}', 'no value'],
    ['{"a":^,}', 'a comma for a value'],
    ['{"a":1 ^"b":2}', 'no comma'],
    ['{"a":1,^}', 'a comma too many'],
    ['{^,}', 'a comma alone'],
    ['[1,^]', 'a comma too many in an array'],
    ['[1 ^2]', 'no comma in an array'],
    ['[1^}', 'brackets that do not match'],
    ['{"a":1^]', 'brackets that do not match'],
    ['{^/**/}', 'a comment'],
    ['[0^1]', 'a leading zero'],
    ['[^+1]', 'a plus'],
    ['[^.5]', 'no digit before the point'],
    ['[1^.]', 'no digit after the point'],
    ['[1^e]', 'no digit in the exponent'],
    ['[^-]', 'a sign alone'],
    ['[^NaN]', 'not a number'],
    ['["^\n"]', 'a line end in a string'],
    ['["^\\x"]', 'an escape that is none'],
    ['["^\\u00g0"]', 'a bad Unicode escape'],
    ['["a\\n\\"é^\\x"]', 'an escape that is none, behind text and escapes'],
    [`["${'\\n'.repeat(200)}^\\x"]`, 'an escape that is none, behind many that are'],
    [`["${'\\n'.repeat(200)}^\n"]`, 'a line end behind many escapes'],
    [`["${'a'.repeat(200)}^\n"]`, 'a line end behind much text'],
    [' \t\r\n[ \n1\t,\r 2 \n ^3]', 'no comma among all kinds of white space'],
    ['[\u00a0]', 'white space of another kind'],
  ] as const) {
    it(`in ${JSON.stringify(marked.replace('^', ''))}: ${why}`, () => {
      const text = marked.replace('^', '');
      const place = marked.startsWith('[\u00a0') ? 1 : marked.indexOf('^');
      assert.equal(firstMisfit(text), place === -1 ? text.length : place);
    });
  }

  it('of a document is its end, and the end of none of its parts is taken for the start of something', () => {
    assert.equal(firstMisfit(DOCUMENT), DOCUMENT.length);
    for (let length = 0; length < DOCUMENT.length; length++) {
      assert.ok(firstMisfit(DOCUMENT.slice(0, length)) <= length);
    }
  });

  it('agrees with the engine on what is JSON, for documents with random damage', () => {
    const random = seededRandom(8259);
    const pick = <T>(items: ArrayLike<T>) => items[Math.floor(random() * items.length)] as T;
    let broken = 0;
    for (let run = 0; run < 5_000; run++) {
      const at = Math.floor(random() * DOCUMENT.length);
      const replaced = Math.floor(random() * 3);
      const text = DOCUMENT.slice(0, at) + pick('{}[]",:\\01-.e tx\n') + DOCUMENT.slice(at + replaced);
      const place = firstMisfit(text);
      if (isJson(text)) {
        assert.equal(place, text.length, text);
        continue;
      }
      broken++;
      // What comes before the place can be gone on with; what is there can't stand there, whatever follows.
      assert.ok(place >= 0 && place <= text.length);
      if (place < text.length) assert.equal(isJson(text.slice(0, place + 1) + DOCUMENT), false);
    }
    assert.ok(broken > 2_500, 'the damage did no damage');
  });
});
