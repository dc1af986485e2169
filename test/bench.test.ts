// The arithmetic and the command line of the benchmark, and one short run of it as a process. No
// test depends on speed.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { coresIn } from '../scripts/bench/machine.ts';
import { parseOptions } from '../scripts/bench/options.ts';
import { selfTimes } from '../scripts/bench/profile.ts';
import { compare, type Mark, median } from '../scripts/bench/statistics.ts';
import { amount, comparisonTable } from '../scripts/bench/table.ts';
import { type Cleanup, temporaryFolder } from './support/disk/temporary-folder.ts';
import { type Command, start } from './support/process/command.ts';
import { root } from './support/process/scratch-project.ts';

function compareWith(mark?: Mark) {
  const samples = new Map([
    ['Jot', [30, 10, 20].map((perSecond) => ({ perSecond, perCpuSecond: 2 * perSecond }))],
    ['bare', [40, 41, 39].map((perSecond) => ({ perSecond, perCpuSecond: perSecond }))],
  ]);
  const subjects = { measured: 'Jot', reference: 'bare', figure: 'perSecond', cpuFigure: 'perCpuSecond' };
  return compare(samples, { what: 'GET a post', unit: '/s', ...subjects, mark });
}

describe('median', () => {
  it('returns the middle value by size', () => assert.equal(median([2, 10, 9]), 9));
  it('returns the mean of the two middle values', () => assert.equal(median([1, 10, 100, 1000]), 55));
  it('ignores an outlier', () => assert.equal(median([1, 1, 1000]), 1));
  it('throws without values', () => assert.throws(() => median([]), RangeError));
});

describe('compare', () => {
  it('returns the ratios of the medians and the wider spread', () => {
    const { ratio, cpuRatio, spread } = compareWith();
    assert.deepEqual({ ratio, cpuRatio, spread }, { ratio: 0.5, cpuRatio: 1, spread: 1 });
  });

  it('returns no spread after one round and no ratio of missing figures', () => {
    const samples = new Map([['Jot', [{ ms: 1 }]]]);
    const row = { what: 'start', unit: 'ms', measured: 'Jot', reference: 'Jot', figure: 'ms' } as const;
    const { ratio, cpuRatio, spread } = compare(samples, row);
    assert.deepEqual({ ratio, cpuRatio, spread }, { ratio: 1, cpuRatio: Number.NaN, spread: Number.NaN });
    assert.equal(compare(samples, { ...row, figure: 'other', mark: '≤ 9' }).holds, 'no');
  });

  const marks = { '≥ 0.50': 'yes', '≥ 0.51': 'no', '≤ 0.50': 'yes', '≤ 0.49': 'no' };
  for (const [mark, holds] of Object.entries(marks)) {
    it(`finds that 0.5 is ${mark}: ${holds}`, () => assert.equal(compareWith(mark as Mark).holds, holds));
  }
});

describe('comparisonTable', () => {
  it('returns a Markdown table with figures aligned to the right', () => {
    assert.deepEqual(comparisonTable([compareWith('≥ 0.51'), compareWith()], true).split('\n'), [
      '| scenario   | measured | against | figure | other figure | ratio | by CPU time | wanted | holds | spread |',
      '| ---------- | -------- | ------- | -----: | -----------: | ----: | ----------: | -----: | ----: | -----: |',
      '| GET a post | Jot      | bare    | 20.0/s |       40.0/s |  0.50 |        1.00 | ≥ 0.51 |    no |  100 % |',
      '| GET a post | Jot      | bare    | 20.0/s |       40.0/s |  0.50 |        1.00 |        |       |  100 % |',
      '',
    ]);
  });

  it('leaves out the marks of a short run', () => {
    assert.doesNotMatch(comparisonTable([compareWith('≥ 0.51')], false), /wanted|holds|≥|\bno\b/);
  });
});

describe('amount', () => {
  const rows = [
    [12_345.6, '/s', '12,346/s'],
    [123.45, 'ms', '123 ms'],
    [0.01234, 'µs', '0.0123 µs'],
    [0, '/s', '0.00/s'],
  ] as const;
  for (const [value, unit, text] of rows) {
    it(`formats ${value} as ${text}`, () => assert.equal(amount(value, unit), text));
  }
});

