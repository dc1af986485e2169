import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { describe, it, type TestContext } from 'node:test';
import { openKeyFile } from '../../src/auth/key-file.ts';
import { exportText } from '../support/disk/exports.ts';
import { openFor, userNamed } from '../support/disk/stores.ts';
import { temporaryFolder } from '../support/disk/temporary-folder.ts';
import { program } from '../support/process/command.ts';
import { withoutPlace } from '../support/process/world.ts';

/** Runs a command whose standard output goes there. @returns its exit code and what it says on standard error. */
async function writingTo(
  output: string,
  args: readonly string[],
  folder: string,
  input = '',
): Promise<[code: number | null, stderr: string]> {
  const command = [process.execPath, ...program, ...args];
  const { PATH, HOME } = process.env;
  const child = spawn('sh', ['-c', `exec "$0" "$@" > ${output}`, ...command], {
    env: { PATH, HOME, DATABASE_URL: `file:${folder}/jot.jsonl` },
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  child.stdin.end(input);
  const stderr = await text(child.stderr);
  return [await ended, stderr];
}

async function folderWith(t: TestContext, isThere: boolean): Promise<string> {
  const folder = temporaryFolder(t);
  if (!isThere) return folder;
  const store = await openFor(t, `file:${folder}/jot.jsonl`);
  await store.users.create(userNamed('matt'));
  await store.close();
  await openKeyFile(`${folder}/jot.keys.json`, Date.now);
  return folder;
}

describe('runCommandLine with a report that cannot be written', () => {
  const options = existsSync('/dev/full') ? {} : { skip: 'there is no /dev/full here' };
  const rows: readonly (readonly [args: string[], isThere: boolean, input?: string])[] = [
    [['check'], true],
    [['compact'], true],
    [['repair'], true],
    [['export', '--with-secrets'], true],
    [['import'], false, exportText()],
    [['keys', 'rotate'], true],
  ];
  for (const [args, isThere, input] of rows) {
    it(`exits with 1 and prints why: ${args.join(' ')}`, options, async (t) => {
      const [code, stderr] = await writingTo('/dev/full', args, await folderWith(t, isThere), input);
      assert.match(withoutPlace(stderr), /^jot: ENOSPC: no space left on device, write\n$/);
      assert.equal(code, 1);
      const [goodCode, said] = await writingTo('/dev/null', args, await folderWith(t, isThere), input);
      assert.deepEqual([goodCode, withoutPlace(said)], [0, ''], 'and with 0 where it can');
    });
  }
});
