// The pauses of the event loop while a store is in use, for some seconds or during a compaction:
// `node --expose-gc compact.mjs <file> <dist> <posts> <seconds or "compact">`.

import { readFileSync } from 'node:fs';
import { createHistogram } from 'node:perf_hooks';
import { setTimeout as wait } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';

const [file, dist, posts, task] = process.argv.slice(2);
const { openStore } = await import(pathToFileURL(`${dist}/store/open.js`).href);

const store = await openStore(`file:${file}`);
globalThis.gc();

let isOver = false;
let writes = 0;
const pauses = createHistogram();
const startMs = performance.now();
watch(clockMs());
const use = useStore();
await (task === 'compact' ? store.compact() : wait(task * 1000));
isOver = true;
await use;
const ms = performance.now() - startMs;
await store.close();
const [pauseMs, p999Ms] = [pauses.max / 1000, pauses.percentile(99.9) / 1000];
const figures = { pauseMs, p999Ms, perSecond: (writes * 1000) / ms };
process.stdout.write(`${JSON.stringify(figures)}\n`);

async function useStore() {
  while (!isOver) {
    await store.posts.update(1 + (writes % posts), { title: `Third ${writes}` });
    await store.posts.list({ owner: 1, after: 0, limit: 20, order: 'asc' });
    writes++;
  }
}

function watch(beforeMs) {
  pauses.record(Math.max(1, Math.round((clockMs() - beforeMs) * 1000)));
  if (!isOver) setImmediate(watch, clockMs());
}

// Excludes the time in which this thread waited for a core (proc(5)), which other programs cause.
function clockMs() {
  if (process.platform !== 'linux') return performance.now();
  const [, waitedNs] = readFileSync('/proc/self/schedstat', 'latin1').split(' ');
  return performance.now() - waitedNs / 1e6;
}
