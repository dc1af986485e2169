// The memory of a row. A bound on what users store must be in bytes of V8's heap: rows on disk may
// be three times as long as in the heap (`\u0001`) or half as long (`Ā`). V8 reports the size of
// its heap but not of an object, so this file estimates: the bytes of the texts, which can be
// long, plus a constant for everything else.
//
// V8 places objects of up to 128 KiB in pages of 256 KiB and moves them as little as it can. Two
// texts of 127 KiB do not fit in one page, so each of them takes 256 KiB: a heap that was full of
// them would be half unused. So a long text counts with its share of a page.
//
// Left out: the difference between small rows. The constants are right to within 150 bytes, and a
// user who owns nothing counts as 1,100 bytes too many.

import { textBytes } from '../../lib/text-bytes.ts';
import { type CollectionName, type Entity, ownedCollections, uniqueKeys } from '../collections.ts';

// The object, its numbers and its entries in Maps and lists. Measured: 210 for a post, 280 for a
// user, 300 for a session.
const ROW_BYTES = 320;
// The list of what a row owns in a collection, and the account of it. Measured: 480 to 610.
const OWNED_BYTES = 550;
// Room for objects in a page. Longer objects have pages of their own size.
const PAGE_BYTES = 252 * 1024;
const PAGED_BYTES_MAX = 128 * 1024;
// Shorter texts fill the gaps.
const LONG_BYTES = 16 * 1024;

/** Returns about how many bytes a row takes in V8's heap, with its share of the indexes. */
export function rowBytes(name: CollectionName, row: Entity): number {
  let bytes = ROW_BYTES + OWNED_BYTES * ownedCollections[name].length;
  const values = row as unknown as Readonly<Record<string, unknown>>;
  for (const field in values) {
    const value = values[field];
    if (typeof value === 'string') bytes += withGap(textBytes(value));
  }
  // May be much longer than the field: U+FDFA becomes 18 characters.
  for (const [, key] of uniqueKeys(name, row)) bytes += textBytes(key);
  return bytes;
}

function withGap(bytes: number): number {
  if (bytes < LONG_BYTES || bytes > PAGED_BYTES_MAX) return bytes;
  return Math.ceil(PAGE_BYTES / Math.floor(PAGE_BYTES / bytes));
}
