// What changes when there are many posts: how long the start takes and what a post weighs, against the least that reading the
// file can cost; and what a read, a page and a create cost, against a store with a thousand.

import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { alternate, type Bench, newFolder, type Scenario } from '../bench.ts';
import { writeDataFile } from '../data-file.ts';
import { runProgram } from '../process.ts';
import { atMost, type Comparison, type Series, type Unit } from '../statistics.ts';

const FEW_POSTS = 1_000;
const FLAT = atMost(1.15);
// A million posts are more than Node's default heap holds on a machine with little memory.
const HEAP = '--max-old-space-size=6144';

const program = (name: string) => fileURLToPath(new URL(`../processes/${name}`, import.meta.url));

export const loading: Scenario = {
  name: 'load',
  summary: 'loading many posts, and memory per post',
  async run(bench) {
    const { posts } = bench.options;
    const path = dataFile(bench, posts);
    const programs = new Map([
      ['scan and parse', [program('scan-file.mjs'), path]],
      ['Jot', [program('open-file.mjs'), path, bench.dist]],
    ]);
    const found = await alternate(bench, programs, (args) => run(bench, ['--expose-gc', HEAP, ...args]));
    const compare = (figure: string, share: number) => ({
      measured: { name: 'Jot', values: valuesOf(found.get('Jot'), figure, share) },
      reference: { name: 'scan and parse', values: valuesOf(found.get('scan and parse'), figure, share) },
    });
    const many = posts.toLocaleString('en');
    return [
      { scenario: 'load', what: `loading ${many} posts`, unit: 'ms', ...compare('ms', 1), mark: atMost(1.6) },
      {
        scenario: 'load',
        what: 'memory per post',
        unit: 'bytes',
        ...compare('bytes', posts),
        mark: atMost(1.5),
      },
    ];
  },
};

export const flat: Scenario = {
  name: 'flat',
  summary: 'a read, a page and a create, with few posts and with many',
  async run(bench) {
    const sizes = new Map(
      [FEW_POSTS, bench.options.posts].map((posts) => [`${posts.toLocaleString('en')} posts`, posts]),
    );
    const found = await alternate(bench, sizes, (posts) => {
      // Written anew each time: the creates are left in it.
      const path = dataFile(bench, posts);
      return run(bench, [HEAP, program('store-costs.mjs'), path, bench.dist, String(posts)]);
    });
    const [few = '', many = ''] = found.keys();
    const series = (name: string, figure: string): Series => ({
      name,
      values: valuesOf(found.get(name), figure, 1),
    });
    const unit: Unit = 'µs';
    return ['read', 'page', 'create'].map(
      (figure): Comparison => ({
        scenario: 'flat',
        what: `cost of a ${figure}`,
        unit,
        measured: series(many, figure),
        reference: series(few, figure),
        mark: FLAT,
      }),
    );
  },
};

function dataFile(bench: Bench, posts: number): string {
  bench.progress(`writing a file with ${posts.toLocaleString('en')} posts`);
  const path = join(newFolder(bench, 'data'), 'jot.jsonl');
  writeDataFile(path, posts);
  return path;
}

async function run(bench: Bench, args: readonly string[]): Promise<Map<string, number>> {
  const found = await runProgram({ core: bench.cores?.server ?? null, args, cwd: bench.work });
  return new Map(Object.entries(Object(found)).map(([name, value]) => [name, Number(value)]));
}

function valuesOf(rounds: readonly Map<string, number>[] = [], figure: string, share: number): number[] {
  return rounds.map((each) => (each.get(figure) ?? Number.NaN) / share);
}
