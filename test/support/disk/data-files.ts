// Data files with content that a test writes itself, and their rows as a start would read them.

import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import {
  type CollectionName,
  collectionNames,
  type Entity,
  type Id,
} from '../../../src/store/collections.ts';
import { readDataFile } from '../../../src/store/file/offline.ts';
import type { Tables } from '../../../src/store/memory/tables.ts';
import { type Cleanup, temporaryFolder } from './temporary-folder.ts';

/** Writes a file with this content in a folder of its own; returns its path. */
export function dataFile(t: Cleanup, content: string | Uint8Array): string {
  const path = join(temporaryFolder(t), 'jot.jsonl');
  // As Jot creates it; a start warns of a file that other users can read.
  writeFileSync(path, content, { mode: 0o600 });
  return path;
}

export interface Contents {
  /** By id. */
  readonly rows: Readonly<Record<CollectionName, readonly Entity[]>>;
  readonly next: Readonly<Record<CollectionName, Id>>;
}

/** Resolves to the rows that a start would read from the file. */
export async function contentsOf(path: string): Promise<Contents> {
  return readDataFile(path, async ({ tables }) => contentsIn(tables));
}

export function contentsIn(tables: Tables): Contents {
  const each = <T>(of: (name: CollectionName) => T) =>
    Object.fromEntries(collectionNames.map((name) => [name, of(name)])) as Record<CollectionName, T>;
  const byId = (name: CollectionName) => [...tables.rows(name)].sort((one, other) => one.id - other.id);
  return { rows: each(byId), next: each((name) => tables.nextId(name)) };
}

/** Returns all that is visible of a file and its folder, to show that neither was touched. */
export function traceOf(path: string) {
  const { mtimeMs, ino, mode, size } = statSync(path);
  const names = readdirSync(dirname(path)).sort();
  return { content: readFileSync(path, 'latin1'), mtimeMs, ino, mode, size, names };
}
