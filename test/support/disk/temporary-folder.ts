// Empty folders for tests that need real files, removed when the test is over.

import { existsSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The part of a `TestContext` that runs a function when the test is over. */
export interface Cleanup {
  after(done: () => unknown): void;
}

/** Makes an empty folder, which is removed when the test is over. */
export function temporaryFolder(t: Cleanup, parent = tmpdir()): string {
  const folder = realpathSync(mkdtempSync(join(parent, 'jot-')));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Makes one in memory if the machine has /dev/shm, for tests that a real disk would only slow down. */
export function folderInMemory(t: Cleanup): string {
  return temporaryFolder(t, existsSync('/dev/shm') ? '/dev/shm' : tmpdir());
}
