// Lists in pages (by key, not by offset): `after` names the last id that was seen, so a row that is added or removed
// meanwhile neither repeats nor hides another, and a page far down costs no more than the first one.
//
// A page is serialized in one piece, which blocks the event loop. So a page of rows that can be long is bounded by their text
// too: it ends early, and continues after its last row, as if no more had been asked for.

import type { Page } from '../lib/page.ts';
import { type Infer, integer, object, oneOf, withDefault } from '../schema/schema.ts';

export const LIMIT_MAX = 200;
const LIMIT_DEFAULT = 50;
const KIBIBYTE = 1024;
// Of all rows on a page together; in UTF-16 units, which a string counts itself. In a response one takes a byte mostly, and
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

/** Returns path and query of the next page, or null at the end. Other parameters of the query stay as they are. */
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
