// Lists in pages (by key, not by offset): `after` names the last id that was seen, so a row that is added or removed
// meanwhile neither repeats nor hides another, and a page far down costs no more than the first one.

import type { Page } from '../lib/page.ts';
import { type Infer, integer, object, oneOf, withDefault } from '../schema/schema.ts';

const LIMIT_MAX = 200;
const LIMIT_DEFAULT = 50;

export const listQuery = object({
  limit: withDefault(integer({ min: 1, max: LIMIT_MAX, description: 'How many at most.' }), LIMIT_DEFAULT),
  after: withDefault(
    integer({ min: 0, description: 'Continue after this id; 0 starts at the beginning in either order.' }),
    0,
  ),
  order: withDefault(oneOf(['asc', 'desc'], { description: 'By id.' }), 'asc'),
});

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
