// Lists in pages (by key, not by offset): `after` names the last id that was seen, so a row that is added or removed
// meanwhile neither repeats nor hides another, and a page far down costs no more than the first one.
//
// A page is put into words in one piece, and nobody else is served meanwhile. So where rows can be long a page is bounded by their
// text too: it ends early, and continues after the last row that is on it, as if no more had been asked for.

import type { Page } from '../lib/page.ts';
import { type Infer, integer, object, oneOf, withDefault } from '../schema/schema.ts';

export const LIMIT_MAX = 200;
const LIMIT_DEFAULT = 50;
const KIBIBYTE = 1024;
// Of all rows on a page together; in UTF-16 units, since a string knows how many it has. In an answer one takes a byte mostly, and
// six at worst (`\u0001`): 1.5 MiB, and ten milliseconds.
export const TEXT_LENGTH_MAX = 256 * KIBIBYTE;

export const listQuery = object({
  limit: withDefault(
    integer({
      min: 1,
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

/** The page up to the row with which its texts would be too long together; the first row is always on it, however long. */
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

/** Path and query of the page behind this one, or null at the end. */
export function nextPath(
  path: string,
  query: Infer<typeof listQuery>,
  { next }: Page<unknown>,
): string | null {
  if (next === null) return null;
  const order = query.order === 'asc' ? '' : '&order=desc';
  return `${path}?limit=${query.limit}&after=${next}${order}`;
}
