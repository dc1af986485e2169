import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { requestIdOf } from '../../src/http/request-id.ts';

describe('requestIdOf', () => {
  for (const [given, why] of [
    ['a', 'one character'],
    ['A-z_0.9', 'every kind of character'],
    ['x'.repeat(64), 'sixty-four characters'],
    ['123e4567-e89b-12d3-a456-426614174000', 'a UUID'],
  ] as const) {
    it(`keeps ${given.slice(0, 40)}: ${why}`, () => assert.equal(requestIdOf(given), given));
  }

  for (const [given, why] of [
    [undefined, 'there is none'],
    ['', 'an empty one'],
    ['x'.repeat(65), 'one character too many'],
    ['a b', 'a space'],
    ['a\n', 'a line end, which would forge a log line'],
    ['a\r\nX-Evil: 1', 'a header of its own'],
    ['a"b', 'a quote'],
    ['a, b', 'two of them'],
    ['é', 'outside ASCII'],
    ['%41', 'a percent sign'],
    [['a'], 'a list'],
  ] as readonly (readonly [string | string[] | undefined, string])[]) {
    it(`returns a new one for ${JSON.stringify(given)?.slice(0, 40)}: ${why}`, () => {
      const made = requestIdOf(given);
      assert.match(made, /^[\w-]{36}$/);
      assert.notEqual(requestIdOf(given), made);
    });
  }

  it('returns no id twice', () => {
    const made = Array.from({ length: 5_000 }, () => requestIdOf(undefined));
    assert.equal(new Set(made).size, made.length);
  });
});
