// What there is, in words.

import { collectionNames } from '../store/collections.ts';
import type { Tables } from '../store/tables.ts';
import { counted } from './command.ts';

/** `2 users, 5 posts, 1 session`. */
export function countsOf(tables: Tables): string {
  return collectionNames.map((name) => counted(tables.count(name), name)).join(', ');
}

/** The first of many, and how many more there are; of some, only the first may be here. */
export function firstOf(lines: readonly string[], linesMax: number, count = lines.length): string[] {
  const more = count - linesMax;
  return more > 0 ? [...lines.slice(0, linesMax), `and ${more.toLocaleString('en-US')} more`] : [...lines];
}
