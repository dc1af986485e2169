import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { describe, it, type TestContext } from 'node:test';
import { importRows } from '../../src/commands/import.ts';
import { withProgress } from '../../src/commands/progress.ts';
import { exportText } from '../support/disk/exports.ts';
import { temporaryFolder } from '../support/disk/temporary-folder.ts';
import { createWorld, runCommand, withoutOthers, withoutPlace } from '../support/process/world.ts';

const PIECE_BYTES = 100;
const WIPE = '\r\u001b[K';

/** A terminal, or something else, and a clock that goes on only when it is told to. */
function watched(t: TestContext, isTTY: boolean) {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const clock = { ms: 5_000 };
  const world = createWorld({ isTTY, elapsed: () => clock.ms });
  const pass = (ms: number) => {
    clock.ms += ms;
    t.mock.timers.tick(ms);
  };
  return { world, output: world.output, pass };
}

describe('withProgress', () => {
  it('draws one line over and over once it has taken a second, and wipes it', async (t) => {
    const { world, output, pass } = watched(t, true);
    const result = await withProgress(world, 'reading a file', async (onProgress) => {
      pass(800);
      assert.equal(output.stderr, '', 'nothing under a second');
      pass(200);
      onProgress(1, 3);
      pass(200);
      onProgress(3, 3);
      pass(200);
      return 'done';
    });
    assert.equal(result, 'done');
    const lines = ['reading a file 1 s', 'reading a file 33 %', 'reading a file 100 %', ''];
    assert.equal(output.stderr, lines.map((line) => WIPE + line).join(''));
    pass(5_000);
    assert.equal(output.stderr.endsWith(`100 %${WIPE}`), true, 'and draws no more');
  });

  it('draws nothing when it is quick', async (t) => {
    const { world, output, pass } = watched(t, true);
    await withProgress(world, 'reading', async (onProgress) => {
      onProgress(1, 2);
      pass(999);
    });
    pass(5_000);
    assert.equal(output.stderr, '');
  });

  it('draws nothing where nobody is watching', async (t) => {
    const { world, output, pass } = watched(t, false);
    await withProgress(world, 'reading', async (onProgress) => {
      onProgress(1, 2);
      pass(60_000);
    });
    assert.equal(output.stderr, '');
  });

  it('wipes it also when the task fails, and passes the failure on', async (t) => {
    const { world, output, pass } = watched(t, true);
    const failing = withProgress(world, 'reading', async (onProgress) => {
      onProgress(0, 0);
      pass(2_000);
      throw new Error('lost');
    });
    await assert.rejects(failing, { message: 'lost' });
    assert.equal(output.stderr.endsWith(`reading 0 %${WIPE}`), true, output.stderr);
  });
});

describe('a command that takes its time', () => {
  for (const isTTY of [true, false]) {
    it(`${isTTY ? 'shows' : 'does not show'} how far it is ${isTTY ? 'at a terminal' : 'elsewhere'}`, async (t) => {
      t.mock.timers.enable({ apis: ['setInterval'] });
      const path = `${temporaryFolder(t)}/jot.jsonl`;
      let ms = 0;
      async function* slowly() {
        const bytes = Buffer.from(exportText());
        for (let start = 0; start < bytes.length; start += PIECE_BYTES) {
          yield bytes.subarray(start, start + PIECE_BYTES);
          ms += 900;
          t.mock.timers.tick(200);
        }
      }
      const { code, stderr, stdout } = await runCommand(importRows, [], {
        settings: { DATABASE_URL: `file:${path}` },
        stdin: Readable.from(slowly(), { highWaterMark: 1 }),
        isTTY,
        elapsed: () => ms,
      });
      assert.deepEqual([code, withoutOthers(stdout)], [0, `${path}: 2 users, 1 post, 1 session imported\n`]);
      const drawn = stderr.split(WIPE);
      const expected = [`importing into ${path} 1 s`, `importing into ${path} 2 s`];
      assert.deepEqual(drawn.slice(1, 3), isTTY ? expected : []);
      assert.equal(withoutPlace(drawn.at(-1) ?? ''), '', 'and nothing is left of it');
    });
  }
});
