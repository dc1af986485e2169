// The store that keeps its word: everything in memory, every change in one file before anybody hears of it.

import { dirname } from 'node:path';
import { acquireLock, type Lock } from '../../control/lock.ts';
import { parseRequest } from '../../control/protocol.ts';
import { JotError } from '../../lib/errors.ts';
import { ignoreMissing, withoutLinks } from '../../lib/file-access.ts';
import type { Log } from '../../lib/log.ts';
import { type Capacity, DEFAULT_CAPACITY } from '../capacity.ts';
import { SCHEMA } from '../lift.ts';
import { createTableStore } from '../memory/journaled-store.ts';
import { Tables } from '../memory/tables.ts';
import type { ControlHandlers, Store } from '../store.ts';
import { explained } from './data-path.ts';
import { FileJournal } from './file-journal.ts';
import { type DataFile, type FileSystem, realFileSystem } from './file-system.ts';
import { load } from './load.ts';
import { describeNeed } from './memory-need.ts';
import { removeLeftover, writeDataFile } from './next-file.ts';
import { RowsInFile } from './rows-in-file.ts';
import { besideWithTime, namesAside, type Part, removeUnfinished, setAside } from './set-aside.ts';

export interface FileStoreOptions {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly log: Log;
  /** Default `DEFAULT_CAPACITY`. */
  readonly capacity?: Capacity;
  readonly fileSystem?: FileSystem;
  /** Whether the rows stay in the file, which takes less memory and more time; default false. */
  readonly rowsInFile?: boolean;
  /** Gives what other processes can ask for, beside `compact`. */
  readonly answers?: (() => Promise<ControlHandlers>) | undefined;
}

/**
 * Opens a data file, made with mode 0600 (its folder with 0700) if it is not there.
 *
 * @throws JotError `unavailable` when another process owns the file, or it is damaged.
 */
export async function openFileStore(path: string, options: FileStoreOptions): Promise<Store> {
  const { fileSystem = realFileSystem } = options;
  return explained('open', path, async () => {
    await fileSystem.makeFolder(dirname(path));
    const realPath = await withoutLinks(path);
    const lock = await acquireLock(realPath);
    return openLocked({ path, realPath, lock }, options).catch(async (error) => {
      await lock.release();
      throw error;
    });
  });
}

async function closingOnError<T>(file: DataFile, use: () => Promise<T>): Promise<T> {
  try {
    return await use();
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** The file by the name that it was given, by its own, and the lock on it. */
interface Place {
  readonly path: string;
  readonly realPath: string;
  readonly lock: Lock;
}

async function openLocked(place: Place, options: FileStoreOptions): Promise<Store> {
  const { log, rowsInFile = false, fileSystem = realFileSystem } = options;
  const { path, realPath } = place;
  await settleLeftovers(realPath, options);
  const file = await openOrCreate(place, fileSystem, log);
  return closingOnError(file, async () => {
    if (!rowsInFile) return openLoaded(place, file, options);
    // A compaction closes the file of the journal, while rows may still be looked up.
    const rowsFile = await explained('open', path, () => fileSystem.open(realPath, 'read'));
    return closingOnError(rowsFile, () => openLoaded(place, file, options, new RowsInFile(rowsFile, path)));
  });
}

async function openLoaded(
  { path, realPath, lock }: Place,
  file: DataFile,
  options: FileStoreOptions,
  rows?: RowsInFile,
): Promise<Store> {
  const { now, log, answers = async () => ({}), capacity = DEFAULT_CAPACITY } = options;
  const { fileSystem = realFileSystem } = options;
  const tables = rows?.createTables() ?? new Tables({ rowsMax: capacity.rows });
  const loaded = await explained('read', path, () => load(file, path, tables, { rows }));
  const { seq, goodBytes, schema, peakBytes } = loaded;
  const need = describeNeed(peakBytes);
  if (need !== null) log.warn(need);
  if (schema < SCHEMA)
    log.info('the data file has an older schema; its next compaction writes the new one', {
      file_schema: schema,
      schema: SCHEMA,
    });
  const tornBytes = (await file.size()) - goodBytes;
  const torn = { file, path: realPath, start: goodBytes };
  const journal = new FileJournal({
    fileSystem,
    path: realPath,
    file,
    tables,
    seq,
    schema,
    length: goodBytes,
    setTornEndAside: tornBytes === 0 ? null : () => setTornEndAside(torn, tornBytes, options),
    now,
    log,
    async release() {
      await rows?.close();
      await lock.release();
    },
  });
  await journal.start();
  lock.handleWith((line) => answer(line, { compact: () => journal.compact() }, answers));
  return createTableStore(tables, journal, capacity);
}

// A start does not need space for the copy: reads work without the copy, and the end stays in place
// until there is space.
async function setTornEndAside(
  torn: Part,
  bytes: number,
  { now, log, fileSystem = realFileSystem }: FileStoreOptions,
): Promise<void> {
  try {
    const path = await setAside(fileSystem, torn, besideWithTime(torn.path, 'torn', now));
    log.warn('the last change in the data file was not finished and is set aside', { path, bytes });
  } catch (cause) {
    const { message } = cause as Error;
    throw new Error(`the torn end of the data file cannot be set aside: ${message}`, { cause });
  }
}

// A killed command may leave a copy with password hashes without having printed its name.
async function settleLeftovers(
  path: string,
  { log, fileSystem = realFileSystem }: FileStoreOptions,
): Promise<void> {
  await removeLeftover(fileSystem, path);
  await removeUnfinished(fileSystem, path);
  const names = await namesAside(fileSystem, path);
  if (names.length === 0) return;
  log.info('files that were set aside hold data of users; remove them when they are not needed', {
    names: names.join(', '),
  });
}

// What is the file's own is answered at once; the rest may have to wait until whoever opened the file is ready for it.
async function answer(
  line: string,
  own: ControlHandlers,
  others: () => Promise<ControlHandlers>,
): Promise<string> {
  const { name, value } = parseRequest(line);
  const answers = Object.hasOwn(own, name) ? own : await others();
  const found = Object.hasOwn(answers, name) ? answers[name] : undefined;
  if (found === undefined) throw new JotError('bad_request', 'There is no such request');
  return JSON.stringify((await found(value)) ?? null);
}

async function openOrCreate({ path, realPath }: Place, fileSystem: FileSystem, log: Log): Promise<DataFile> {
  const create = async () => {
    const made = await explained('write', path, () => writeDataFile(fileSystem, realPath, new Tables()));
    // Whoever misspelt the path of a file with data in it would otherwise wonder where the data has gone.
    log.info('data file made', { path: realPath });
    return made;
  };
  const existing = await openExisting(realPath, fileSystem);
  if (existing === null) return create();
  const isEmpty = await closingOnError(existing, async () => {
    // A killed process may have left changes, or the very name, in memory alone. What is shown from here on has to last.
    await existing.sync();
    await fileSystem.syncFolder(dirname(realPath));
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
  log.warn(
    'the data file is empty, as a failed copy leaves it; if it had data, stop Jot and restore a backup',
    {
      path: realPath,
    },
  );
  return create();
}

async function openExisting(path: string, fileSystem: FileSystem): Promise<DataFile | null> {
  try {
    return await fileSystem.open(path, 'write');
  } catch (error) {
    ignoreMissing(error as NodeJS.ErrnoException);
    return null;
  }
}
