import assert from 'node:assert/strict';
import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { describe, it, type TestContext } from 'node:test';
import { realFileSystem } from '../../../src/store/file/file-system.ts';
import { readLines } from '../../../src/store/file/lines.ts';
import { dataFile } from '../../support/disk/data-files.ts';

const BLOCK_BYTES = 1024 * 1024;
const LINE_BYTES_MAX = 128 * BLOCK_BYTES;

interface Shown {
  readonly text: string;
  readonly offset: number;
  readonly end: number;
  readonly isUnfinished: boolean;
  readonly isTooLong: boolean;
}

async function linesOf(t: TestContext, path: string, lineBytesMax?: number): Promise<Shown[]> {
  const file = await realFileSystem.open(path, 'read');
  t.after(() => file.close());
  const lines: Shown[] = [];
  for await (const block of readLines(file, lineBytesMax)) {
    for (const { bytes, ...line } of block) lines.push({ text: bytes.toString('latin1'), ...line });
  }
  return lines;
}

function whole(text: string, offset: number): Shown {
  return { text, offset, end: offset + text.length, isUnfinished: false, isTooLong: false };
}

describe('readLines', () => {
  it('yields every line with its place and whether it is finished', async (t) => {
    const lines = await linesOf(t, dataFile(t, 'one\n\nthree\nfo'));
    const last = { ...whole('fo', 11), isUnfinished: true };
    assert.deepEqual(lines, [whole('one', 0), whole('', 4), whole('three', 5), last]);
    assert.deepEqual(await linesOf(t, dataFile(t, '')), []);
  });

  it('yields lines that together are the file, wherever the blocks end', async (t) => {
    const lengths = [BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1, 3 * BLOCK_BYTES, 0, 7];
    const path = dataFile(t, lengths.map((length) => `${'x'.repeat(length)}\n`).join(''));
    const lines = await linesOf(t, path);
    assert.deepEqual(
      lines.map(({ text }) => text.length),
      lengths,
    );
    assert.ok(lines.map(({ text }) => `${text}\n`).join('') === readFileSync(path, 'latin1'));
    for (const { text, offset, end } of lines) assert.equal(end - offset, text.length);
  });

  for (const [length, isTooLong, reason] of [
    [9, false, 'below the limit'],
    [10, false, 'at the limit'],
    [11, true, 'above it'],
    [3 * BLOCK_BYTES, true, 'longer than what is read at once'],
  ] as const) {
    it(`${isTooLong ? 'skips' : 'yields'} a line of ${length} bytes and continues after it: ${reason}`, async (t) => {
      const text = 'x'.repeat(length);
      const shown = { ...whole(text, 4), text: isTooLong ? '' : text, isTooLong };
      const lines = await linesOf(t, dataFile(t, `one\n${text}\nthree\n`), 10);
      assert.deepEqual(lines, [whole('one', 0), shown, whole('three', 5 + length)]);
      const unfinished = await linesOf(t, dataFile(t, `one\n${text}`), 10);
      assert.deepEqual(unfinished, [whole('one', 0), { ...shown, isUnfinished: true }]);
    });
  }

  it('has a default limit', async (t) => {
    const path = dataFile(t, '');
    for (const length of [LINE_BYTES_MAX, LINE_BYTES_MAX + 1]) {
      truncateSync(path, length);
      const [line] = await linesOf(t, path);
      assert.equal(line?.isTooLong, length > LINE_BYTES_MAX, `${length}`);
    }
    writeFileSync(path, '');
  });
});
