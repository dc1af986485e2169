// The benchmark's arithmetic, its command line, and one short run of it as a process of its own. How fast anything was decides
// nothing here.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { byFile, byFunction, type Profile } from '../scripts/bench/cpu-profile.ts';
import { writeDataFile } from '../scripts/bench/data-file.ts';
import { load } from '../scripts/bench/load.ts';
import { coresIn } from '../scripts/bench/machine.ts';
import { parseOptions, parseProfileOptions, UsageError } from '../scripts/bench/options.ts';
import { startServer } from '../scripts/bench/process.ts';
import { type Comparison, isWithin, judge, type Mark, median, spread } from '../scripts/bench/statistics.ts';
import { amount, comparisonTable, legend, markdownTable } from '../scripts/bench/table.ts';
import { openStore } from '../src/store/open.ts';
import { type Cleanup, temporaryFolder } from './support/disk/temporary-folder.ts';
import { type Command, start } from './support/process/command.ts';
import { root } from './support/process/scratch-project.ts';

function comparison(change: Partial<Comparison> = {}): Comparison {
  return {
    scenario: 'get',
    what: 'GET a post',
    unit: '/s',
    measured: { name: 'Jot', values: [30, 10, 20] },
    reference: { name: 'bare', values: [40, 41, 39] },
    mark: { bound: 'at least', ratio: 0.5 },
    ...change,
  };
}

describe('median', () => {
  const rows: readonly [values: number[], expected: number, reason: string][] = [
    [[7], 7, 'the only one'],
    [[9, 1, 5], 5, 'the middle one, whatever their order'],
    [[1, 10, 100, 1000], 55, 'half-way between the two in the middle'],
    [[2, 10, 9], 9, 'by size and not by spelling'],
    [[1, 1, 1000], 1, 'one that is far off moves nothing'],
  ];
  for (const [values, expected, reason] of rows) {
    it(`of ${values.join(', ')} is ${expected}: ${reason}`, () => assert.equal(median(values), expected));
  }

  it('leaves the values in their order', () => {
    const values = [3, 1, 2];
    median(values);
    assert.deepEqual(values, [3, 1, 2]);
  });

  it('is not there for no values', () => assert.throws(() => median([]), RangeError));
});

describe('spread', () => {
  it('is the range as a share of the median', () => assert.equal(spread([30, 10, 20]), 1));

  it('is nothing where all are the same', () => assert.equal(spread([5, 5, 5]), 0));
});

describe('isWithin', () => {
  const atLeast: Mark = { bound: 'at least', ratio: 0.75 };
  const atMost: Mark = { bound: 'at most', ratio: 1.5 };
  const rows: readonly [ratio: number, mark: Mark, expected: boolean, reason: string][] = [
    [0.75, atLeast, true, 'the mark itself is enough'],
    [0.74, atLeast, false, 'too slow'],
    [9, atLeast, true, 'there is no too fast'],
    [1.5, atMost, true, 'the mark itself is allowed'],
    [1.51, atMost, false, 'too much'],
    [0, atMost, true, 'there is no too little'],
    [Number.NaN, atLeast, false, 'nothing was measured'],
    [Number.NaN, atMost, false, 'nothing was measured'],
  ];
  for (const [ratio, mark, expected, reason] of rows) {
    it(`says ${expected} to ${ratio} for ${mark.bound} ${mark.ratio}: ${reason}`, () => {
      assert.equal(isWithin(ratio, mark), expected);
    });
  }
});

describe('judge', () => {
  it('compares the medians, and tells the wider spread', () => {
    const { measuredMedian, referenceMedian, ratio, spread: widest, holds } = judge(comparison());
    assert.deepEqual([measuredMedian, referenceMedian, ratio, widest, holds], [20, 40, 0.5, 1, true]);
  });

  it('says when the mark is missed', () => {
    assert.equal(judge(comparison({ mark: { bound: 'at least', ratio: 0.51 } })).holds, false);
  });

  it('judges nothing without a mark', () => assert.equal(judge(comparison({ mark: null })).holds, null));

  it('has no spread after one round', () => {
    assert.equal(judge(comparison({ measured: { name: 'Jot', values: [20] } })).spread, null);
  });

  it('compares processor time where both sides know theirs', () => {
    const measured = { name: 'Jot', values: [20], cpuValues: [30] };
    const reference = { name: 'bare', values: [40], cpuValues: [40] };
    assert.equal(judge(comparison({ measured, reference })).cpuRatio, 0.75);
    assert.equal(judge(comparison({ measured })).cpuRatio, null);
    assert.equal(judge(comparison({ reference })).cpuRatio, null);
  });
});

