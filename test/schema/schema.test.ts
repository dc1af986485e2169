import { boolean, id, integer, oneOf, text, timestamp } from '../../src/schema/schema.ts';
import { testType } from '../support/cases/type-table.ts';

testType('text', {
  type: text(),
  source: 'json',
  good: [
    ['', '', 'any length is fine unless one is declared'],
    ['a\u0000b', 'a\u0000b', 'control characters are a matter for refine'],
    ['e\u0301', 'e\u0301', 'nothing is normalized unless that is declared'],
  ],
  problem: 'must be a string',
  bad: [
    [5, 'a number is not turned into text'],
    [null, 'null is a value, and no text'],
    [undefined, 'neither is undefined'],
    [['a'], 'an array of one is not its item'],
    [{ toString: () => 'a' }, 'what can be made a text is none'],
  ],
});

testType('text', {
  type: text(),
  source: 'text',
  good: [['5', '5', 'everything in a form is text']],
  problem: 'must be a string',
  bad: [[5, 'so anything else did not come from one']],
});

testType('text without both halves of a character', {
  type: text(),
  source: 'json',
  good: [['\ud83d\ude00', '😀', 'both halves are a character']],
  problem: 'must not contain a lone surrogate',
  bad: [
    ['\ud83d', 'a high half alone'],
    ['\ude00', 'a low half alone'],
    ['\ude00\ud83d', 'both halves in the wrong order'],
    ['a\ud83db', 'a half in the middle of good text'],
  ],
});

testType('text with min and max', {
  type: text({ min: 2, max: 3 }),
  source: 'json',
  good: [
    ['ab', 'ab', 'the lower bound itself'],
    ['abc', 'abc', 'the upper bound itself'],
    ['😀😀😀', '😀😀😀', 'three code points, though six UTF-16 units'],
  ],
  problem: 'must be 2 to 3 characters long',
  bad: [
    ['a', 'one too short'],
    ['abcd', 'one too long'],
    ['😀', 'one code point, though two UTF-16 units'],
    ['e\u0301e\u0301', 'four code points, and nothing puts them together'],
  ],
});

testType('text with max alone', {
  type: text({ max: 2 }),
  source: 'json',
  good: [['', '', 'without a min, empty is fine']],
  problem: 'must be 0 to 2 characters long',
  bad: [['abc', 'one too long']],
});

testType('text with min alone', {
  type: text({ min: 2 }),
  source: 'json',
  good: [['x'.repeat(100_000), 'x'.repeat(100_000), 'without a max nothing is too long']],
  problem: 'must be at least 2 characters long',
  bad: [['a', 'too short']],
});

testType('text normalized to NFC', {
  type: text({ min: 1, max: 2, normalize: 'NFC' }),
  source: 'json',
  good: [
    ['e\u0301e\u0301', 'éé', 'counted once they are put together: two, not four'],
    ['\u0958', '\u0915\u093c', 'NFC takes this one apart: two, not one'],
    ['ﬁ', 'ﬁ', 'compatibility forms stay as they are in NFC'],
  ],
  problem: 'must be 1 to 2 characters long',
  bad: [
    ['e\u0301e\u0301e\u0301', 'three, once they are put together'],
    ['\u0958a', 'three, once it is taken apart'],
  ],
});

testType('text with refine', {
  type: text({ max: 5, normalize: 'NFC', refine: (value) => (value === 'é' ? 'must not be é' : null) }),
  source: 'json',
  good: [['e', 'e', 'refine has nothing against it']],
  problem: 'must not be é',
  bad: [
    ['é', 'refine says so'],
    ['e\u0301', 'refine sees what is kept, not what came'],
  ],
});

testType('integer', {
  type: integer(),
  source: 'json',
  good: [
    [0, 0, 'zero'],
    [-7, -7, 'below zero'],
    [JSON.parse('1.0'), 1, 'JSON has one type for numbers: 1.0 is 1'],
    [2 ** 53 - 1, 9007199254740991, 'the largest exact one'],
    [-(2 ** 53) + 1, -9007199254740991, 'the smallest exact one'],
  ],
  problem: 'must be an integer from -9007199254740991 to 9007199254740991',
  bad: [
    ['5', 'a string is no number in JSON'],
    [1.5, 'a fraction'],
    [2 ** 53, 'from there on, two numbers are read as one'],
    [-(2 ** 53), 'below zero too'],
    [JSON.parse('1e400'), 'too large for a number, so infinite'],
    [Number.NaN, 'not a number'],
    [null, 'null is not 0'],
    [true, 'true is not 1'],
    [[5], 'an array of one is not its item'],
    [5n, 'JSON has no bigint'],
  ],
});

