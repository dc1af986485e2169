// The users, as a table and as JSON lines, of a file that a server may be using.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { listUsers } from '../../src/commands/user-list.ts';
import { openFor, postOf, sessionOf, userNamed } from '../support/disk/stores.ts';
import { temporaryFolder } from '../support/disk/temporary-folder.ts';
import { createWorld, runCommand, runIn } from '../support/process/world.ts';
import { createPerson } from '../support/server/person.ts';
import { START_MS, startServer } from '../support/server/server.ts';

describe('jot user list', () => {
  it('prints id, name, age, posts, active sessions and bytes while the server runs', async (t) => {
    const settings = { DATABASE_URL: `file:${temporaryFolder(t)}/jot.jsonl` };
    const server = await startServer(t, settings);
    const [matt] = [await createPerson(server, 'matt'), await createPerson(server, 'Élie')];
    await matt.post();
    await matt.post();
    await server.signIn('matt');
    const now = () => START_MS;
    const { stdout } = await runCommand(listUsers, ['--json'], { settings, now });
    const listed = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    const [{ bytes }] = listed;
    assert.ok(bytes > 400, `${bytes} bytes for two posts`);
    const created = '2026-11-23T12:00:00Z';
    assert.deepEqual(listed, [
      { id: 1, username: 'matt', disabled: false, created, posts: 2, sessions: 2, bytes },
      { id: 2, username: 'Élie', disabled: false, created, posts: 0, sessions: 1, bytes: 0 },
    ]);
    const table = await runCommand(listUsers, [], { settings, now });
    assert.deepEqual([table.code, table.stderr], [0, '']);
    assert.deepEqual(table.stdout.split('\n'), [
      'id  username  disabled  created               posts  sessions  bytes',
      `1   matt      false     2026-11-23T12:00:00Z  2      2         ${bytes}`,
      '2   Élie      false     2026-11-23T12:00:00Z  0      1         0',
      '',
    ]);
  });

  it('reads the file of its argument, and omits expired sessions', async (t) => {
    const path = `${temporaryFolder(t)}/other.jsonl`;
    const store = await openFor(t, `file:${path}`);
    await store.users.create(userNamed('matt'));
    await store.posts.create(postOf(1));
    const { expires } = await store.sessions.create(sessionOf(1, 'one'));
    const sessionsAt = async (ms: number) => {
      const { stdout } = await runCommand(listUsers, ['--json', path], { now: () => ms });
      return JSON.parse(stdout).sessions;
    };
    assert.deepEqual([await sessionsAt(expires - 1), await sessionsAt(expires)], [1, 0]);
  });

  it('prints no hash, and no character that controls a terminal', async (t) => {
    const path = `${temporaryFolder(t)}/jot.jsonl`;
    const store = await openFor(t, `file:${path}`);
    await store.users.create({ ...userNamed('a\u202eb'), created: Number.MAX_SAFE_INTEGER });
    await store.users.create(userNamed('c\u001b[2Jd\u009be\u2028f'));
    const { stdout } = await runCommand(listUsers, [path]);
    const names = stdout.split('\n').map((line) => line.split(/ {2,}/)[1]);
    assert.deepEqual(names, ['username', 'a\\u{202e}b', 'c\\u{1b}[2Jd\\u{9b}e\\u{2028}f', undefined]);
    assert.match(stdout, / \? /);
    for (const args of [[path], ['--json', path]]) {
      assert.equal((await runCommand(listUsers, args)).stdout.includes('scrypt'), false);
    }
  });

  it('prints an empty list without users, and fails without a file or with a store in memory', async (t) => {
    const folder = temporaryFolder(t);
    await openFor(t, `file:${folder}/jot.jsonl`);
    const path = `${folder}/jot.jsonl`;
    assert.equal(
      (await runCommand(listUsers, [path])).stdout,
      'id  username  disabled  created  posts  sessions  bytes\n',
    );
    assert.equal((await runCommand(listUsers, ['--json', path])).stdout, '');
    await assert.rejects(runCommand(listUsers, [`${folder}/none.jsonl`]), { name: 'JotError' });
    const settings = { DATABASE_URL: 'memory:' };
    await assert.rejects(runIn(createWorld({ settings }), listUsers, []), {
      name: 'JotError',
      message: /memory/,
    });
    await assert.rejects(runCommand(listUsers, [path, 'more']), { name: 'UsageError' });
  });
});
