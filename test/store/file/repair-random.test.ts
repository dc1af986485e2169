// Repairs four hundred random data files with random damage. A store writes each file; then lines
// or bytes are removed, repeated, exchanged or overwritten. Whatever the damage, the repaired file
// opens, holds only rows that were once written, and assigns no id twice.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { collectionNames } from '../../../src/store/collections.ts';
import { type FileSystem, realFileSystem } from '../../../src/store/file/file-system.ts';
import { readDataFile } from '../../../src/store/file/offline.ts';
import { repairDataFile } from '../../../src/store/file/repair.ts';
import type { Operation } from '../../../src/store/open.ts';
import { misfitsIn } from '../../../src/store/validate-rows.ts';
import { type Contents, contentsIn, contentsOf } from '../../support/disk/data-files.ts';
import { openOn } from '../../support/disk/faulty-file-system.ts';
import { now } from '../../support/disk/repaired.ts';
import { postOf, sessionOf, userNamed } from '../../support/disk/stores.ts';
import { folderInMemory } from '../../support/disk/temporary-folder.ts';
import { seededRandom } from '../../support/model/random.ts';

const ROUNDS = 400;
const NAMES = ['matt', 'elie', 'tim', 'zoé', 'janey', 'x', 'y'];

describe('repairDataFile of a random file with random damage', () => {
  const fast: FileSystem = {
    ...realFileSystem,
    open: async (path, access) => ({
      ...(await realFileSystem.open(path, access)),
      sync: async () => undefined,
    }),
    rename,
  };

  /** Writes a file with some random changes, and perhaps a compaction among them. */
  async function randomFile(path: string, below: (limit: number) => number): Promise<Contents> {
    const store = await openOn(fast, path);
    const id = () => 1 + below(8);
    const operations: readonly (() => Operation)[] = [
      () => ({ create: 'users', values: userNamed(NAMES[below(NAMES.length)] ?? '') }),
      () => ({ create: 'posts', values: postOf(id(), `Title ${below(100)}`) }),
      () => ({ create: 'sessions', values: sessionOf(id(), `sid ${below(1_000)}`) }),
      () => ({ update: 'users', id: id(), change: { username: NAMES[below(NAMES.length)] ?? '' } }),
      () => ({ update: 'posts', id: id(), change: { title: `Title ${below(100)}` } }),
      () => ({ remove: 'posts', id: id() }),
      () => ({ remove: 'sessions', id: id() }),
      () => (below(3) === 0 ? { remove: 'users', id: id() } : { discardOwned: 'posts', owner: id() }),
    ];
    const writes: Promise<unknown>[] = [];
    for (let left = 10 + below(50); left > 0; left--) {
      const operation = operations[below(operations.length)]?.() ?? { discard: 'posts', id: 0 };
      // Many are impossible: a name that is taken, a row that is not there.
      writes.push(store.write([operation]).catch(() => undefined));
      if (below(60) === 0) writes.push(store.compact());
    }
    await Promise.all(writes);
    await store.close();
    return contentsOf(path);
  }

  /** Every row that is written in these lines, as `collection JSON`. */
  function rowsIn(lines: readonly string[]): Set<string> {
    const changes = lines.flatMap((line) => JSON.parse(line).changes ?? []);
    return new Set(changes.flatMap(({ put, row }) => (put === undefined ? [] : [shown(put, row)])));
  }

  function shown(name: string, row: object): string {
    return `${name} ${JSON.stringify(row)}`;
  }

  function damage(lines: readonly string[], below: (limit: number) => number): Buffer {
    const changed = [...lines];
    const kind = below(6);
    const line = below(changed.length);
    if (kind === 0) changed.splice(line, 1 + below(3));
    if (kind === 1) changed.splice(line, 0, changed[below(changed.length)] ?? '');
    if (kind === 2) [changed[0], changed[line]] = [changed[line] ?? '', changed[0] ?? ''];
    if (kind === 3) changed.splice(line, 0, '\0garbage\n');
    const bytes = Buffer.from(changed.join(''));
    const flips = kind === 4 ? 1 + below(8) : 0;
    for (let count = 0; count < flips; count++) bytes[below(bytes.length)] = below(256);
    return kind === 5 ? bytes.subarray(0, below(bytes.length)) : bytes;
  }

  it('leaves a file that opens, with rows that were once written, without sessions or duplicate ids', async (t) => {
    const random = seededRandom(11);
    const below = (limit: number) => Math.floor(random() * limit);
    const folder = folderInMemory(t);
    const outcomes = { repaired: 0, sound: 0, refused: 0 };
    for (let round = 0; round < ROUNDS; round++) {
      const path = `${folder}/${round}.jsonl`;
      const before = await randomFile(path, below);
      const lines = readFileSync(path, 'utf8').split(/(?<=\n)/);
      const rows = rowsIn(lines);
      const content = damage(lines, below);
      writeFileSync(path, content);
      const outcome = await repairDataFile(path, { now, fileSystem: fast }).catch((error) => error);
      if (outcome instanceof Error) {
        outcomes.refused++;
        assert.match(
          outcome.message,
          /can't be repaired: (nothing in it can be read|its format is)|is not a Jot data file/,
        );
        assert.deepEqual(readFileSync(path), content);
        continue;
      }
      const [after, misfits] = await readDataFile(path, async ({ tables }) => [
        contentsIn(tables),
        misfitsIn(tables),
      ]);
      for (const name of collectionNames) {
        for (const row of after.rows[name])
          assert.ok(rows.has(shown(name, row)), `round ${round}: ${shown(name, row)}`);
      }
      assert.deepEqual(misfits, [], `round ${round}`);
      if (outcome === null) {
        outcomes.sound++;
        assert.deepEqual(readFileSync(path), content);
        continue;
      }
      outcomes.repaired++;
      assert.ok(outcome.losses.length > 0, `round ${round}`);
      assert.equal(after.rows.sessions.length, 0, `round ${round}`);
      for (const name of collectionNames)
        assert.ok(after.next[name] >= before.next[name], `round ${round}: ${name}`);
      assert.deepEqual(readFileSync(outcome.original), content);
    }
    assert.ok(outcomes.repaired > ROUNDS / 2 && outcomes.sound > 0, JSON.stringify(outcomes));
  });
});
