// A data file of the time when names could differ in invisible characters alone. Its users keep
// their names, and a new user cannot take one that looks the same.

import assert from 'node:assert/strict';
import { copyFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { check } from '../../../src/commands/check.ts';
import { compact } from '../../../src/commands/compact.ts';
import { exportRows } from '../../../src/commands/export.ts';
import { importRows } from '../../../src/commands/import.ts';
import { repair } from '../../../src/commands/repair.ts';
import { deleteUser, disableUser } from '../../../src/commands/user.ts';
import { listUsers } from '../../../src/commands/user-list.ts';
import type { Change } from '../../../src/store/memory/tables.ts';
import { contentsOf, dataFile } from '../../support/disk/data-files.ts';
import { linesWith } from '../../support/disk/records.ts';
import { namesIn, openFor, rejects, userNamed } from '../../support/disk/stores.ts';
import { type Cleanup, temporaryFolder } from '../../support/disk/temporary-folder.ts';
import { runCommand } from '../../support/process/world.ts';
import { startServer } from '../../support/server/server.ts';

const kept = fileURLToPath(new URL('before/lookalikes.jsonl', import.meta.url));
const NAMES = ['matt', 'ma\u200btt', 'ma\u00adtt', '\u200b', 'elie\u202e'];

/** The password of each user in the file. */
function passwordOf(index: number): string {
  return `of ${1_795_437_313_000 + 1_000 * index}`;
}

function copyOf(t: Cleanup) {
  const path = `${temporaryFolder(t)}/jot.jsonl`;
  copyFileSync(kept, path);
  return { path, settings: { DATABASE_URL: `file:${path}`, PASSWORD_COST: 'ln=1,r=1,p=1' } };
}

describe('A data file with usernames that have the same key today', () => {
  it('lets each user sign in by the exact name, in any case, before and after a compaction', async (t) => {
    const { path, settings } = copyOf(t);
    for (const spell of [(name: string) => name, (name: string) => name.toUpperCase()]) {
      const server = await startServer(t, settings);
      for (const [index, name] of NAMES.entries()) {
        const json = { username: spell(name), password: passwordOf(index) };
        const { status, json: pair } = await server.call('POST', '/auth', { json });
        assert.equal(status, 200, JSON.stringify(name));
        const { json: user } = await server.call('GET', '/auth', { token: pair.access_token });
        assert.deepEqual([user.id, user.username, user.posts.length], [index + 1, name, 1]);
        const other = { ...json, password: passwordOf(index + 1) };
        assert.equal((await server.call('POST', '/auth', { json: other })).status, 401);
      }
      await server.close();
      await runCommand(compact, [path]);
    }
  });

  it('rejects a new name that looks the same, until the last of the old ones is free', async (t) => {
    const { settings } = copyOf(t);
    const store = await openFor(t, settings.DATABASE_URL);
    for (const name of [...NAMES, 'm\u200ba\u200btt', '\u00ad', 'elie']) {
      await rejects(store.users.create(userNamed(name)), 'username_taken');
    }
    for (const id of [2, 1, 3]) {
      await rejects(store.users.create(userNamed('MATT')), 'username_taken');
      await store.users.remove(id);
    }
    assert.equal((await store.users.create(userNamed('MATT'))).id, 6);
  });

  it('lets the users change everything but the name to one of the others', async (t) => {
    const { settings } = copyOf(t);
    const store = await openFor(t, settings.DATABASE_URL);
    for (const [index, username] of NAMES.entries()) {
      await store.users.update(index + 1, { username, created: 7 });
    }
    await rejects(store.users.update(2, { username: 'MATT' }), 'username_taken');
    await rejects(store.users.update(2, { username: 'm\u200batt' }), 'username_taken');
    await store.users.update(2, { username: 'tim' });
    await rejects(store.users.update(2, { username: 'ma\u200btt' }), 'username_taken');
    assert.deepEqual(await namesIn(store), ['matt', 'tim', ...NAMES.slice(2)]);
  });

  it('is no damage to check and repair, and survives an export and an import', async (t) => {
    const { path, settings } = copyOf(t);
    assert.match((await runCommand(check, [path])).stdout, /: no damage\n/);
    assert.match((await runCommand(repair, [path])).stdout, /: no damage to repair\n$/);
    const { stdout } = await runCommand(exportRows, ['--with-secrets', path]);
    const other = { ...settings, DATABASE_URL: `file:${path}.other` };
    await runCommand(importRows, [], { settings: other, stdin: stdout });
    assert.deepEqual((await contentsOf(`${path}.other`)).rows, (await contentsOf(path)).rows);
  });

  it('is damage if two names differ in case alone', async (t) => {
    const rows = ['ma\u200btt', 'matt', 'MATT'].map((name, index) => ({
      ...{ id: index + 1, version: 1 },
      ...userNamed(name),
    }));
    const lines = linesWith(...rows.map((row): Change => [{ put: 'users', row }]));
    const { code, stderr } = await runCommand(check, [dataFile(t, lines.join(''))]);
    assert.equal(code, 1);
    assert.match(stderr, /row 2 of users: another row has the same username/);
    assert.doesNotMatch(stderr, /row [13] of users/);
  });

  it('shows the operator the difference', async (t) => {
    const { stdout } = await runCommand(listUsers, [copyOf(t).path]);
    const names = stdout.split('\n').map((line) => line.split(/ {2,}/)[1]);
    const wanted = ['matt', 'ma\\u{200b}tt', 'ma\\u{ad}tt', '\\u{200b}', 'elie\\u{202e}'];
    assert.deepEqual(names.slice(1, -1), wanted);
  });

  it('lets the operator name each of the users', async (t) => {
    const { path, settings } = copyOf(t);
    await runCommand(disableUser, ['MA\u00adTT'], { settings });
    for (const name of ['\u200b', 'elie\u202e', 'ma\u200btt']) {
      await runCommand(deleteUser, ['--yes', name], { settings });
    }
    const { users } = (await contentsOf(path)).rows;
    assert.deepEqual(
      users.map(({ id, disabled }: { id: number; disabled?: boolean }) => [id, disabled]),
      [
        [1, false],
        [3, true],
      ],
    );
    const ambiguous = runCommand(disableUser, ['m\u200batt'], { settings });
    await assert.rejects(ambiguous, { name: 'JotError', message: /^There is no user/ });
  });
});