describe('comparisonTable', () => {
  it('is a Markdown table with a line for each comparison', () => {
    const missed = comparison({ what: 'p99', unit: 'ms', mark: { bound: 'at most', ratio: 0.2 } });
    const compared = [judge(comparison()), judge(missed), judge(comparison({ mark: null }))];
    const table = comparisonTable(compared, { rounds: 3, seconds: 10 });
    const cells = table.split('\n').map((line) => line.split('|').map((cell) => cell.trim()));
    assert.deepEqual(cells.slice(2, 5), [
      ['', 'GET a post', 'Jot', 'bare', '20.0/s', '40.0/s', '0.50', '', '≥ 0.50', 'yes', '100 %', ''],
      ['', 'p99', 'Jot', 'bare', '20.0 ms', '40.0 ms', '0.50', '', '≤ 0.20', 'no', '100 %', ''],
      ['', 'GET a post', 'Jot', 'bare', '20.0/s', '40.0/s', '0.50', '', '', '', '100 %', ''],
    ]);
  });
});

describe('comparisonTable of a short run', () => {
  it('leaves out what is wanted, and whether that holds', () => {
    const compared = [judge(comparison()), judge(comparison({ mark: { bound: 'at least', ratio: 0.9 } }))];
    for (const length of [
      { rounds: 1, seconds: 10 },
      { rounds: 3, seconds: 0.5 },
    ])
      assert.doesNotMatch(comparisonTable(compared, length), /wanted|holds|[≥≤]|\| +(yes|no) \|/);
    assert.match(comparisonTable(compared, { rounds: 3, seconds: 5 }), /wanted \| holds[\s\S]*\| +no \|/);
  });
});

describe('legend', () => {
  const rows: readonly [rounds: number, seconds: number, isTelling: boolean][] = [
    [3, 10, true],
    [1, 10, false],
    [3, 0.5, false],
  ];
  for (const [rounds, seconds, isTelling] of rows) {
    it(`is one line on the columns, and says that ${rounds} of ${seconds} s ${isTelling ? '' : 'don’t '}count`, () => {
      const text = legend({ rounds, seconds });
      assert.match(text, /^ratio: [^\n]*; spread: [^\n]*\n$/);
      assert.equal(text.includes('wanted: '), isTelling);
      assert.equal(text.includes(`of ${seconds} s is too short`), !isTelling);
    });
  }
});

describe('markdownTable', () => {
  it('aligns words to the left and figures to the right', () => {
    const table = markdownTable(
      [
        ['name', 'n'],
        ['a', '1,000'],
      ],
      1,
    );
    assert.equal(table, '| name |     n |\n| ---- | ----: |\n| a    | 1,000 |\n');
  });
});

describe('amount', () => {
  const rows: readonly [value: number, unit: Parameters<typeof amount>[1], expected: string][] = [
    [12_345.6, '/s', '12,346/s'],
    [123.45, 'ms', '123 ms'],
    [12.345, 'MiB', '12.3 MiB'],
    [0.01234, 'µs', '0.0123 µs'],
    [0, '/s', '0.00/s'],
  ];
  for (const [value, unit, expected] of rows) {
    it(`writes ${value} as ${expected}`, () => assert.equal(amount(value, unit), expected));
  }
});

