// Data files outside of a server: read while somebody else may be writing, or replaced while nobody does.

import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { acquireLock, callHolder } from '../../control/lock.ts';
import type { HolderResponse } from '../../control/protocol.ts';
import { JotError } from '../../lib/errors.ts';
import { ignoreMissing, withoutLinks } from '../../lib/file-access.ts';
import { collectionNames } from '../collections.ts';
import type { OnLifted } from '../lift.ts';
import { Tables } from '../memory/tables.ts';
import { explained } from './data-path.ts';
import { type FileSystem, realFileSystem } from './file-system.ts';
import { type Loaded, load } from './load.ts';
import { writeDataFile } from './next-file.ts';
import { encodeSnapshotRow, HEADER_BYTES } from './record.ts';
import { RowsInFile } from './rows-in-file.ts';

export interface OfflineOptions {
  readonly fileSystem?: FileSystem;
}

export interface ReadOptions extends OfflineOptions {
  /** Also called each time an older row is looked up. */
  readonly onLifted?: OnLifted | undefined;
  /** Called with the rows before the damage; the promise then rejects. */
  readonly onDamage?: (tables: Tables) => void;
}

/** What is in a data file. */
export interface Contents extends Loaded {
  readonly tables: Tables;
  readonly bytes: number;
}

/**
 * Reads a data file as it is now, even while a server has it open. The rows stay in the file:
 * `use` can look them up until its promise settles.
 *
 * @throws JotError `unavailable` if the file is missing or damaged, with line and byte.
 */
export async function readDataFile<T>(
  path: string,
  use: (contents: Contents) => Promise<T>,
  { onLifted, onDamage, fileSystem = realFileSystem }: ReadOptions = {},
): Promise<T> {
  const file = await explained('find', path, () => fileSystem.open(path, 'read'));
  const rows = new RowsInFile(file, path, onLifted);
  const tables = rows.createTables();
  const read = async (): Promise<Contents> => {
    const bytes = await file.size();
    const loaded = await load(file, path, tables, { onLifted, rows });
    // A server may have added to the file since.
    return { ...loaded, tables, bytes: Math.max(bytes, loaded.goodBytes) };
  };
  try {
    const contents = await explained('read', path, read).catch((error) => {
      onDamage?.(tables);
      throw error;
    });
    return await use(contents);
  } finally {
    await file.close();
  }
}

/** How many bytes a data file with these rows would have if it were compacted. */
export function compactedBytes(tables: Tables): number {
  let bytes = HEADER_BYTES;
  let number = 0;
  for (const name of collectionNames) {
    for (const row of tables.rows(name)) bytes += Buffer.byteLength(encodeSnapshotRow(++number, name, row));
  }
  return bytes;
}

/**
 * Does something to a data file that nobody else may have meanwhile.
 *
 * @param use Is given the path without symbolic links.
 * @throws JotError `unavailable` when another process has it.
 */
export async function withDataFile<T>(path: string, use: (realPath: string) => Promise<T>): Promise<T> {
  const { realPath, lock } = await explained('find', path, async () => {
    const realPath = await withoutLinks(path);
    return { realPath, lock: await acquireLock(realPath) };
  });
  try {
    return await use(realPath);
  } finally {
    await lock.release();
  }
}

/**
 * Puts rows into a data file that has none.
 *
 * @param fill Puts them into the tables; ids that were given out before are reserved there.
 * @throws JotError `unavailable`, `conflict`; then the file is as it was.
 */
export async function fillDataFile(
  path: string,
  fill: (tables: Tables) => Promise<void>,
  { fileSystem = realFileSystem }: OfflineOptions = {},
): Promise<void> {
  await explained('open', path, () => fileSystem.makeFolder(dirname(path)));
  await withDataFile(path, async (realPath) => {
    const isThere = (await stat(realPath).catch(ignoreMissing)) !== undefined;
    const { tables, seq } = isThere
      ? await readDataFile(path, async (contents) => contents, { fileSystem })
      : { tables: new Tables(), seq: 0 };
    const isEmpty = collectionNames.every((name) => tables.count(name) === 0);
    if (!isEmpty)
      throw new JotError('conflict', `There are rows in ${path} already; an import needs an empty one`);
    await fill(tables);
    await explained('write', path, async () => {
      const file = await writeDataFile(fileSystem, realPath, tables, seq);
      await file.close();
    });
  });
}

/**
 * Asks the process that has the data file for one of the things that it was opened with an answer for.
 *
 * @param askingMsMax As for `callHolder`.
 * @returns what it says; null when nobody has the file, or there is none.
 */
export async function callRunning(
  path: string,
  name: string,
  value?: unknown,
  askingMsMax?: number,
): Promise<HolderResponse | null> {
  return explained('open', path, async () => {
    const realPath = await withoutLinks(path).catch(ignoreMissing);
    return realPath === undefined ? null : callHolder(realPath, name, value, askingMsMax);
  });
}
