import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { listQuery, nextPath } from '../../src/api/paging.ts';
import { object, optional, text, validate } from '../../src/schema/schema.ts';

describe('nextPath', () => {
  const query = object({ ...listQuery.fields, prefix: optional(text()) });
  const path = (given: object, next: number | null = 7) =>
    nextPath('/users', validate(query, given, 'text'), { rows: [], next });

  const rows: readonly [given: object, path: string, reason: string][] = [
    [{}, '/users?limit=50&after=7', 'the defaults'],
    [{ limit: '2', after: '5' }, '/users?limit=2&after=7', 'the limit stays, the place moves on'],
    [{ order: 'desc' }, '/users?limit=50&after=7&order=desc', 'the order, unless it is the default'],
    [{ prefix: 'ma' }, '/users?limit=50&prefix=ma&after=7', 'a parameter of the endpoint’s own'],
    [{ prefix: 'a&b=é' }, '/users?limit=50&prefix=a%26b%3D%C3%A9&after=7', 'percent-encoded'],
  ];
  for (const [given, expected, reason] of rows) {
    it(`returns ${expected}: ${reason}`, () => assert.equal(path(given), expected));
  }

  it('returns null at the end', () => assert.equal(path({ prefix: 'ma' }, null), null));
});
