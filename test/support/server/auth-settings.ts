// The settings of tokens, passwords and limits, as api.md describes them: default, what each takes and what it refuses.

import { availableParallelism } from 'node:os';
import {
  badDurations,
  badRates,
  DAY,
  DURATION,
  goodDurations,
  goodRates,
  MINUTE,
  RATE,
  SECOND,
  type SettingRow,
} from './setting-row.ts';

export const authSettings: readonly SettingRow[] = [
  {
    name: 'JWT_AUTH_HEADER_PREFIX',
    read: ({ authPrefixes }) => authPrefixes,
    fallback: ['JWT', 'Bearer'],
    good: [
      ['Bearer', ['Bearer'], 'one'],
      ['Bearer, JWT', ['Bearer', 'JWT'], 'two, in this order'],
    ],
    bad: [
      ['JWT Bearer', 'no comma'],
      ['JWT,', 'an empty entry'],
      ['J"WT', 'it would break out of the challenge'],
    ],
    expected: 'authentication schemes separated by commas',
  },
  {
    name: 'JWT_SECRET_KEY',
    read: ({ secrets }) => secrets,
    fallback: [],
    good: [
      ['one', ['one'], 'one'],
      ['new, old', ['new', 'old'], 'two, in this order'],
    ],
    bad: [
      ['new,', 'an empty secret is none'],
      [',', 'two of them'],
    ],
    expected: 'secrets, separated by commas',
    isSecret: true,
  },
  {
    name: 'JWT_EXPIRATION_DELTA',
    read: ({ tokens }) => tokens.expirationMs,
    fallback: 5 * MINUTE,
    good: goodDurations,
    bad: [...badDurations, ['0', 'a token that nobody could use']],
    expected: `${DURATION}, more than 0`,
  },
  {
    name: 'JWT_NOT_BEFORE_DELTA',
    read: ({ tokens }) => tokens.notBeforeMs,
    fallback: 0,
    good: [...goodDurations, ['0', 0, 'at once']],
    bad: badDurations,
    expected: DURATION,
  },
  {
    name: 'JWT_LEEWAY',
    read: ({ tokens }) => tokens.leewayMs,
    fallback: 10 * SECOND,
    good: [...goodDurations, ['0', 0, 'none']],
    bad: badDurations,
    expected: DURATION,
  },
  {
    name: 'JWT_REFRESH_EXPIRATION_DELTA',
    read: ({ tokens }) => tokens.refreshExpirationMs,
    fallback: 30 * DAY,
    good: goodDurations,
    bad: [...badDurations, ['0s', 'a token that nobody could use']],
    expected: `${DURATION}, more than 0`,
  },
  {
    name: 'JWT_REFRESH_REUSE_LEEWAY',
    read: ({ refreshReuseLeewayMs }) => refreshReuseLeewayMs,
    fallback: 10 * SECOND,
    good: [...goodDurations, ['0', 0, 'none']],
    bad: badDurations,
    expected: DURATION,
  },
  {
    name: 'PASSWORD_MIN_LENGTH',
    read: ({ passwordLengthMin }) => passwordLengthMin,
    fallback: 1,
    productionFallback: 8,
    good: [
      ['1', 1, 'the least'],
      ['256', 256, 'the most: with 4 bytes each these still fit'],
    ],
    bad: [
      ['0', 'the empty password'],
      ['257', 'with 4 bytes each these would not fit'],
      ['long', 'no number'],
    ],
    expected: 'an integer from 1 to 256',
  },
  {
    name: 'PASSWORD_COST',
    read: ({ passwordCost }) => passwordCost,
    fallback: { ln: 14, r: 8, p: 5 },
    good: [
      ['ln=1,r=1,p=1', { ln: 1, r: 1, p: 1 }, 'for tests'],
      ['ln=17,r=8,p=1', { ln: 17, r: 8, p: 1 }, '128 MiB'],
    ],
    bad: [
      ['ln=19,r=8,p=1', '512 MiB'],
      ['14', 'only one of three'],
      ['ln=0,r=8,p=1', 'no work at all'],
      ['ln=014,r=8,p=5', 'not canonical'],
    ],
    expected: 'a scrypt cost like `ln=14,r=8,p=5` that needs at most 256 MiB',
  },
  {
    name: 'HASH_CONCURRENCY',
    read: ({ hashConcurrency }) => hashConcurrency,
    fallback: Math.min(2, availableParallelism()),
    good: [
      ['1', 1, 'the least'],
      ['3', 3, 'one below the size of the pool'],
    ],
    bad: [
      ['0', 'nobody could sign in'],
      ['4', 'the disk would wait for passwords'],
      ['two', 'no number'],
    ],
    expected: 'an integer from 1 to 3',
  },
  {
    name: 'RATE_LIMIT',
    read: ({ rates }) => rates.default,
    fallback: { tokens: 600, windowMs: MINUTE },
    good: goodRates,
    bad: badRates,
    expected: RATE,
  },
  {
    name: 'RATE_LIMIT_AUTH',
    read: ({ rates }) => rates.auth,
    fallback: { tokens: 60, windowMs: MINUTE },
    good: goodRates,
    bad: badRates,
    expected: RATE,
  },
  {
    name: 'RATE_LIMIT_LOGIN',
    read: ({ rates }) => rates.login,
    fallback: { tokens: 10, windowMs: 15 * MINUTE },
    good: goodRates,
    bad: badRates,
    expected: RATE,
  },
];
