// The memory of a row. A bound on what users store must be in bytes of V8's heap: rows on disk may
// be three times as long as in the heap (`\u0001`) or half as long (`Ā`). V8 reports the size of
// its heap but not of an object, so this file estimates: the bytes of the texts, which can be
// long, plus a constant for everything else.
//
// Left out: the difference between small rows. The constant is right to within 250 bytes.

import { textBytes } from '../../lib/text-bytes.ts';
import type { Entity } from '../collections.ts';

// The object, its numbers and its entries in Maps and lists. Measured: 235 for one of many posts of
// a user, 300 for a user, 630 for the only session of a user, who then needs a list for it.
const ROW_BYTES = 400;

/** Returns about how many bytes a row takes in V8's heap, with its share of the indexes. */
export function rowBytes(row: Entity): number {
  let bytes = ROW_BYTES;
  const values = row as unknown as Readonly<Record<string, unknown>>;
  for (const name in values) {
    const value = values[name];
    if (typeof value === 'string') bytes += textBytes(value);
  }
  return bytes;
}
