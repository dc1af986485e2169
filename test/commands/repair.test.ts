import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, it } from 'node:test';
import { check } from '../../src/commands/check.ts';
import { repair } from '../../src/commands/repair.ts';
import { dataFile, traceOf } from '../support/disk/data-files.ts';
import { linesWith, linesWithUsers } from '../support/disk/records.ts';
import { openFor, postOf, sessionOf, userNamed } from '../support/disk/stores.ts';
import { runCommand, withoutOthers } from '../support/process/world.ts';

describe('jot repair', () => {
  it('prints which rows are dropped and why, which are kept, and where the damaged file is', async (t) => {
    const [header = '', first = '', ...others] = linesWith(
      [{ put: 'users', row: { id: 1, version: 1, ...userNamed('matt') } }],
      [{ put: 'users', row: { id: 2, version: 1, ...userNamed('elie') } }],
      [{ put: 'posts', row: { id: 1, version: 1, ...postOf(1) } }],
      [{ put: 'posts', row: { id: 2, version: 1, ...postOf(2) } }],
      [{ put: 'sessions', row: { id: 1, version: 1, ...sessionOf(2, 'one') } }],
    );
    const path = dataFile(t, header + first.replace('matt', 'Matt') + others.join(''));
    const { code, stdout, stderr } = await runCommand(repair, [path]);
    assert.deepEqual([code, stderr], [0, `jot: data file ${path}; no server was running\n`]);
    assert.deepEqual(withoutOthers(stdout).split('\n'), [
      `${path}: repaired`,
      'dropped or missing, of 6 lines:',
      `  line 2, byte ${header.length}: its checksum does not match`,
      `  line 3, byte ${(header + first).length}: change 1 is not here`,
      'dropped with them:',
      '  row 1 of posts: its owner, 1 of users, is not there',
      'ended: 1 session, since what is lost may have been a logout or a new password',
      'kept: 1 user, 1 post, 0 sessions',
      `The damaged file is kept in ${path}.damaged-2026-11-23T123513.000Z`,
      '',
    ]);
    const store = await openFor(t, `file:${path}`);
    assert.equal((await store.posts.get(2)).user_id, 2);
  });

  it('prints twenty lines and counts the rest', async (t) => {
    const [header = '', , second = ''] = linesWithUsers('matt', 'elie');
    const path = dataFile(t, header + 'lost\n'.repeat(1_025) + second);
    const { stdout } = await runCommand(repair, [path]);
    const lines = withoutOthers(stdout).split('\n');
    assert.equal(lines.filter((line) => line.startsWith('  line ')).length, 20);
    assert.equal(lines[22], 'and 1,006 more');
    assert.ok(lines.includes('kept: 1 user, 0 posts, 0 sessions'), stdout);
  });

  it('ends no session if only rows that cannot be there are dropped', async (t) => {
    const user = { id: 1, version: 1, ...userNamed('matt') };
    const lines = linesWith(
      [{ put: 'users', row: user }],
      [{ put: 'posts', row: { id: 3, version: 1, ...postOf(9) } }],
      [{ put: 'sessions', row: { id: 1, version: 1, ...sessionOf(1, 'one') } }],
    );
    const path = dataFile(t, lines.join(''));
    const { code, stdout } = await runCommand(repair, [path]);
    assert.equal(code, 0);
    assert.deepEqual(withoutOthers(stdout).split('\n'), [
      `${path}: repaired`,
      'dropped:',
      '  row 3 of posts: its owner, 9 of users, is not there',
      'kept: 1 user, 0 posts, 1 session',
      `The damaged file is kept in ${path}.damaged-2026-11-23T123513.000Z`,
      '',
    ]);
    assert.equal((await runCommand(check, [path])).code, 0);
  });

  it('names rows of the wrong shape, and drops them only with --drop-rows', async (t) => {
    const row = { id: 1, version: 1, ...userNamed('matt'), created: 0.5 };
    const path = dataFile(t, linesWith([{ put: 'users', row }]).join(''));
    const before = traceOf(path);
    const refused = await runCommand(repair, [path]);
    assert.deepEqual(traceOf(path), before);
    assert.deepEqual(refused, {
      code: 1,
      stdout: '',
      stderr:
        `jot: The data file ${path} is left as it is; a repair with --drop-rows would drop:\n` +
        '  row 1 of users is not valid: "created" must be milliseconds since the epoch\n',
    });
    assert.match((await runCommand(check, [path])).stdout, /`jot repair --drop-rows` drops/);
    const { code, stdout } = await runCommand(repair, ['--drop-rows', path]);
    assert.equal(code, 0);
    assert.match(stdout, /\ndropped:\n {2}row 1 of users: "created" must be [^\n]+\nkept: 0 users/);
    assert.equal((await runCommand(check, [path])).code, 0);
  });

  it('reports that there is nothing to do, and does nothing', async (t) => {
    const path = dataFile(t, linesWithUsers('matt').join(''));
    const { code, stdout } = await runCommand(repair, [], { settings: { DATABASE_URL: `file:${path}` } });
    assert.deepEqual([code, stdout], [0, `${path}: no damage to repair\n`]);
    assert.deepEqual(readdirSync(dirname(path)), ['jot.jsonl']);
  });
});
