// `npm run bench:compaction [posts]`: how long the event loop stands still while a data file is compacted. It makes a file of
// which nearly half is dead, opens it, and has reads and writes go on all the time: first without a compaction, then with
// one. Both are shown, since some pauses are the garbage collector's and have nothing to do with the compaction. On Linux
// two clocks are read: the time that the thread was computing, and the time that it was not waiting for a core. The second one
// has the disk in it, which other programs use as well.

import { closeSync, mkdtempSync, openSync, readSync, rmSync, statSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { encodeChange, encodeHeader } from '../../src/store/file/record.ts';
import type { Change } from '../../src/store/memory/tables.ts';
import { openStore, type Store } from '../../src/store/open.ts';

const QUIET_MS = 10_000;
const USERS = 100;
const BODY = 'x'.repeat(300);

const text = Buffer.alloc(100);
const schedstat = process.platform === 'linux' ? openSync('/proc/self/schedstat', 'r') : null;
const posts = Number(process.argv[2] ?? 1_000_000);
const folder = mkdtempSync(join(tmpdir(), 'jot-bench-'));
const path = join(folder, 'jot.jsonl');
try {
  await run();
} finally {
  rmSync(folder, { recursive: true });
}

async function run(): Promise<void> {
  // Most posts twice: less than half of the file is dead, so that nothing begins by itself.
  writeFile(path, posts);
  const loadStart = performance.now();
  const store = await openStore(`file:${path}`);
  const loadMs = performance.now() - loadStart;
  const quiet = await whileBusy(store, () => delay(QUIET_MS));
  const start = performance.now();
  const busy = await whileBusy(store, () => store.compact());
  const compactMs = performance.now() - start;
  await store.close();
  const rows = [
    ['posts', posts.toLocaleString('en-US')],
    ['loaded in', `${Math.round(loadMs)} ms`],
    ['compacted in', `${Math.round(compactMs)} ms, to ${statSync(path).size.toLocaleString('en-US')} bytes`],
    ['pauses without', `computing ${quiet.computing}; with the disk ${quiet.notWaiting}`],
    ['pauses with', `computing ${busy.computing}; with the disk ${busy.notWaiting}`],
    ['writes without, with', `${quiet.writesPerSecond}, ${busy.writesPerSecond} per second`],
    ['memory', `${Math.round(process.memoryUsage.rss() / 1024 / 1024)} MiB`],
  ];
  process.stdout.write(rows.map(([name = '', value]) => `${name.padEnd(24)}${value}\n`).join(''));
}

function writeFile(target: string, count: number): void {
  const file = openSync(target, 'wx', 0o600);
  let seq = 0;
  const line = (change: Change) => encodeChange({ seq: ++seq, time: 0, changes: change });
  writeSync(file, encodeHeader({ seq: 0, next: {} }));
  for (let id = 1; id <= USERS; id++) writeSync(file, line([{ put: 'users', row: user(id) }]));
  for (const [title, last] of [
    ['First', Math.floor(count * 0.9)],
    ['Second', count],
  ] as const) {
    for (let id = 1; id <= last; id += 1000) {
      const rows = Array.from({ length: Math.min(1000, last - id + 1) }, (_, index) =>
        post(id + index, title),
      );
      writeSync(file, rows.map((row) => line([{ put: 'posts', row }])).join(''));
    }
  }
  closeSync(file);
}

function user(id: number) {
  return { id, version: 1, username: `user ${id}`, password_hash: '$', created: 0 };
}

function post(id: number, title: string) {
  return { id, version: 1, user_id: 1 + (id % USERS), title, body: BODY, created: 0, updated: 0 };
}

// A reader and a writer without pause, and somebody who looks at the clock whenever the event loop turns.
async function whileBusy(store: Store, task: () => Promise<unknown>) {
  const computing: number[] = [];
  const notWaiting: number[] = [];
  let isOver = false;
  let writes = 0;
  const write = async () => {
    while (!isOver) {
      await store.posts.update(1 + (writes % posts), { title: `Third ${writes}` });
      writes++;
      await store.posts.list({ owner: 1, after: 0, limit: 20, order: 'asc' });
    }
  };
  const watch = (before: Clocks) => {
    const now = clocks();
    computing.push(now.computingMs - before.computingMs);
    notWaiting.push(now.notWaitingMs - before.notWaitingMs);
    if (!isOver) setImmediate(watch, clocks());
  };
  const start = performance.now();
  const writing = write();
  setImmediate(watch, clocks());
  await task();
  isOver = true;
  await writing;
  const seconds = (performance.now() - start) / 1000;
  return {
    computing: longest(computing),
    notWaiting: longest(notWaiting),
    writesPerSecond: Math.round(writes / seconds),
  };
}

function longest(pauses: number[]): string {
  const sorted = pauses.sort((a, b) => b - a);
  const [maxMs = 0, p999Ms = 0] = [sorted[0], sorted[Math.floor(sorted.length / 1000)]];
  return `${maxMs.toFixed(1)} ms, 99.9 % of them under ${p999Ms.toFixed(1)} ms`;
}

interface Clocks {
  readonly computingMs: number;
  readonly notWaitingMs: number;
}

// /proc/self/schedstat: nanoseconds in which this thread ran, and in which it could have run but had to wait for a core
// (proc(5)).
function clocks(): Clocks {
  const now = performance.now();
  if (schedstat === null) return { computingMs: now, notWaitingMs: now };
  const length = readSync(schedstat, text, 0, text.length, 0);
  const [ran = 0, waited = 0] = text.toString('latin1', 0, length).split(' ').map(Number);
  return { computingMs: ran / 1e6, notWaitingMs: now - waited / 1e6 };
}
