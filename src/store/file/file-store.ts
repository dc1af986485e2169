// The store that keeps its word: everything in memory, every change in one file before anybody hears of it.

import { realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { JotError } from '../../lib/errors.ts';
import type { Log } from '../../lib/log.ts';
import { collectionNames } from '../collections.ts';
import type { Store } from '../store.ts';
import { createTableStore } from '../table-store.ts';
import { Tables } from '../tables.ts';
import { FileJournal } from './file-journal.ts';
import {
  type DataFile,
  type FileSystem,
  ignoreMissing,
  readWhole,
  realFileSystem,
  writeWhole,
} from './file-system.ts';
import { load } from './load.ts';
import { acquireLock, type Lock } from './lock.ts';
import { encodeHeader } from './record.ts';

export interface FileStoreOptions {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly log: Log;
  readonly fileSystem?: FileSystem;
}

/**
 * Opens a data file, made with mode 0600 (its folder with 0700) if it is not there.
 *
 * @throws JotError `unavailable` when another process owns the file, or it is damaged.
 */
export async function openFileStore(path: string, options: FileStoreOptions): Promise<Store> {
  const { fileSystem = realFileSystem } = options;
  try {
    await fileSystem.makeFolder(dirname(path));
    const realPath = await withoutLinks(path);
    const lock = await acquireLock(realPath);
    return await openLocked(realPath, lock, options).catch(async (error) => {
      await lock.release();
      throw error;
    });
  } catch (error) {
    if (error instanceof JotError) throw error;
    const reason = (error as Error).message;
    throw new JotError('unavailable', `Can't open the data file ${path}: ${reason}`, { cause: error });
  }
}

// The file itself may not be there yet; its folder is.
async function withoutLinks(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    ignoreMissing(error as NodeJS.ErrnoException);
    return join(await realpath(dirname(path)), basename(path));
  }
}

async function openLocked(path: string, lock: Lock, options: FileStoreOptions): Promise<Store> {
  const { now, log, fileSystem = realFileSystem } = options;
  const file = await openOrCreate(path, fileSystem);
  return closingOnError(file, async () => {
    const tables = new Tables();
    const { seq, goodBytes } = await load(file, path, tables);
    const tornBytes = (await file.size()) - goodBytes;
    if (tornBytes > 0) {
      const aside = await setTornAside(file, path, goodBytes, tornBytes, options);
      log.warn('the last change in the data file was not finished and is set aside', {
        path: aside,
        bytes: tornBytes,
      });
    }
    return createTableStore(
      tables,
      new FileJournal({ file, tables, seq, length: goodBytes, now, release: lock.release }),
    );
  });
}

// A new file is made beside its place and renamed into it, so that a file with half a first line is never seen there.
async function openOrCreate(path: string, fileSystem: FileSystem): Promise<DataFile> {
  const existing = await openExisting(path, fileSystem);
  if (existing !== null && (await existing.size()) > 0) return existing;
  await existing?.close();

  const beside = join(dirname(path), `.${basename(path)}.new`);
  await fileSystem.remove(beside).catch(ignoreMissing);
  const file = await fileSystem.open(beside, { create: true });
  const next = Object.fromEntries(collectionNames.map((name) => [name, 1]));
  return closingOnError(file, async () => {
    await writeAll(file, Buffer.from(encodeHeader({ seq: 0, next })));
    await fileSystem.rename(beside, path);
    await fileSystem.syncFolder(dirname(path));
    return file;
  });
}

async function openExisting(path: string, fileSystem: FileSystem): Promise<DataFile | null> {
  try {
    return await fileSystem.open(path, { create: false });
  } catch (error) {
    ignoreMissing(error as NodeJS.ErrnoException);
    return null;
  }
}

async function setTornAside(
  file: DataFile,
  path: string,
  goodBytes: number,
  tornBytes: number,
  { now, fileSystem = realFileSystem }: FileStoreOptions,
): Promise<string> {
  const torn = await readWhole(file, goodBytes, tornBytes);
  const asidePath = `${path}.torn-${new Date(now()).toISOString().replaceAll(':', '')}`;
  const aside = await fileSystem.open(asidePath, { create: true });
  await closingOnError(aside, () => writeAll(aside, torn));
  await aside.close();
  await fileSystem.syncFolder(dirname(path));
  file.truncate(goodBytes);
  await file.sync();
  return asidePath;
}

async function closingOnError<T>(file: DataFile, use: () => Promise<T>): Promise<T> {
  try {
    return await use();
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function writeAll(file: DataFile, bytes: Buffer): Promise<void> {
  writeWhole(file, bytes, 0);
  await file.sync();
}
