// The pauses of the event loop while a store is read and written, for some seconds or for as long as a
// compaction takes: `node --expose-gc compact.mjs <file> <dist> <posts> <seconds or "compact">`.

import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as wait } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';

const [file, dist, posts, task] = process.argv.slice(2);
const { openStore } = await import(pathToFileURL(`${dist}/store/open.js`).href);

const store = await openStore(`file:${file}`);
globalThis.gc();

let isOver = false;
let writes = 0;
const pauses = monitorEventLoopDelay({ resolution: 1 });
pauses.enable();
const startMs = performance.now();
const use = useStore();
await (task === 'compact' ? store.compact() : wait(task * 1000));
isOver = true;
await use;
pauses.disable();
const ms = performance.now() - startMs;
await store.close();
const [pauseMs, p999Ms] = [pauses.max / 1e6, pauses.percentile(99.9) / 1e6];
const figures = { pauseMs, p999Ms, perSecond: (writes * 1000) / ms };
process.stdout.write(`${JSON.stringify(figures)}\n`);

async function useStore() {
  while (!isOver) {
    await store.posts.update(1 + (writes % posts), { title: `Third ${writes}` });
    await store.posts.list({ owner: 1, after: 0, limit: 20, order: 'asc' });
    writes++;
  }
}
