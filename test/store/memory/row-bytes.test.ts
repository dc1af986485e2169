import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { rowBytes } from '../../../src/store/memory/row-bytes.ts';
import type { Session, User } from '../../../src/store/open.ts';
import { sessionOf, userNamed } from '../../support/disk/stores.ts';

const KIBIBYTE = 1024;

/** The bytes of a row that hold a text of that length. */
function bytesOf(length: number, character = 'x'): number {
  const row = { id: 1, version: 1 };
  const longer: typeof row = { ...row, ...{ body: character.repeat(length) } };
  return rowBytes('posts', longer) - rowBytes('posts', row);
}

// That V8's heap grows so was measured with its page statistics; `test/heap.test.ts` fills a heap.
describe('rowBytes', () => {
  it('counts a short text with its header, and two bytes per character above U+00FF', () => {
    assert.deepEqual([bytesOf(0), bytesOf(100), bytesOf(100, 'ÿ'), bytesOf(100, 'Ā')], [16, 116, 116, 216]);
  });

  it('counts a list for what a user may own, even if it is empty', () => {
    const entity = { id: 1, version: 1 };
    const user: User = { ...entity, ...userNamed('matt') };
    const session: Session = { ...entity, ...sessionOf(1, 'a') };
    assert.ok(rowBytes('users', user) > rowBytes('sessions', session) + 1_000);
  });

  it('counts unique keys, which may be longer than the field', () => {
    const bytes = (username: string) => {
      const user: User = { id: 1, version: 1, ...userNamed(username) };
      return rowBytes('users', user);
    };
    // Compared as 18 Arabic letters and spaces.
    assert.equal(bytes('\uFDFA'.repeat(64)) - bytes('x'.repeat(64)), 64 + (2 * 18 - 1) * 64);
  });

  for (const [length, perPage] of [
    [60, 4],
    [64, 3],
    [83, 3],
    [85, 2],
    [125, 2],
    [127, 1],
  ] as const) {
    it(`counts a text of ${length} KiB with its share of a page, which holds ${perPage}`, () => {
      assert.equal(bytesOf(length * KIBIBYTE), (252 * KIBIBYTE) / perPage);
    });
  }

  it('counts a text that has a page of its own with its length', () => {
    assert.equal(bytesOf(200 * KIBIBYTE), 200 * KIBIBYTE + 16);
  });
});
