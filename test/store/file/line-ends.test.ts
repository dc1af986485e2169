// A data file whose line ends another program has converted to CR LF, as a copy through Windows or
// git with `core.autocrlf` does. Every row is intact, so nothing must be lost or called damaged
// without its cause.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { check } from '../../../src/commands/check.ts';
import { repair } from '../../../src/commands/repair.ts';
import { openStore } from '../../../src/store/open.ts';
import { contentsOf, dataFile } from '../../support/disk/data-files.ts';
import { linesWith, linesWithSnapshot } from '../../support/disk/records.ts';
import { lossesOf, repaired, userOf } from '../../support/disk/repaired.ts';
import { postOf, rejects, sessionOf, userNamed } from '../../support/disk/stores.ts';
import { runCommand } from '../../support/process/world.ts';

const REASON = 'it ends with CR LF, as in a copy through Windows or git; `jot repair` converts the file back';

const plain = linesWith(
  [{ put: 'users', row: { id: 1, version: 1, ...userNamed('matt') } }],
  [{ put: 'posts', row: { id: 1, version: 1, ...{ ...postOf(1), body: 'a line end\r\nof its own\r' } } }],
  [{ put: 'sessions', row: { id: 1, version: 1, ...sessionOf(1, 'one') } }],
);

function converted(lines: readonly string[]): string {
  return lines.map((line) => line.replace(/\n$/, '\r\n')).join('');
}

describe('A data file with CR LF', () => {
  it('stops the start of openFileStore, with the reason and the command that helps', async (t) => {
    const path = dataFile(t, converted(plain));
    const message = `The data file ${path} is damaged at line 1, byte 0: ${REASON}`;
    await rejects(openStore(`file:${path}`), 'unavailable', message);
  });

  it('is reported by jot check, also if only the end of the file is converted', async (t) => {
    const [header = '', ...others] = plain;
    const path = dataFile(t, header + converted(others));
    const { code, stderr } = await runCommand(check, [path]);
    const where = `line 2, byte ${header.length}`;
    assert.deepEqual([code, stderr], [1, `jot: The data file ${path} is damaged at ${where}: ${REASON}\n`]);
  });

  const files: readonly (readonly [kind: string, lines: readonly string[]])[] = [
    ['of changes', plain],
    ['with a snapshot', linesWithSnapshot([userOf(1, 'matt'), userOf(2, 'elie')])],
  ];
  for (const [kind, lines] of files) {
    it(`is repaired without a loss: a file ${kind}`, async (t) => {
      const fixed = await repaired(t, converted(lines));
      assert.deepEqual(fixed.contents, await contentsOf(dataFile(t, lines.join(''))));
      const { lossCount, sessionsEnded, misfits } = fixed.repair;
      assert.deepEqual(
        { lossCount, sessionsEnded, misfits },
        { lossCount: 0, sessionsEnded: 0, misfits: [] },
      );
    });
  }

  it('ends the sessions in a repair if a line of it is damaged too', async (t) => {
    const fixed = await repaired(t, converted(plain).replace('A title', 'a title'));
    assert.deepEqual(lossesOf(fixed), ['3: its checksum does not match', '4: change 2 is not here']);
    assert.equal(fixed.repair.sessionsEnded, 1);
  });

  it('is described by jot repair as repaired, with nothing dropped', async (t) => {
    const path = dataFile(t, converted(plain));
    const { code, stdout } = await runCommand(repair, [path]);
    assert.equal(code, 0);
    assert.match(stdout, /: repaired\nkept: 1 user, 1 post, .*1 session\b/);
  });
});
