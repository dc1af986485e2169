// Folders for tests that need real files.

import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Runs something when a test is over; a `TestContext` does. */
export interface Cleanup {
  after(done: () => unknown): void;
}

/** An empty folder of the test's own. It is gone when the test is over. */
export function temporaryFolder(t: Cleanup): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'jot-')));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