testType('integer', {
  type: integer(),
  source: 'text',
  good: [
    ['0', 0, 'zero'],
    ['-7', -7, 'below zero'],
    ['9007199254740991', 9007199254740991, 'the largest exact one'],
    ['-9007199254740991', -9007199254740991, 'the smallest exact one'],
  ],
  problem: 'must be an integer from -9007199254740991 to 9007199254740991',
  bad: [
    ['007', 'one number, one spelling: no leading zeros'],
    ['+7', 'no plus'],
    ['-0', 'no negative zero'],
    ['1.0', 'no point'],
    ['1e3', 'no exponent'],
    ['0x10', 'no other base'],
    [' 7', 'no space before it'],
    ['7\n', 'no line end after it'],
    ['', 'Number() would make 0 of nothing'],
    ['٣', 'digits of other scripts are none'],
    ['9007199254740992', 'one past the largest exact one'],
    ['9'.repeat(400), 'so large that it is infinite'],
    [7, 'a number did not come from text'],
  ],
});

testType('integer with min and max', {
  type: integer({ min: 1, max: 200 }),
  source: 'text',
  good: [
    ['1', 1, 'the lower bound itself'],
    ['200', 200, 'the upper bound itself'],
  ],
  problem: 'must be an integer from 1 to 200',
  bad: [
    ['0', 'one too low'],
    ['201', 'one too high'],
  ],
});

testType('id', {
  type: id(),
  source: 'text',
  good: [
    ['1', 1, 'the first id'],
    ['9007199254740991', 9007199254740991, 'the last id'],
  ],
  problem: 'must be an integer from 1 to 9007199254740991',
  bad: [
    ['0', 'ids start at 1'],
    ['-1', 'and are never negative'],
  ],
});

testType('boolean', {
  type: boolean(),
  source: 'json',
  good: [
    [true, true, 'true'],
    [false, false, 'false'],
  ],
  problem: 'must be true or false',
  bad: [
    ['true', 'a string is no boolean in JSON'],
    [1, '1 is not true'],
    [0, '0 is not false'],
    [null, 'null is not false'],
  ],
});

testType('boolean', {
  type: boolean(),
  source: 'text',
  good: [
    ['true', true, 'true'],
    ['false', false, 'false, though any text counts as true'],
  ],
  problem: 'must be true or false',
  bad: [
    ['True', 'one spelling only'],
    ['1', 'no other words for it'],
    ['', 'nothing is not false'],
    ['constructor', 'a name that every object has'],
    ['__proto__', 'another one'],
  ],
});

testType('oneOf', {
  type: oneOf(['asc', 'desc']),
  source: 'text',
  good: [
    ['asc', 'asc', 'the first word'],
    ['desc', 'desc', 'the last word'],
  ],
  problem: 'must be one of asc, desc',
  bad: [
    ['ASC', 'case counts'],
    ['as', 'the beginning of a word is not the word'],
    ['', 'nothing is none of them'],
    [0, 'an index is no word'],
  ],
});

testType('timestamp', {
  type: timestamp(),
  source: 'json',
  good: [
    ['Mon, 23 Nov 2026 12:35:13 -0000', Date.UTC(2026, 10, 23, 12, 35, 13), 'as it is printed'],
    ['Thu, 01 Jan 1970 00:00:00 -0000', 0, 'the epoch, though 0 counts as false'],
  ],
  problem: 'must be a date like Mon, 23 Nov 2026 12:35:13 -0000',
  bad: [
    ['Mon, 23 Nov 2026 13:35:13 +0100', 'another zone'],
    ['2026-11-23T12:35:13Z', 'RFC 3339'],
    ['Sat, 31 Feb 2026 12:35:13 -0000', 'no day that there is'],
    ['yesterday', 'no date'],
    ['', 'nothing'],
    [1_795_437_313_000, 'a number names neither unit nor epoch'],
    [null, 'null is not 1970'],
  ],
});
