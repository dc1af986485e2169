// How a setting is described, and the values that several of them take and refuse.

import type { Config } from '../../../src/config.ts';

export interface SettingRow {
  readonly name: string;
  readonly read: (config: Config) => unknown;
  readonly fallback: unknown;
  /** Where it is another one in production. */
  readonly productionFallback?: unknown;
  readonly good: readonly (readonly [text: string, value: unknown, reason: string])[];
  readonly bad: readonly (readonly [text: string, reason: string])[];
  /** What the message says. */
  readonly expected: string;
  readonly isSecret?: boolean;
}

export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;
export const DURATION = 'seconds, or a duration like `90s`, `5m`, `12h`, `30d`';
export const RATE = '`<tokens>/<s, m, h, d or a duration>`, neither of them 0, or `off`';

export const goodDurations = [
  ['90', 90 * SECOND, 'a bare number is seconds'],
  ['90s', 90 * SECOND, 'seconds'],
  ['5m', 5 * MINUTE, 'minutes'],
  ['12h', 12 * HOUR, 'hours'],
  ['30d', 30 * DAY, 'days'],
  ['0.5', 500, 'a fraction'],
] as const;

export const badDurations = [
  ['soon', 'no number'],
  ['-5m', 'negative'],
  ['5 m', 'a space inside'],
  ['5M', 'units are lower case'],
  ['1e3', 'no exponents'],
  ['Infinity', 'no end'],
  ['40000d', 'more than a hundred years'],
] as const;

export const goodRates = [
  ['10/s', { tokens: 10, windowMs: SECOND }, 'a second'],
  ['600/m', { tokens: 600, windowMs: MINUTE }, 'a minute'],
  ['5/h', { tokens: 5, windowMs: HOUR }, 'an hour'],
  ['1/d', { tokens: 1, windowMs: DAY }, 'a day'],
  ['10/15m', { tokens: 10, windowMs: 15 * MINUTE }, 'a duration'],
  ['5/90', { tokens: 5, windowMs: 90 * SECOND }, 'a duration in seconds'],
  ['off', null, 'switched off'],
] as const;

export const badRates = [
  ['600', 'no window'],
  ['0/m', 'no tokens'],
  ['-1/m', 'negative'],
  ['1.5/m', 'tokens are whole'],
  ['10/', 'an empty window'],
  ['10/0s', 'a window of nothing'],
  ['10/w', 'no such unit'],
  ['600 per minute', 'another notation'],
  ['none', 'it is called `off`'],
] as const;
