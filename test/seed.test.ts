// `npm run seed`, as a process of its own: it is what a reader runs before the first request.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { openStore } from '../src/store/open.ts';
import { temporaryFolder } from './support/disk/temporary-folder.ts';
import { root } from './support/process/scratch-project.ts';

const DEAR_ENOUGH = 'ln=4,r=8,p=1';

function seed(folder: string, env: Readonly<Record<string, string>>, ...args: readonly string[]) {
  const { PATH = '' } = process.env;
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [`${root}scripts/run.mjs`, 'scripts/seed.ts', ...args],
    { cwd: folder, env: { PATH, PASSWORD_COST: DEAR_ENOUGH, ...env }, encoding: 'utf8' },
  );
  return { status, stdout, stderr };
}

describe('npm run seed', () => {
  it('adds users and posts once, to the file of DATABASE_URL, which .env may name', async (t) => {
    const folder = temporaryFolder(t);
    const path = `${folder}/jot.jsonl`;
    writeFileSync(`${folder}/.env`, `DATABASE_URL=file:${path}\n`);
    const first = seed(folder, {});
    assert.deepEqual([first.status, first.stderr], [0, '']);
    assert.match(first.stdout, new RegExp(`^data file: ${path}\nmatt: added, user 1; 3 of 3 posts added\n`));
    const content = readFileSync(path, 'utf8');
    const second = seed(folder, {});
    assert.equal(second.status, 0);
    assert.match(second.stdout, /^matt: was there already, user 1; 0 of 3 posts added$/m);
    assert.equal(readFileSync(path, 'utf8'), content);
    const store = await openStore(`file:${path}`);
    t.after(() => store.close());
    assert.deepEqual([await store.users.count(), (await store.posts.get(1)).title], [3, 'Hello']);
  });

  for (const [what, env, reason] of [
    [
      'production',
      { NODE_ENV: 'production' },
      'with NODE_ENV=production nobody gets a password that all know',
    ],
    [
      'a store in memory',
      { DATABASE_URL: 'memory:' },
      'DATABASE_URL names no file: what is added to a store in memory is gone at once',
    ],
  ] as const) {
    it(`rejects ${what}`, (t) => {
      const folder = temporaryFolder(t);
      const path = `${folder}/jot.jsonl`;
      assert.deepEqual(seed(folder, { DATABASE_URL: `file:${path}`, ...env }), {
        ...{ status: 1, stdout: '', stderr: `seed: ${reason}\n` },
      });
      assert.ok(!existsSync(path));
    });
  }

  it('accepts no arguments, and adds nothing with --help', (t) => {
    const folder = temporaryFolder(t);
    const path = `${folder}/jot.jsonl`;
    const env = { DATABASE_URL: `file:${path}` };
    const help = seed(folder, env, '--help');
    assert.deepEqual([help.status, help.stderr], [0, '']);
    assert.match(help.stdout, /^Usage: npm run seed\n/);
    const wrong = seed(folder, env, '--force');
    assert.deepEqual([wrong.status, wrong.stdout], [2, '']);
    assert.match(wrong.stderr, /^seed: it takes no arguments\n\nUsage: npm run seed\n/);
    assert.ok(!existsSync(path));
  });
});
