// Formats counts, rows and lists.

import { type CollectionName, collectionNames } from '../store/collections.ts';
import type { Tables } from '../store/memory/tables.ts';
import type { Misfit } from '../store/validate-rows.ts';
import { counted } from './command.ts';

/** `2 users, 5 posts, 1 session`. */
export function countsOf(tables: Tables): string {
  return collectionNames.map((name) => rowsOf(tables.count(name), name)).join(', ');
}

/** `1 user`, `2 users`: the name of a collection is a plural that ends in s. */
export function rowsOf(count: number, name: CollectionName): string {
  return counted(count, name.slice(0, -1), name);
}

/** Returns the line of a misfit in a report. */
export function misfitLine({ name, id, reason }: Misfit): string {
  return `  row ${id} of ${name}: ${reason}`;
}

/**
 * Returns the first lines, and the number of further ones. `lines` may be only the first of
 * `count`.
 */
export function firstOf(lines: readonly string[], linesMax: number, count = lines.length): string[] {
  const more = count - linesMax;
  return more > 0 ? [...lines.slice(0, linesMax), `and ${more.toLocaleString('en-US')} more`] : [...lines];
}
