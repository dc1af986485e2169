// Warns about files with secrets that other users of the machine can read or change, as ssh does
// for private keys. Jot creates its files with mode 0600, but a copy or a restored backup has the
// mode that the umask allows. A start does not change the mode, since a group may have access on
// purpose. A user who can write to a folder can replace its files whatever their mode, unless the
// sticky bit of the folder is set, as in `/tmp`.
//
// Left out: access control lists, and the folders further up.

import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Log } from './log.ts';

const OTHERS = 0o077;
const OTHERS_WRITE = 0o002;
const STICKY = 0o1000;
const FILE = 'other users can access a file with secrets; run `chmod 600` on it';
const FOLDER = 'other users can replace the files in a folder; run `chmod o-w` on it';

/**
 * Logs a warning for each file, and for its folder, if other users have access.
 *
 * @param paths Null where there is no such file.
 */
export async function warnOfExposure(paths: readonly (string | null)[], log: Log): Promise<void> {
  const files = paths.filter((path) => path !== null);
  const isFolderOpen = (mode: number) => (mode & (OTHERS_WRITE | STICKY)) === OTHERS_WRITE;
  for (const path of files) await warnIf((mode) => (mode & OTHERS) !== 0, path, FILE, log);
  for (const path of new Set(files.map(dirname))) await warnIf(isFolderOpen, path, FOLDER, log);
}

async function warnIf(
  isExposed: (mode: number) => boolean,
  path: string,
  message: string,
  log: Log,
): Promise<void> {
  const mode = (await stat(path)).mode & 0o7777;
  if (isExposed(mode)) log.warn(message, { path, mode: mode.toString(8).padStart(4, '0') });
}
