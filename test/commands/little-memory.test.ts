// A data file whose posts need more than a heap of 32 MB. Each post takes 127 KiB of it, and half of
// a page of V8's heap stays unused.

import assert from 'node:assert/strict';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, it, type TestContext } from 'node:test';
import { encodeChange } from '../../src/store/file/record.ts';
import type { Post } from '../../src/store/open.ts';
import { dataFile } from '../support/disk/data-files.ts';
import { linesWith, TIME } from '../support/disk/records.ts';
import { userOf } from '../support/disk/repaired.ts';
import { postOf } from '../support/disk/stores.ts';
import { type CommandOptions, type Ended, jot, serve } from '../support/process/command.ts';

const POSTS = 160;
const BODY = 'x'.repeat(130_000);
const WAYS_OUT =
  '`jot user list` shows the memory of each user, `jot user delete` deletes a user, and then `jot compact` rewrites the file';

function fileWithPosts(t: TestContext): string {
  const [tim, big] = [userOf(1, 'tim'), userOf(2, 'big')];
  const path = dataFile(t, linesWith([{ put: 'users', row: tim }], [{ put: 'users', row: big }]).join(''));
  for (let id = 1; id <= POSTS; id++) {
    const row: Post = { id, version: 1, ...postOf(2), body: BODY };
    appendFileSync(path, encodeChange({ seq: id + 2, time: TIME, changes: [{ put: 'posts', row }] }));
  }
  return path;
}

function options(path: string): CommandOptions {
  const env = {
    DATABASE_URL: `file:${path}`,
    PORT: '0',
    LOG: 'off',
    NODE_OPTIONS: '--max-old-space-size=32',
  };
  return { env };
}

function run(t: TestContext, path: string, ...args: string[]): Promise<Ended> {
  return jot(t, args, options(path)).ended;
}

describe('jot with a file that needs more than the heap of its server', { concurrency: 2 }, () => {
  it('starts only after commands with the same heap deleted a user and compacted the file', async (t) => {
    const path = fileWithPosts(t);
    const refused = await run(t, path);
    const reason = "its rows take more than 21 MiB of memory, which is all that V8's heap has for them";
    const check = '`jot check` prints the size of the heap that it needs';
    assert.equal(
      refused.stderr,
      `jot: Cannot load the data file ${path}: ${reason}. ${check}. ${WAYS_OUT}\n`,
    );
    assert.equal(refused.code, 1);

    const checked = await run(t, path, 'check');
    assert.match(checked.stdout, /: no damage\n2 users, 160 posts, /);
    const need =
      /\na start needs \d+ MiB of memory for its rows, and V8's heap has 21 MiB: NODE_OPTIONS=--max-old-space-size=\d+ is enough\. /;
    assert.match(checked.stdout, need);
    assert.ok(checked.stdout.endsWith(`${WAYS_OUT}\n`), checked.stdout);
    assert.equal(checked.code, 0);
    const listed = await run(t, path, 'user', 'list', '--json');
    const users = listed.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.deepEqual(
      users.map(({ username, posts }) => [username, posts]),
      [
        ['tim', 0],
        ['big', POSTS],
      ],
    );
    assert.ok(users[0].bytes === 0 && users[1].bytes > POSTS * BODY.length, listed.stdout);
    assert.equal((await run(t, path, 'export')).stdout.split(BODY).length, POSTS + 1);

    const deleted = await run(t, path, 'user', 'delete', '--yes', 'big');
    assert.deepEqual(
      [deleted.stdout, deleted.code],
      ['big, user 2, is gone, with all posts and sessions\n', 0],
    );
    assert.ok(deleted.stderr.includes(WAYS_OUT), 'the posts are still in the file');
    assert.doesNotMatch(deleted.stderr, /not compacted/, 'which is no failure');
    assert.equal((await run(t, path)).code, 1);
    assert.equal((await run(t, path, 'compact')).code, 0);
    assert.ok(readFileSync(path).length < BODY.length);
    await serve(t, options(path));
  });

  it('repairs it, and compacts what is left', async (t) => {
    const path = fileWithPosts(t);
    const content = readFileSync(path);
    content[Math.floor(content.length / 2)] = 0;
    writeFileSync(path, content);
    const repaired = await run(t, path, 'repair');
    assert.match(repaired.stdout, /\nkept: 2 users, 159 posts, /);
    assert.equal((await run(t, path, 'compact')).code, 0);
  });
});
