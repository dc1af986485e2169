// Programs that some tests need and a machine may lack. Such tests are skipped, each in one line.
// With `TEST_TOOLS=required` in the environment, a missing program is an error instead, so that a
// run that must be complete cannot pass with skipped tests.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';

/**
 * Returns the `skip` option of a test that needs programs: false, or the reason if one of the
 * commands fails.
 */
export function skipWithout(...commands: readonly (readonly [program: string, ...args: string[]])[]) {
  const missing = commands.find(([program, ...args]) => spawnSync(program, args).status !== 0);
  if (missing === undefined) return false;
  const reason = `${missing.join(' ')} does not run here`;
  assert.notEqual(process.env.TEST_TOOLS, 'required', reason);
  return reason;
}
