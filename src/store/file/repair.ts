// Replaces a damaged data file with a new one that holds everything that could be saved. If the
// file is whole but some of its rows contradict others, only those rows are dropped. The original
// file is kept next to the new one.
//
// A row whose only fault is its shape may be intact: the cause may be another program, or a
// declaration that lacks a migration. So a repair only lists such rows and leaves the file as it
// is, unless the caller asks to drop them.

import { JotError } from '../../lib/errors.ts';
import { DamageError, NotJotError } from '../damage.ts';
import type { Tables } from '../memory/tables.ts';
import { removeMisfits } from '../validate-rows.ts';
import { explained } from './data-path.ts';
import { type DataFile, realFileSystem } from './file-system.ts';
import { readLines } from './lines.ts';
import { type Loaded, load } from './load.ts';
import { writeDataFile } from './next-file.ts';
import { type OfflineOptions, withDataFile } from './offline.ts';
import { RowsInFile } from './rows-in-file.ts';
import { Salvage, type Salvaged } from './salvage.ts';
import { besideWithTime, removeIfThere, setAside } from './set-aside.ts';

export interface RepairOptions extends OfflineOptions {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Whether to drop rows whose only fault is their shape; default false. */
  readonly dropRows?: boolean;
}

export interface Repair extends Salvaged {
  /**
   * Path of the original file; null if the file was left as it is, because rows would be dropped
   * for their shape.
   */
  readonly original: string | null;
}

/**
 * Replaces a data file by one with everything in it that is whole and can be there.
 *
 * @returns what was done; null when there is nothing to do. An unfinished end is none of it: every start sets that aside.
 * @throws JotError `unavailable` when another process has the file, it is not a data file, or nothing in it can be read; it is as it was.
 */
export async function repairDataFile(path: string, options: RepairOptions): Promise<Repair | null> {
  const { fileSystem = realFileSystem, now, dropRows = false } = options;
  return withDataFile(path, async (realPath) => {
    const file = await explained('find', path, () => fileSystem.open(realPath, 'read'));
    try {
      const saved = await explained('read', path, () => salvaged(file, path));
      if (saved === null) return null;
      if (saved.misshapen.length > 0 && !dropRows) return { ...saved, original: null };
      const original = besideWithTime(realPath, 'damaged', now);
      await explained('write', path, () => replace({ file, path: realPath, original }, saved, options));
      return { ...saved, original };
    } finally {
      await file.close();
    }
  });
}

async function salvaged(file: DataFile, path: string): Promise<Salvaged | null> {
  const rows = new RowsInFile(file, path);
  const tables = rows.createTables();
  const loaded = await loadOrDamage(file, path, tables, rows);
  if (!(loaded instanceof JotError)) return withoutMisfits(tables, loaded);
  const salvage = new Salvage(path, file);
  for await (const block of readLines(file)) for (const line of block) salvage.take(line);
  const isForeign = loaded.details.cause instanceof NotJotError && salvage.rowsRead === 0;
  if (isForeign) throw loaded;
  return salvage.finish();
}

async function loadOrDamage(
  file: DataFile,
  path: string,
  tables: Tables,
  rows: RowsInFile,
): Promise<Loaded | JotError> {
  try {
    return await load(file, path, tables, { rows });
  } catch (error) {
    if (error instanceof JotError && error.details.cause instanceof DamageError) return error;
    throw error;
  }
}

// No line is lost, so nobody has logged out without its being known, and no id was given out.
function withoutMisfits(tables: Tables, { lines, seq }: Loaded): Salvaged | null {
  const misfits = removeMisfits(tables);
  if (misfits.length === 0) return null;
  const misshapen = misfits
    .filter(({ isMisshapen }) => isMisshapen)
    .map(({ name, id, reason }) => `row ${id} of ${name} is not valid: ${reason}`);
  return { lines, losses: [], lossCount: 0, misshapen, misfits, sessionsEnded: 0, tables, seq };
}

interface Original {
  readonly file: DataFile;
  readonly path: string;
  /** Where it goes. */
  readonly original: string;
}

async function replace(
  { file, path, original }: Original,
  { tables, seq }: Salvaged,
  { fileSystem = realFileSystem }: RepairOptions,
): Promise<void> {
  await setAside(fileSystem, { file, path, start: 0 }, original);
  try {
    const next = await writeDataFile(fileSystem, path, tables, seq);
    await next.close();
  } catch (error) {
    // As long as the file is in its place, a copy of it is only in the way.
    if (await file.isAt(path)) await removeIfThere(fileSystem, original);
    throw error;
  }
}
