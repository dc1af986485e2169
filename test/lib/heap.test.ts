import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
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