describe('parseOptions', () => {
  const parse = (...args: string[]) => parseOptions(args, ['get', 'list']);

  it('returns defaults, which --quick lowers and an option replaces', () => {
    const { rounds, seconds, posts } = parse();
    assert.deepEqual([rounds, seconds, posts], [3, 10, 1_000_000]);
    const quick = parse('--quick', '--rounds', '2');
    assert.deepEqual([quick.rounds, quick.seconds, quick.posts], [2, 0.5, 20_000]);
  });

  it('accepts scenarios in a list and one by one', () => {
    assert.deepEqual(parse('--only', 'list,get').only, ['list', 'get']);
    assert.deepEqual(parse('--only', 'list', '--only=get').only, ['list', 'get']);
  });

  const wrong: readonly [args: string[], message: RegExp][] = [
    [['--fast'], /--fast/],
    [['get'], /get/],
    [['--only'], /--only/],
    [['--only', 'get,put'], /"put": expected one of get, list/],
    [['--profile', 'start'], /"start": expected one of get, /],
    [['--rounds', '0'], /--rounds: .* at least 1; got "0"/],
    [['--seconds', 'ten'], /--seconds: .*; got "ten"/],
    [['--posts', '999'], /--posts: .* at least 1000; got "999"/],
  ];
  for (const [args, message] of wrong) {
    it(`throws for ${args.join(' ')}`, () => assert.throws(() => parse(...args), message));
  }
});

describe('coresIn', () => {
  const listed = (list: string) => coresIn(`pid 42's current affinity list: ${list}\n`);
  it('returns the first and the last core', () => {
    assert.deepEqual(listed('0,4-5,9'), { server: 0, load: 9 });
  });
  it('returns null for a single core', () => assert.equal(listed('2'), null));
  it('returns null without taskset', () => assert.equal(coresIn('null'), null));
});

describe('selfTimes', () => {
  const frame = (functionName: string) => ({
    functionName,
    scriptId: '',
    url: '',
    lineNumber: 0,
    columnNumber: 0,
  });
  const node = (id: number, name: string) => ({ id, callFrame: frame(name) });
  const nodes = [node(1, 'send'), node(2, 'read'), node(3, '(idle)'), node(4, 'send')];
  const times = (timeDeltas: number[]) =>
    selfTimes(
      { nodes, startTime: 0, endTime: 0, samples: [1, 3, 2, 4], timeDeltas },
      (found) => found.functionName,
    );

  it('adds up the time to the next sample and leaves idle time out', () => {
    assert.deepEqual(
      [...times([999, 2000, 5000, 3000])],
      [
        ['send', 2],
        ['read', 3],
      ],
    );
  });

  it('limits a gap to four medians: the process was not running', () => {
    assert.deepEqual(
      [...times([1000, 1000, 1000, 99_000])],
      [
        ['send', 1],
        ['read', 4],
      ],
    );
  });
});

describe('npm run bench', () => {
  const bench = (t: Cleanup, args: readonly string[], env = {}): Command =>
    start(t, [`${root}scripts/run.mjs`, 'scripts/bench/main.ts', ...args], { env });

  it('measures a scenario, prints a table, writes JSON and removes its files', async (t) => {
    const [folder, path] = [temporaryFolder(t), `${temporaryFolder(t)}/results.json`];
    const args = ['--quick', '--seconds', '0.1', '--only', 'get', '--json', path];
    const { code, stdout, stderr } = await bench(t, args, { TMPDIR: folder }).ended;
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^\| GET a post \| Jot +\| bare node:http \|/m);
    const { comparisons } = JSON.parse(readFileSync(path, 'utf8'));
    assert.deepEqual(
      comparisons.map(({ mark }: { mark: unknown }) => mark),
      ['≥ 0.75'],
    );
    assert.ok(comparisons[0].ratio > 0);
    assert.deepEqual(
      readdirSync(folder).filter((name) => name.startsWith('jot-')),
      [],
    );
  });

  it('prints the scenarios with --help', async (t) => {
    const { code, stdout } = await bench(t, ['--help']).ended;
    assert.equal(code, 0);
    assert.match(stdout, /^Usage: npm run bench [\s\S]*^ {2}create +durable POST$/m);
  });

  it('exits with 2 for an unknown scenario', async (t) => {
    const { code, stdout, stderr } = await bench(t, ['--only', 'put']).ended;
    assert.deepEqual([code, stdout], [2, '']);
    assert.match(stderr, /^Cannot run "put": [\s\S]*\n\nUsage: /);
  });
});
