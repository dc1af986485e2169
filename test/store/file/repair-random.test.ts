import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { collectionNames } from '../../../src/store/collections.ts';
import { type FileSystem, realFileSystem } from '../../../src/store/file/file-system.ts';
import { readDataFile } from '../../../src/store/file/offline.ts';
import { repairDataFile } from '../../../src/store/file/repair.ts';
import { misfitsIn } from '../../../src/store/validate-rows.ts';
import { now } from '../../support/disk/repaired.ts';
import { temporaryFolder } from '../../support/disk/temporary-folder.ts';
import { seededRandom } from '../../support/model/random.ts';
import { randomHistory, shown } from '../../support/model/random-history.ts';

const ROUNDS = 400;

describe('repairDataFile of a random file with random damage', () => {
  const fast: FileSystem = {
    ...realFileSystem,
    open: async (path, access) => ({
      ...(await realFileSystem.open(path, access)),
      sync: async () => undefined,
    }),
    syncFolder: async () => undefined,
  };

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

  it('always leaves a file that opens, with rows that once were, no session and no id twice', async (t) => {
    const random = seededRandom(11);
    const below = (limit: number) => Math.floor(random() * limit);
    const folder = temporaryFolder(t);
    const outcomes = { repaired: 0, sound: 0, refused: 0 };
    for (let round = 0; round < ROUNDS; round++) {
      const { lines, rows, next } = randomHistory(random);
      const content = damage(lines, below);
      const path = `${folder}/${round}.jsonl`;
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
      const { tables } = await readDataFile(path);
      for (const name of collectionNames) {
        for (const row of tables.rows(name))
          assert.ok(rows.has(shown(name, row)), `round ${round}: ${shown(name, row)}`);
        assert.deepEqual(misfitsIn(tables, name), [], `round ${round}`);
      }
      if (outcome === null) {
        outcomes.sound++;
        assert.deepEqual(readFileSync(path), content);
        continue;
      }
      outcomes.repaired++;
      assert.ok(outcome.losses.length > 0, `round ${round}`);
      assert.equal(tables.count('sessions'), 0, `round ${round}`);
      for (const name of collectionNames)
        assert.ok(tables.nextId(name) >= next[name], `round ${round}: ${name}`);
      assert.deepEqual(readFileSync(outcome.original), content);
    }
    assert.ok(outcomes.repaired > ROUNDS / 2 && outcomes.sound > 0, JSON.stringify(outcomes));
  });
});
