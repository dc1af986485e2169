import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LOADABLE_BYTES } from '../../../src/store/capacity.ts';
import { describeNeed } from '../../../src/store/file/memory-need.ts';

describe('describeNeed', () => {
  it('returns null for rows that a start can load, and the ways out for one byte more', () => {
    assert.equal(describeNeed(LOADABLE_BYTES), null);
    assert.match(
      describeNeed(LOADABLE_BYTES + 1) ?? '',
      /--max-old-space-size=\d+ is enough\. `jot user list` .*`jot user delete` .*`jot compact` /,
    );
  });
});
