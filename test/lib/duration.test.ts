import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseDuration, wholeSeconds } from '../../src/lib/duration.ts';

describe('parseDuration', () => {
  const durations: [text: string, durationMs: number, reason: string][] = [
    ['0', 0, 'none at all'],
    ['300', 300_000, 'a bare number is seconds'],
    ['90s', 90_000, 'seconds'],
    ['5m', 300_000, 'minutes'],
    ['12h', 43_200_000, 'hours'],
    ['30d', 2_592_000_000, 'days'],
    ['007s', 7_000, 'zeros in front say nothing'],
    ['1.5m', 90_000, 'a fraction of a unit'],
    ['0.25', 250, 'a fraction of a second'],
    ['36500d', 3_153_600_000_000, 'a hundred years, the longest'],
  ];
  for (const [text, durationMs, reason] of durations) {
    it(`reads '${text}': ${reason}`, () => {
      assert.equal(parseDuration(text), durationMs);
    });
  }

  const noDurations: [text: string, reason: string][] = [
    ['', 'nothing'],
    ['s', 'a unit alone'],
    ['-5m', 'negative'],
    ['+5m', 'a sign'],
    ['.5m', 'no digit before the point'],
    ['5.m', 'no digit after the point'],
    ['1.2.3', 'two points'],
    ['1,5', 'a comma for the point'],
    ['1e3', 'an exponent'],
    ['0x10', 'hexadecimal'],
    ['5M', 'a capital unit'],
    ['5ms', 'a unit that is none of the four'],
    ['5w', 'weeks are none of the four'],
    ['1h30m', 'two units'],
    ['5 m', 'a space inside'],
    [' 5m', 'a space in front'],
    ['5m ', 'a space behind'],
    ['5m\n', 'a line end behind'],
    ['٥m', 'a digit that is not ASCII'],
    ['Infinity', 'a word that Number() would take'],
    ['NaN', 'another one'],
    ['36501d', 'more than a hundred years'],
    ['3153600001', 'a second more than a hundred years'],
    ['9'.repeat(400), 'too large for a number'],
  ];
  for (const [text, reason] of noDurations) {
    it(`rejects ${JSON.stringify(text.slice(0, 12))}: ${reason}`, () => {
      assert.equal(parseDuration(text), null);
    });
  }
});

describe('wholeSeconds', () => {
  const rows: [seconds: number, whole: number, reason: string][] = [
    [0, 0, 'nothing'],
    [0.001, 1, 'a millisecond is a second more'],
    [1, 1, 'whole already'],
    [1.001, 2, 'up, never down'],
    [350.00000000000006, 350, 'the rest of a sum of fractions is none'],
  ];
  for (const [seconds, whole, reason] of rows) {
    it(`returns ${whole} for ${seconds}: ${reason}`, () => assert.equal(wholeSeconds(seconds), whole));
  }
});
