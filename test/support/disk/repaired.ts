// A damaged data file and what a repair makes of it.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { check } from '../../../src/commands/check.ts';
import { type Repair, repairDataFile } from '../../../src/store/file/repair.ts';
import type { User } from '../../../src/store/open.ts';
import { runCommand } from '../process/world.ts';
import { type Contents, contentsOf, dataFile } from './data-files.ts';
import { TIME } from './records.ts';
import { userNamed } from './stores.ts';
import type { Cleanup } from './temporary-folder.ts';

/** The name that a file as it was is kept by. */
export const ASIDE = 'jot.jsonl.damaged-2026-11-23T123513.000Z';
export const MISMATCH = 'its checksum does not match';

export const now = () => TIME;

export function userOf(id: number, username: string, version = 1): User {
  return { id, version, ...userNamed(username) };
}

export interface Repaired {
  readonly path: string;
  readonly repair: Repair;
  readonly contents: Contents;
}

/** Repairs a file of its own with these lines, and holds what must be so whatever the damage is. */
export async function repaired(t: Cleanup, content: string | Uint8Array): Promise<Repaired> {
  const path = dataFile(t, content);
  const repair = await repairDataFile(path, { now, dropRows: true });
  assert.ok(repair !== null && repair.original !== null, 'there is no damage');
  assert.deepEqual(readdirSync(dirname(path)).sort(), ['jot.jsonl', ASIDE]);
  assert.equal(repair.original, `${dirname(path)}/${ASIDE}`);
  assert.deepEqual(
    readFileSync(repair.original),
    Buffer.from(content),
    'the damaged one is kept byte for byte',
  );
  assert.equal((statSync(repair.original).mode & 0o777).toString(8), '600');
  assert.equal((await runCommand(check, [path])).code, 0);
  assert.equal(await repairDataFile(path, { now }), null, 'and nothing is left to repair');
  return { path, repair, contents: await contentsOf(path) };
}

export function namesOf({ contents }: Repaired): string[] {
  return contents.rows.users.map((user) => (user as User).username);
}

export function lossesOf({ repair }: Repaired): string[] {
  return repair.losses.map(({ line, reason }) => `${line}: ${reason}`);
}
