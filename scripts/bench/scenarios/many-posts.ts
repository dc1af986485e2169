// What changes when there are many posts: how long the start takes and what a post weighs, against the least that reading the
// file can cost; and what a read, a page and a create cost, against a store with a thousand.

import { rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { alternate, type Bench, newFolder, type Scenario } from '../bench.ts';
import { writeDataFile } from '../data-file.ts';
import { runProgram } from '../process.ts';
import { atMost, type Comparison, type Series, type Unit } from '../statistics.ts';

const FEW_POSTS = 1_000;
const FLAT = atMost(1.15);
// In bytes: on the heap, and in the system's cache of the file.
const MEMORY_PER_POST = 1024;
// Garbage is collected when it is time to measure; and a million posts are more than Node's default heap holds on a machine with
// little memory.
const FLAGS = ['--expose-gc', '--max-old-space-size=6144'];

type Found = ReadonlyMap<string, readonly ReadonlyMap<string, number>[]>;

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
    const found = await alternate(bench, programs, (args) => run(bench, [...FLAGS, ...args]));
    const [floor = '', jot = ''] = found.keys();
    const clock = (name: string): Series => ({
      ...series(found, name, 'ms'),
      cpuValues: series(found, name, 'cpuMs').values,
    });
    const memory = (name: string) => series(found, name, 'bytes', posts);
    return [
      {
        ...{ scenario: 'load', what: `loading ${posts.toLocaleString('en')} posts`, unit: 'ms' },
        ...{ measured: clock(jot), reference: clock(floor), mark: atMost(1.6) },
      },
      {
        ...{ scenario: 'load', what: 'memory per post', unit: 'bytes' },
        ...{ measured: memory(jot), reference: memory(floor), mark: atMost(1.5) },
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
    const found = await alternate(bench, sizes, async (posts) => {
      // Written anew each time, since the creates are left in it.
      const path = dataFile(bench, posts);
      const ballast = (Math.max(...sizes.values()) - posts) * MEMORY_PER_POST;
      const args = [path, bench.dist, String(posts), String(ballast)];
      const costs = await run(bench, [...FLAGS, program('store-costs.mjs'), ...args]);
      rmSync(dirname(path), { recursive: true });
      return costs;
    });
    const [few = '', many = ''] = found.keys();
    const unit: Unit = 'µs';
    return ['read', 'page', 'create'].map(
      (figure): Comparison => ({
        scenario: 'flat',
        what: `cost of a ${figure}`,
        unit,
        measured: series(found, many, figure),
        reference: series(found, few, figure),
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

function series(found: Found, name: string, figure: string, share = 1): Series {
  const rounds = found.get(name) ?? [];
  return { name, values: rounds.map((each) => (each.get(figure) ?? Number.NaN) / share) };
}
