// The longest turn of the event loop, in which no other client is served, for request bodies of
// hostile shapes that are as long as `MAX_BODY` allows. The default is compared with the largest
// value of the setting.

import type { Scenario } from '../bench.ts';
import { runProgram } from '../process.ts';

const SIZES = { default: '64KiB', largest: '512KiB' };
const SHAPES = {
  text: 'a text',
  wideText: 'a text of two-byte characters',
  escapes: 'a text of escapes',
  keys: 'JSON keys',
  objects: 'JSON objects',
  depth: 'JSON levels',
  controls: 'a form of U+0001',
  wideControls: 'a form of U+0100 and U+0001',
  spaces: 'a form of plus signs',
  pairs: 'form pairs',
};

export const turns: Scenario = {
  name: 'turns',
  summary: 'the longest event-loop turn for hostile bodies (only if named)',
  isOptional: true,
  async plan(bench) {
    const subjectOf = (size: string) => ({
      name: `MAX_BODY=${size}`,
      measure: () => runProgram(bench, 'server', ['longest-turns.mjs', bench.dist, size]),
    });
    const subjects = [subjectOf(SIZES.default), subjectOf(SIZES.largest)] as const;
    const [{ name: reference }, { name: measured }] = subjects;
    const rows = Object.entries(SHAPES).map(
      ([figure, shape]) =>
        ({ what: `longest turn, ${shape}`, unit: 'ms', figure, measured, reference }) as const,
    );
    return { subjects, rows };
  },
};