describe('parseOptions', () => {
  const names = ['get', 'list'];
  const full = { help: false, only: [], rounds: 3, seconds: 10, posts: 1_000_000, peers: false, json: null };
  const rows: readonly [args: string[], change: object][] = [
    [[], {}],
    [['--quick'], { rounds: 1, seconds: 0.5, posts: 20_000 }],
    [['--quick', '--rounds', '2'], { rounds: 2, seconds: 0.5, posts: 20_000 }],
    [['--only', 'get,list'], { only: ['get', 'list'] }],
    [['--only', 'list', '--only=get'], { only: ['list', 'get'] }],
    [['--seconds', '0.1', '--posts', '1000'], { seconds: 0.1, posts: 1_000 }],
    [['--peers', '--json', 'a.json'], { peers: true, json: 'a.json' }],
    [['-h'], { help: true }],
  ];
  for (const [args, change] of rows) {
    it(`takes ${args.join(' ') || 'nothing'}`, () => {
      assert.deepEqual(parseOptions(args, names), { ...full, ...change });
    });
  }

  const wrong: readonly [args: string[], says: RegExp][] = [
    [['--fast'], /--fast/],
    [['get'], /get/],
    [['--only'], /--only/],
    [['--only', 'put'], /no scenario "put"; there are get, list$/],
    [['--only', 'get,'], /no scenario ""/],
    [['--rounds', '0'], /--rounds is "0"/],
    [['--rounds', '1.5'], /--rounds is "1.5"/],
    [['--seconds', '-1'], /--seconds/],
    [['--seconds=0'], /--seconds is "0"/],
    [['--seconds', 'ten'], /--seconds is "ten"/],
    [['--posts', '999'], /--posts is "999"; expected a whole number of 1000 or more/],
  ];
  for (const [args, says] of wrong) {
    it(`refuses ${args.join(' ')}`, () => {
      const isTold = (error: unknown) => error instanceof UsageError && says.test(error.message);
      assert.throws(() => parseOptions(args, names), isTold);
    });
  }
});

describe('parseProfileOptions', () => {
  const names = ['get', 'list'];
  const rows: readonly [args: string[], expected: object][] = [
    [['get'], { help: false, scenario: 'get', seconds: 10 }],
    [['list', '--seconds', '2'], { help: false, scenario: 'list', seconds: 2 }],
    [['--help'], { help: true, scenario: '', seconds: 10 }],
  ];
  for (const [args, expected] of rows) {
    it(`takes ${args.join(' ')}`, () => assert.deepEqual(parseProfileOptions(args, names), expected));
  }

  const wrong: readonly [args: string[], says: RegExp][] = [
    [[], /no scenario ""; there are get, list$/],
    [['put'], /no scenario "put"/],
    [['get', 'list'], /not also "list"/],
    [['get', '--rounds', '2'], /--rounds/],
    [['get', '--seconds', '0'], /--seconds is "0"/],
  ];
  for (const [args, says] of wrong) {
    it(`refuses ${args.join(' ') || 'nothing'}`, () => {
      const isTold = (error: unknown) => error instanceof UsageError && says.test(error.message);
      assert.throws(() => parseProfileOptions(args, names), isTold);
    });
  }
});

describe('coresIn', () => {
  const rows: readonly [list: string, expected: number[]][] = [
    ['0-3', [0, 1, 2, 3]],
    ['2', [2]],
    ['0,4-5,9', [0, 4, 5, 9]],
    ['', []],
  ];
  for (const [list, expected] of rows) {
    it(`reads ${JSON.stringify(list)}`, () => assert.deepEqual(coresIn(list), expected));
  }
});

describe('byFunction and byFile', () => {
  const frame = (functionName: string, url = '', lineNumber = 0) => ({ functionName, url, lineNumber });
  const profile: Profile = {
    nodes: [
      { id: 1, callFrame: frame('send', 'file:///opt/jot/dist/http/reply.js', 9) },
      { id: 2, callFrame: frame('', 'file:///opt/jot/dist/http/reply.js', 19) },
      { id: 3, callFrame: frame('(idle)') },
      { id: 4, callFrame: frame('writev') },
      { id: 5, callFrame: frame('send', 'file:///opt/jot/dist/http/reply.js', 9) },
    ],
    samples: [1, 3, 2, 4, 5],
    timeDeltas: [999, 3000, 5000, 1000, 2000],
  };

  it('gives each sample the time until the next one, adds up by function and leaves idle time out', () => {
    assert.deepEqual(byFunction(profile, '/opt/jot/dist'), [
      { name: 'send', place: 'http/reply.js:10', ms: 3, share: 0.5 },
      { name: 'writev', place: '', ms: 2, share: 1 / 3 },
      { name: '(anonymous)', place: 'http/reply.js:20', ms: 1, share: 1 / 6 },
    ]);
  });

  it('counts a gap as four usual ones at most: something else was running', () => {
    const [first] = byFunction(
      { ...profile, timeDeltas: [999, 3000, 5000, 1_000_000, 2000] },
      '/opt/jot/dist',
    );
    assert.deepEqual([first?.name, first?.ms], ['(anonymous)', 12]);
  });

  it('adds up by file', () => {
    assert.deepEqual(
      byFile(profile, '/opt/jot/dist').map(({ name, ms }) => [name, ms]),
      [
        ['http/reply.js', 4],
        ['(native code)', 2],
      ],
    );
  });
});

