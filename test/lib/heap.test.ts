import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { heapBytesOf } from '../../src/lib/heap.ts';
import { program, start } from '../support/process/command.ts';

describe('HEAP_BYTES', () => {
  const rows: readonly (readonly [reason: string, variable: string, options: string[], mebibytes: number])[] =
    [
      ['of NODE_OPTIONS', '--max-old-space-size=96', [], 96],
      ['of the command line, with underscores', '', ['--max_old_space_size=96'], 96],
      [
        'of the command line, not of NODE_OPTIONS',
        '--max-old-space-size=300',
        ['--max-old-space-size=48'],
        48,
      ],
      ['that comes last', '--max-old-space-size=300 --max-old-space-size=48', [], 48],
    ];
  for (const [reason, variable, options, mebibytes] of rows) {
    it(`is the size ${reason}, of which a store may use three fifths`, async (t) => {
      const env = { NODE_OPTIONS: variable, STORE_BYTES_MAX: `${mebibytes}MiB`, LOG: 'off' };
      const { code, stderr } = await start(t, [...options, ...program], { env }).ended;
      const max = Math.floor((mebibytes * 3) / 5);
      const problem = `STORE_BYTES_MAX is "${mebibytes}MiB"; expected bytes, like \`65536\` or \`64KiB\`, up to ${max}MiB`;
      assert.ok(stderr.endsWith(`${problem}\n`), stderr);
      assert.notEqual(code, 0);
    });
  }
});

describe('heapBytesOf', () => {
  const MEBIBYTE = 1024 * 1024;
  const rows: readonly (readonly [options: string, bytes: number])[] = [
    ['--max-old-space-size=96', 96 * MEBIBYTE],
    ['--max_old_space_size 48 --enable-source-maps', 48 * MEBIBYTE],
    ['--max-old-space-size=300 --max-old-space-size=48', 48 * MEBIBYTE],
    ['', 950],
    ['--max-semi-space-size=16', 950],
    ['--max-old-space-size=0', 950],
  ];
  for (const [options, bytes] of rows) {
    it(`returns ${bytes} for a limit of 1,000 bytes and "${options}"`, () => {
      assert.equal(heapBytesOf(options, 1_000), bytes);
    });
  }
});
