import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { nearestName } from '../../src/lib/nearest-name.ts';

const KNOWN = ['MAX_BODY', 'CACHE_TTL', 'JWT_SECRET_KEY', 'RATE_LIMIT_LOGIN', 'RATE_LIMIT', 'PORT'];

describe('nearestName', () => {
  const rows: readonly [name: string, nearest: string | null, reason: string][] = [
    ['JWT_SECRET_KEY', null, 'it is known'],
    ['JWT_SECRET_KEYS', 'JWT_SECRET_KEY', 'a character more'],
    ['JWT_SECRT_KEY', 'JWT_SECRET_KEY', 'one less'],
    ['JWT_SECRET_KAY', 'JWT_SECRET_KEY', 'another one'],
    ['JTW_SECERT_KEY', 'JWT_SECRET_KEY', 'two pairs that changed places'],
    ['JTW_SECERT_KYE', null, 'three'],
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
    ['', null, 'nothing'],
  ];
  for (const [name, nearest, reason] of rows) {
    it(`of ${JSON.stringify(name)} is ${nearest}: ${reason}`, () => {
      assert.equal(nearestName(name, KNOWN), nearest);
    });
  }

  it('is as quick for a name of any length', () => {
    assert.equal(nearestName('X'.repeat(10_000_000), KNOWN), null);
  });
});
