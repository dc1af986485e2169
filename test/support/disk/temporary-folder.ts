// Empty folders for tests that need real files, removed when the test is over.

import { existsSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Runs something when a test is over; a `TestContext` does. */
export interface Cleanup {
  after(done: () => unknown): void;
}

/** An empty folder of the test's own. It is gone when the test is over. */
export function temporaryFolder(t: Cleanup, parent = tmpdir()): string {
  const folder = realpathSync(mkdtempSync(join(parent, 'jot-')));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** The same in memory where the machine has such a place: for tests in which the power stays on, and a disk is only slow. */
export function folderInMemory(t: Cleanup): string {
  return temporaryFolder(t, existsSync('/dev/shm') ? '/dev/shm' : tmpdir());
}