describe('writeDataFile', () => {
  const posts = 2_001;

  it('writes a file that Jot opens, with that many posts of 300 bytes', async (t) => {
    const path = `${temporaryFolder(t)}/jot.jsonl`;
    writeDataFile(path, posts);
    const store = await openStore(`file:${path}`);
    t.after(() => store.close());
    assert.equal(await store.posts.count(), posts);
    const { rows } = await store.posts.list({ owner: 1, after: 0, limit: 1, order: 'desc' });
    assert.deepEqual([rows[0]?.id, rows[0]?.body.length], [posts, 300]);
  });

  it('makes each line so that Jot would notice a changed one', async (t) => {
    const path = `${temporaryFolder(t)}/jot.jsonl`;
    writeDataFile(path, posts);
    writeFileSync(path, readFileSync(path, 'utf8').replace('"Post 7"', '"Post 8"'));
    await assert.rejects(openStore(`file:${path}`), /line 9/);
  });
});

describe('load over TLS', () => {
  it('is answered behind the proxy, and by nothing that speaks without', { timeout: 60_000 }, async (t) => {
    const cwd = temporaryFolder(t);
    const serve = async (name: string, args: string[], isSecure: boolean) => {
      const program = `${root}scripts/bench/processes/${name}`;
      const options = { name, core: null, cwd, firstPath: '/', logPath: `${cwd}/${name}.log`, isSecure };
      const server = await startServer({ ...options, args: [program, ...args] });
      t.after(() => server.stop());
      return server;
    };
    const bare = await serve('bare-server.mjs', ['200'], false);
    const proxy = await serve('tls-proxy.mjs', [String(bare.port)], true);
    const target = { method: 'GET', path: '/', headers: {}, body: '', status: 200 };
    const ask = (port: number, isSecure: boolean) =>
      load({ port, target: { ...target, isSecure }, connections: 3, seconds: 0.05, core: null, cwd });
    for (const [port, isSecure] of [
      [proxy.port, true],
      [bare.port, false],
    ] as const) {
      const { answers } = await ask(port, isSecure);
      assert.ok(answers > 0);
      await assert.rejects(ask(port, !isSecure), /ended with 1/);
    }
  });
});

describe('npm run bench', () => {
  const bench = (t: Cleanup, args: readonly string[], env = {}): Command =>
    start(t, [`${root}scripts/run.mjs`, 'scripts/bench/main.ts', ...args], { env });

  it('measures one scenario, prints a table and writes the figures as JSON', async (t) => {
    const path = `${temporaryFolder(t)}/results.json`;
    const args = ['--quick', '--seconds', '0.2', '--only', 'get', '--json', path];
    const folder = temporaryFolder(t);
    const { code, stdout, stderr } = await bench(t, args, { TMPDIR: folder }).ended;
    assert.equal(code, 0, stderr);
    const left = readdirSync(folder).filter((name) => name.startsWith('jot-'));
    assert.deepEqual(left, [], 'nothing else stays');
    assert.match(stderr, /^get: round 1 of 1: Jot$/m, 'it says what it is doing');
    assert.match(stdout, /^\| GET a post \| Jot +\| bare node:http \|/m);
    assert.match(stdout, /^ratio: .* 1 round of 0\.2 s is too short to tell /m);
    const { machine, comparisons } = JSON.parse(readFileSync(path, 'utf8'));
    assert.equal(machine.node, process.version);
    assert.equal(comparisons.length, 1);
    const { scenario, ratio, mark, measured, reference } = comparisons[0];
    assert.deepEqual([scenario, mark], ['get', { bound: 'at least', ratio: 0.75 }]);
    assert.deepEqual([measured.values.length, reference.values.length], [1, 1]);
    assert.ok(ratio > 0, `the ratio is ${ratio}`);
  });

  it('says what there is with --help', async (t) => {
    const { code, stdout } = await bench(t, ['--help']).ended;
    assert.equal(code, 0);
    assert.match(stdout, /^Usage: npm run bench -- \[options\]\n/);
    assert.match(stdout, /^ {2}create +durable POST$/m);
  });

  it('exits with 2 and measures nothing when it is asked for what it does not have', async (t) => {
    const { code, stdout, stderr } = await bench(t, ['--only', 'put']).ended;
    assert.deepEqual([code, stdout], [2, '']);
    assert.match(stderr, /^bench: There is no scenario "put"; there are get, list, create, .+\n\nUsage: /);
  });
});
