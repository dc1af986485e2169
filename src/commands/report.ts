// What there is, in words.

import { type CollectionName, collectionNames } from '../store/collections.ts';
import type { Tables } from '../store/memory/tables.ts';
import type { Misfit } from '../store/validate-rows.ts';
import { counted } from './command.ts';

/** `2 users, 5 posts, 1 session`. */
export function countsOf(tables: Tables): string {
  return collectionNames.map((name) => rowsOf(tables.count(name), name)).join(', ');
}

/** `1 user`, `2 users`: a collection has the name of many of its rows, which ends in an s that one has not. */
export function rowsOf(count: number, name: CollectionName): string {
  return counted(count, name.slice(0, -1), name);
}

/** A line of a list. */
export function misfitLine({ name, row, reason }: Misfit): string {
  return `  row ${row.id} of ${name}: ${reason}`;
}

/** The first of many, and how many more there are; of some, only the first may be here. */
export function firstOf(lines: readonly string[], linesMax: number, count = lines.length): string[] {
  const more = count - linesMax;
  return more > 0 ? [...lines.slice(0, linesMax), `and ${more.toLocaleString('en-US')} more`] : [...lines];
}
