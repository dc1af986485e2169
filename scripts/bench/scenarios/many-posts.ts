// The cost of many posts. Loading time and memory are compared with reading the file; a read, a
// page and a create with a store of a thousand posts; and the pauses of the event loop during a
// compaction with the same use of the store without one.

import { closeSync, fsyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { encodeChange, encodeHeader } from '../../../src/store/file/record.ts';
import type { Change } from '../../../src/store/memory/tables.ts';
import type { Bench, Scenario } from '../bench.ts';
import { newFolder, runProgram } from '../process.ts';
import { TIME } from '../statistics.ts';

const FEW_POSTS = 1_000;
// In bytes: on the heap and in the page cache.
const MEMORY_PER_POST = 1024;
// Less than half of the file is dead, so that no compaction starts by itself.
const REWRITTEN = 0.8;
const LINES_PER_WRITE = 2_000;

export const load: Scenario = {
  name: 'load',
  summary: 'loading many posts, and memory per post',
  async plan(bench) {
    const { posts } = bench.options;
    const row = { measured: 'Jot', reference: 'scan and parse' };
    return {
      subjects: [
        onDataFile(bench, 'scan and parse', ['load-file.mjs', 'scan'], posts),
        onDataFile(bench, 'Jot', ['load-file.mjs', 'open'], posts),
      ],
      rows: [
        { ...row, ...TIME, what: `loading ${posts.toLocaleString('en')} posts`, mark: '≤ 1.60' },
        { ...row, what: 'memory per post', unit: 'bytes', figure: 'bytesPerPost', mark: '≤ 1.50' },
      ],
    };
  },
};

export const flat: Scenario = {
  name: 'flat',
  summary: 'a read, a page and a create, with few posts and with many',
  async plan(bench) {
    const many = bench.options.posts;
    const nameOf = (posts: number) => `${posts.toLocaleString('en')} posts`;
    const subjects = [FEW_POSTS, many].map((posts) => {
      const ballastBytes = (many - posts) * MEMORY_PER_POST;
      return onDataFile(bench, nameOf(posts), ['store-costs.mjs', String(ballastBytes)], posts);
    });
    const row = { unit: 'µs', measured: nameOf(many), reference: nameOf(FEW_POSTS), mark: '≤ 1.15' } as const;
    const figures = ['read', 'page', 'create'];
    return { subjects, rows: figures.map((figure) => ({ ...row, what: `cost of a ${figure}`, figure })) };
  },
};

export const compaction: Scenario = {
  name: 'compaction',
  summary: 'pauses, reads and writes during a compaction (only if named)',
  isOptional: true,
  async plan(bench) {
    const { posts, seconds } = bench.options;
    const rewritten = posts * REWRITTEN;
    const row = { measured: 'while compacting', reference: 'quiet' };
    return {
      subjects: [
        onDataFile(bench, 'quiet', ['compact.mjs', String(seconds)], posts, rewritten),
        onDataFile(bench, 'while compacting', ['compact.mjs', 'compact'], posts, rewritten),
      ],
      rows: [
        { ...row, what: 'longest pause', unit: 'ms', figure: 'pauseMs' },
        { ...row, what: 'p99.9 of pauses', unit: 'ms', figure: 'p999Ms' },
        { ...row, what: 'reads and writes', unit: '/s', figure: 'perSecond' },
      ],
    };
  },
};

// Runs `<program> <data file> <dist> <posts> <argument>`, each time on a new data file.
function onDataFile(bench: Bench, name: string, command: readonly string[], posts: number, rewritten = 0) {
  const [program = '', argument = ''] = command;
  return {
    name,
    async measure() {
      const folder = newFolder(bench);
      const path = join(folder, 'jot.jsonl');
      writeDataFile(path, posts, rewritten);
      const sample = await runProgram(bench, 'server', [program, path, bench.dist, String(posts), argument]);
      rmSync(folder, { recursive: true });
      return sample;
    },
  };
}

// Writes the first `rewritten` posts twice, so that their first lines are dead.
function writeDataFile(path: string, posts: number, rewritten: number): void {
  const file = openSync(path, 'w', 0o600);
  const created = Date.UTC(2026, 10, 23);
  const user = { id: 1, version: 1, username: 'janey', password_hash: 'none', created };
  const post = { version: 1, user_id: 1, body: 'x'.repeat(300), created, updated: created };
  let seq = 0;
  const line = (changes: Change) => encodeChange({ seq: ++seq, time: created, changes });
  writeSync(file, encodeHeader({ seq: 0, next: { users: 1, posts: 1, sessions: 1 } }));
  writeSync(file, line([{ put: 'users', row: user }]));
  for (const last of [posts, rewritten]) {
    for (let first = 1; first <= last; first += LINES_PER_WRITE) {
      const count = Math.min(LINES_PER_WRITE, last - first + 1);
      const ids = Array.from({ length: count }, (_, index) => first + index);
      const rows = ids.map((id) => ({ ...post, id, title: `Post ${id}` }));
      writeSync(file, rows.map((row) => line([{ put: 'posts', row }])).join(''));
    }
  }
  // Otherwise the kernel would write it during the measurement.
  fsyncSync(file);
  closeSync(file);
}
