// Pages of a list, by key instead of by offset: `after` is the last id on the previous page. With
// an offset, a row that is added or removed in between would repeat or hide another, and a late
// page would cost more than the first.
//
// A page is serialized in one piece, which blocks the event loop. So a page of rows that can be
// long is also bounded by the total length of their texts. It ends early, and the next page
// continues after its last row.

import type { Page } from '../lib/page.ts';
import { type Infer, integer, object, oneOf, withDefault } from '../schema/schema.ts';

export const LIMIT_MAX = 200;
const LIMIT_DEFAULT = 50;
const KIBIBYTE = 1024;
// Total of all rows on a page, in UTF-16 units, the unit of `length`. In a response, most units
// take one byte, and at worst six (`\u0001`), which is 1.5 MiB and ten milliseconds.
export const TEXT_LENGTH_MAX = 256 * KIBIBYTE;

export const listQuery = listQueryFrom(1);

/** @param limitMin Minimum of `limit`. */
export function listQueryFrom(limitMin: 0 | 1) {
  return object({
    limit: withDefault(
      integer({
        min: limitMin,
        max: LIMIT_MAX,
        description: `How many at most; a page ends early where its texts come to more than ${TEXT_LENGTH_MAX / KIBIBYTE} KiB.`,
      }),
      LIMIT_DEFAULT,
    ),
    after: withDefault(
      integer({ min: 0, description: 'Continue after this id; 0 starts at the beginning in either order.' }),
      0,
    ),
    order: withDefault(oneOf(['asc', 'desc'], { description: 'By id.' }), 'asc'),
  });
}

/**
 * Returns the rows of the page whose texts together stay within the limit; always at least the
 * first row.
 */
export function withinLength<Row extends { readonly id: number }>(
  page: Page<Row>,
  textLength: (row: Row) => number,
): Page<Row> {
  let length = 0;
  let last: Row | null = null;
  for (const [index, row] of page.rows.entries()) {
    length += textLength(row);
    if (length > TEXT_LENGTH_MAX && last !== null) return { rows: page.rows.slice(0, index), next: last.id };
    last = row;
  }
  return page;
}

/**
 * Returns path and query of the next page, with the other parameters unchanged; null at the end.
 */
export function nextPath(
  path: string,
  { after: _, order, ...others }: Infer<typeof listQuery>,
  { next }: Page<unknown>,
): string | null {
  if (next === null) return null;
  const query = { ...others, after: next, order: order === 'asc' ? undefined : order };
  const pairs = Object.entries(query).filter(([, value]) => value !== undefined);
  return `${path}?${pairs.map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`).join('&')}`;
}
