import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { nearestName, nearestWord, slipOf } from '../../src/lib/nearest-name.ts';

const KNOWN = [
  'MAX_BODY',
  'CACHE_TTL',
  'JWT_SECRET_KEY',
  'RATE_LIMIT_LOGIN',
  'RATE_LIMIT',
  'PORT',
  'TRUST_PROXY',
  'DATABASE_URL',
];

describe('nearestName', () => {
  const rows: readonly [name: string, nearest: string | null, reason: string][] = [
    ['JWT_SECRET_KEY', null, 'it is known'],
    ['JWT_SECRET_KEYS', 'JWT_SECRET_KEY', 'a character more'],
    ['JWT_SECRT_KEY', 'JWT_SECRET_KEY', 'one less'],
    ['JWT_SECRET_KAY', 'JWT_SECRET_KEY', 'another one'],
    ['JTW_SECERT_KEY', 'JWT_SECRET_KEY', 'two pairs that changed places'],
    ['JTW_SECERT_KYE', null, 'three'],
    ['KWT_SECRET_KEY', null, 'another first character'],
    ['jwt_secret_key', 'JWT_SECRET_KEY', 'in small letters'],
    ['JWT_SECRET', 'JWT_SECRET_KEY', 'without its last word'],
    ['JWT', null, 'one word alone'],
    ['RATE_LIMITS', 'RATE_LIMIT', 'the nearest of two'],
    ['RATE_LIMIT_LOGINS', 'RATE_LIMIT_LOGIN', 'the other'],
    ['MAX_BDOY', 'MAX_BODY', 'a short name, one pair'],
    ['MAX_JOBS', null, 'a foreign name like a short one'],
    ['CACHE_URL', null, 'two characters of a short name'],
    ['PORTS', null, 'like a very short one'],
    ['CACHE', null, 'the first word of one'],
    ['TRUST_PROXIES', 'TRUST_PROXY', 'the plural'],
    ['TRUSTPROXIES', 'TRUST_PROXY', 'the plural in one word'],
    ['DATABASEURL', 'DATABASE_URL', 'no underscore'],
    ['database-url', 'DATABASE_URL', 'a hyphen'],
    ['DATABASE_ULR', 'DATABASE_URL', 'a pair in a short word'],
    ['DATABASE_SSL', null, 'another short word'],
    ['', null, 'nothing'],
  ];
  for (const [name, nearest, reason] of rows) {
    it(`of ${JSON.stringify(name)} is ${nearest}: ${reason}`, () => {
      assert.equal(nearestName(name, KNOWN), nearest);
    });
  }

  const slips: readonly [name: string, slip: string | null, reason: string][] = [
    ['DATABASE_URL', null, 'it is known'],
    ['DATABASEURL', 'DATABASE_URL', 'no underscore'],
    ['DATABSE_URL', 'DATABASE_URL', 'a character less'],
    ['TRUST_PROXIES', 'TRUST_PROXY', 'the plural'],
    ['JTW_SECERT_KEY', null, 'two pairs that changed places'],
    ['JWT_SECRET', null, 'another name that is a beginning of it'],
    ['DATABASE_URL2', null, 'a second one'],
    ['PORTS', null, 'like a very short one'],
  ];
  for (const [name, slip, reason] of slips) {
    it(`takes ${name} for a slip of ${slip}: ${reason}`, () => assert.equal(slipOf(name, KNOWN), slip));
  }

  it('is as quick for a name of any length', () => {
    assert.equal(nearestName('X'.repeat(10_000_000), KNOWN), null);
  });
});

describe('nearestWord', () => {
  const rows: readonly (readonly [word: string, meant: string | null, reason: string])[] = [
    ['chekc', 'check', 'two characters have changed places'],
    ['hel', 'help', 'one is missing'],
    ['user crate', 'user create', 'one is missing in several words'],
    ['check', null, 'it is a known one'],
    ['chxxk', null, 'two are others'],
    ['x'.repeat(100_000), null, 'too long to be worth it'],
  ];
  for (const [word, meant, reason] of rows) {
    it(`gives ${meant} for ${word.slice(0, 20)}: ${reason}`, () =>
      assert.equal(nearestWord(word, ['check', 'help', 'user create']), meant));
  }
});
