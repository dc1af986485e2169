import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseForm } from '../../src/http/form.ts';

describe('parseForm accepts', () => {
  for (const [text, gives, why] of [
    ['', {}, 'nothing'],
    ['a=1', { a: '1' }, 'one pair'],
    ['a=1&b=2', { a: '1', b: '2' }, 'two pairs'],
    ['&&a=1&', { a: '1' }, 'separators with nothing between them'],
    ['a', { a: '' }, 'a key alone'],
    ['a=', { a: '' }, 'an empty value'],
    ['=1', { '': '1' }, 'an empty key'],
    ['a=b=c', { a: 'b=c' }, 'only the first equals sign separates'],
    ['a+b=c+d', { 'a b': 'c d' }, 'a plus is a space'],
    ['a=1%2B1%20%26%3D', { a: '1+1 &=' }, 'what is escaped separates nothing'],
    ['%61=%62', { a: 'b' }, 'a key can be escaped too'],
    ['a=%c3%a9%F0%9F%98%80', { a: 'é😀' }, 'UTF-8, in either case'],
    ['a=é', { a: 'é' }, 'UTF-8 that is not escaped'],
    ['a=%00', { a: '\0' }, 'the schema decides what a text may hold'],
    ['a;b=1', { 'a;b': '1' }, 'a semicolon separates nothing'],
    ['a=1&a=2', { a: ['1', '2'] }, 'a key twice has both values'],
    ['a=1&b=x&a=2&a=1', { a: ['1', '2', '1'], b: 'x' }, 'a key three times has all three, in order'],
    ['a=1&%61=2', { a: ['1', '2'] }, 'also when it is spelt differently'],
    ['a=1&A=2', { a: '1', A: '2' }, 'case matters'],
    ['a[]=1', { 'a[]': '1' }, 'brackets mean nothing'],
  ] as const) {
    it(`${JSON.stringify(text)}: ${why}`, () => assert.deepEqual(parseForm(text), gives));
  }

  it('__proto__ as an ordinary key', () => {
    const values = parseForm('__proto__=x&constructor=y');
    assert.deepEqual(Object.entries(values), [
      ['__proto__', 'x'],
      ['constructor', 'y'],
    ]);
    assert.equal(Object.getPrototypeOf(values), Object.prototype);
  });

  it('one key a thousand times', () => {
    assert.deepEqual(parseForm(Array(1_000).fill('a').join('&')), { a: Array(1_000).fill('') });
  });

  it('a thousand keys', () => {
    const keys = Array.from({ length: 1_000 }, (_, index) => `k${index}`);
    assert.deepEqual(Object.keys(parseForm(keys.join('&'))), keys);
  });
});

describe('parseForm rejects', () => {
  for (const [text, why] of [
    ['a=%', 'an escape without digits'],
    ['a=%4', 'an escape with one digit'],
    ['a=%zz', 'an escape that is not hexadecimal'],
    ['a=100%', 'a percent sign that is not escaped'],
    ['a=%u00e9', 'an escape of another kind'],
    ['%=1', 'the same in a key'],
    ['a=%ff', 'a byte that never occurs in UTF-8'],
    ['a=%e9', 'Latin-1'],
    ['a=%c3', 'half a sequence'],
    ['a=%c0%af', 'a slash in two bytes'],
    ['a=%ed%a0%80', 'half a character'],
    ['b=1&a=%c3&a9', 'a sequence across two pairs'],
  ] as const) {
    it(`${JSON.stringify(text)}: ${why}`, () => {
      const message = 'A percent escape is malformed or not UTF-8';
      assert.throws(() => parseForm(text), { name: 'JotError', code: 'bad_request', message });
    });
  }

  for (const [text, why] of [
    [Array(1_001).fill('a').join('&'), 'one key a thousand and one times'],
    [Array.from({ length: 1_001 }, (_, index) => `k${index}=`).join('&'), 'a thousand and one keys'],
    ['&'.repeat(1_000), 'nothing, between a thousand separators'],
    [`a=%&${'a&'.repeat(1_000)}`, 'too many, which is told before one of them is decoded'],
  ] as const) {
    it(`more than 1000 pairs: ${why}`, () => {
      const message = 'The form or query has more than 1000 pairs';
      assert.throws(() => parseForm(text), { name: 'JotError', code: 'bad_request', message });
    });
  }
});
