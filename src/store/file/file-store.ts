// The store that keeps its word: everything in memory, every change in one file before anybody hears of it.

import { realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { JotError } from '../../lib/errors.ts';
import type { Log } from '../../lib/log.ts';
import type { OnProgress, Store } from '../store.ts';
import { createTableStore } from '../table-store.ts';
import { Tables } from '../tables.ts';
import { besideWithTime, setAside } from './aside.ts';
import { FileJournal } from './file-journal.ts';
import { type DataFile, type FileSystem, ignoreMissing, realFileSystem } from './file-system.ts';
import { load } from './load.ts';
import { acquireLock, type Lock } from './lock.ts';
import { removeLeftover, writeDataFile } from './next-file.ts';

export interface FileStoreOptions {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly log: Log;
  /** Hears how much of the file is loaded, in bytes. */
  readonly onProgress?: OnProgress | undefined;
  readonly fileSystem?: FileSystem;
}

/**
 * Opens a data file, made with mode 0600 (its folder with 0700) if it is not there.
 *
 * @throws JotError `unavailable` when another process owns the file, or it is damaged.
 */
export async function openFileStore(path: string, options: FileStoreOptions): Promise<Store> {
  const { fileSystem = realFileSystem } = options;
  return explained(path, async () => {
    await fileSystem.makeFolder(dirname(path));
    const realPath = await withoutLinks(path);
    const lock = await acquireLock(realPath);
    return openLocked(realPath, lock, options).catch(async (error) => {
      await lock.release();
      throw error;
    });
  });
}

/** Gives errors of the system a sentence. */
export async function explained<T>(path: string, use: () => Promise<T>): Promise<T> {
  try {
    return await use();
  } catch (error) {
    if (error instanceof JotError) throw error;
    const reason = (error as Error).message;
    throw new JotError('unavailable', `Can't open the data file ${path}: ${reason}`, { cause: error });
  }
}

/** The path that all paths to this file have in common. The file itself may not be there yet; its folder is. */
export async function withoutLinks(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    ignoreMissing(error as NodeJS.ErrnoException);
    return join(await realpath(dirname(path)), basename(path));
  }
}

async function closingOnError<T>(file: DataFile, use: () => Promise<T>): Promise<T> {
  try {
    return await use();
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function openLocked(path: string, lock: Lock, options: FileStoreOptions): Promise<Store> {
  const { now, log, onProgress, fileSystem = realFileSystem } = options;
  await removeLeftover(fileSystem, path);
  const file = await openOrCreate(path, fileSystem);
  return closingOnError(file, async () => {
    const tables = new Tables();
    const { seq, goodBytes } = await load(file, path, tables, onProgress);
    const tornBytes = (await file.size()) - goodBytes;
    if (tornBytes > 0) {
      const aside = besideWithTime(path, 'torn', now);
      await setAside(fileSystem, file, goodBytes, aside);
      file.truncate(goodBytes);
      await file.sync();
      log.warn('the last change in the data file was not finished and is set aside', {
        path: aside,
        bytes: tornBytes,
      });
    }
    const { release } = lock;
    const journal = new FileJournal({
      fileSystem,
      path,
      file,
      tables,
      seq,
      length: goodBytes,
      now,
      log,
      release,
    });
    journal.compactIfWorthwhile();
    lock.answerWith((request) => answer(journal, request));
    return createTableStore(tables, journal);
  });
}

// What other processes can ask of the one that has the file.
async function answer(journal: FileJournal, request: string): Promise<string> {
  if (request !== 'compact') throw new JotError('bad_request', 'Nothing is known of such a request');
  return JSON.stringify(await journal.compact());
}

async function openOrCreate(path: string, fileSystem: FileSystem): Promise<DataFile> {
  const existing = await openExisting(path, fileSystem);
  if (existing === null) return writeDataFile(fileSystem, path, new Tables());
  const isEmpty = await closingOnError(existing, async () => {
    // A killed process may have left changes, or the very name, in memory alone. What is shown from here on has to last.
    await existing.sync();
    await fileSystem.syncFolder(dirname(path));
    // One name would lead to one lock, the other one to another.
    if ((await existing.countNames()) > 1) {
      throw new JotError(
        'unavailable',
        `The data file ${path} has a second name, a hard link: remove one of the two`,
      );
    }
    return (await existing.size()) === 0;
  });
  if (!isEmpty) return existing;
  await existing.close();
  return writeDataFile(fileSystem, path, new Tables());
}

async function openExisting(path: string, fileSystem: FileSystem): Promise<DataFile | null> {
  try {
    return await fileSystem.open(path, 'write');
  } catch (error) {
    ignoreMissing(error as NodeJS.ErrnoException);
    return null;
  }
}
