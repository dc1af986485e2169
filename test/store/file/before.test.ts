// Data files and exports of earlier versions, kept byte for byte. Each still opens with its
// original meaning.

import assert from 'node:assert/strict';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { check } from '../../../src/commands/check.ts';
import { compact } from '../../../src/commands/compact.ts';
import { exportRows } from '../../../src/commands/export.ts';
import { importRows } from '../../../src/commands/import.ts';
import { migrate } from '../../../src/commands/migrate.ts';
import { repair } from '../../../src/commands/repair.ts';
import { listUsers } from '../../../src/commands/user-list.ts';
import { liftRow } from '../../../src/store/lift.ts';
import type { OldRow } from '../../../src/store/migrations.ts';
import { contentsOf } from '../../support/disk/data-files.ts';
import { namesIn, openFor } from '../../support/disk/stores.ts';
import { type Cleanup, temporaryFolder } from '../../support/disk/temporary-folder.ts';
import { runCommand } from '../../support/process/world.ts';

const FILES = {
  'version-1.jsonl': ['matt', 'elie', 'zoé "]}'],
  'plain.jsonl': ['matt', 'elie', 'zoé "]}'],
  'compacted.jsonl': ['matt', 'Élie', 'zoé "]}', 'late'],
  'torn.jsonl': ['matt', 'Élie', 'zoé "]}', 'late'],
};

function keptPath(name: string): string {
  return fileURLToPath(new URL(`before/${name}`, import.meta.url));
}

/** Returns the path of a copy of a kept file. */
function copyOf(t: Cleanup, name: string): string {
  const path = `${temporaryFolder(t)}/jot.jsonl`;
  copyFileSync(keptPath(name), path);
  return path;
}

/** The rows of an export in today's shape. */
function rowsIn(text: string): unknown[] {
  const [header, ...lines] = text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  return lines.flatMap((line) =>
    Object.entries<OldRow>(line).map(([name, row]) => liftRow(name, row, header.schema ?? 0)),
  );
}

for (const [name, usernames] of Object.entries(FILES)) {
  describe(`openStore and the commands with ${name} from an earlier Jot`, () => {
    it('find the file whole', async (t) => {
      const path = copyOf(t, name);
      const run = (command: typeof check, ...args: string[]) => runCommand(command, [...args, path]);
      assert.match((await run(check)).stdout, /: no damage\n/);
      assert.match((await run(repair)).stdout, /: no damage to repair\n$/);
      assert.match((await run(migrate)).stdout, /its schema is number \d+/);
      for (const username of usernames) assert.ok((await run(listUsers)).stdout.includes(username));
      if (name === 'compacted.jsonl') {
        const { stdout } = await run(exportRows, '--with-secrets');
        assert.deepEqual(rowsIn(stdout), rowsIn(readFileSync(keptPath('export-2.txt'), 'utf8')));
      }
      assert.deepEqual(readFileSync(path), readFileSync(keptPath(name)), 'nothing was changed');
    });

    it('open it, apply changes before and after a compaction, and open it again', async (t) => {
      const path = copyOf(t, name);
      const { rows } = await contentsOf(path);
      let store = await openFor(t, `file:${path}`);
      assert.deepEqual(await namesIn(store), usernames);
      await store.posts.update(1, { title: 'Changed' });
      await store.close();
      const changed = rows.posts.map((row) =>
        row.id === 1 ? { ...row, title: 'Changed', version: row.version + 1 } : row,
      );
      assert.deepEqual((await contentsOf(path)).rows, { ...rows, posts: changed });
      assert.equal((await runCommand(compact, [path])).code, 0);
      assert.match(readFileSync(path, 'utf8'), /^\{"format":"jot","version":3,"schema":\d+,/);
      assert.deepEqual((await contentsOf(path)).rows, { ...rows, posts: changed });
      store = await openFor(t, `file:${path}`);
      await store.users.remove(1);
      assert.deepEqual(await namesIn(store), usernames.slice(1));
    });

    it('would find damage if a letter were changed', async (t) => {
      const path = copyOf(t, name);
      writeFileSync(path, readFileSync(path, 'utf8').replace('"username":"matt"', '"username":"Matt"'));
      assert.equal((await runCommand(check, [path])).code, 1);
    });
  });
}

describe('jot import of an export from an earlier Jot', () => {
  for (const [name, secrets] of [
    ['export.txt', true],
    ['export-2.txt', true],
    ['export-without-secrets.txt', false],
    ['export-2-without-secrets.txt', false],
  ] as const) {
    it(`imports ${name}`, async (t) => {
      const path = `${temporaryFolder(t)}/jot.jsonl`;
      const settings = { DATABASE_URL: `file:${path}` };
      await runCommand(importRows, [], { settings, stdin: readFileSync(keptPath(name)) });
      const { stdout } = await runCommand(exportRows, secrets ? ['--with-secrets', path] : [path]);
      const wanted = secrets ? 'export-2.txt' : 'export-2-without-secrets.txt';
      assert.deepEqual(rowsIn(stdout), rowsIn(readFileSync(keptPath(wanted), 'utf8')));
    });
  }
});
