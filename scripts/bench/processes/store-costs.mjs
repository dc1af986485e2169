// The cost of a read, a page and a create in an open store, in processor time:
// `node --expose-gc store-costs.mjs <file> <dist> <posts> <bytes of ballast>`.
//
// Creates share a sync in batches. The same fifty posts are read every time, since more do not fit
// into the first-level cache of a processor. The garbage of loading is collected first, or a full
// collection would fall into the samples. The ballast gives a small store the same memory as a
// large one, since the host of a virtual machine needs time to provide new memory.

import { pathToFileURL } from 'node:url';

const SAMPLES = 300;
const WARM_UP_SAMPLES = 100;
const READS = 20_000;
const PAGES = 2_000;
const CREATES = 500;
const HOT_POSTS = 50;

const [file, dist, posts, ballastBytes] = process.argv.slice(2);
const { openStore } = await import(pathToFileURL(`${dist}/store/open.js`).href);

const store = await openStore(`file:${file}`);
const hot = Array.from({ length: HOT_POSTS }, (_, index) => 1 + Math.floor((index * posts) / HOT_POSTS));
const page = { owner: 1, after: Math.floor(posts / 2), limit: 20, order: 'asc' };
const values = { user_id: 1, title: 'A title', body: 'x'.repeat(300), created: 0, updated: 0 };

const ballast = Buffer.alloc(Number(ballastBytes)).fill(1);
globalThis.gc();
const figures = {
  read: await costOf(READS, async () => {
    for (let index = 0; index < READS; index++) await store.posts.get(hot[index % HOT_POSTS]);
  }),
  page: await costOf(PAGES, async () => {
    for (let index = 0; index < PAGES; index++) await store.posts.list(page);
  }),
  create: await costOf(CREATES, () =>
    Promise.all(Array.from({ length: CREATES }, () => store.posts.create(values))),
  ),
};
await store.close();
process.stdout.write(`${JSON.stringify({ ...figures, ballast: ballast.length })}\n`);

// Microseconds for one operation: the median of the samples.
async function costOf(times, run) {
  const samples = [];
  for (let index = 0; index < SAMPLES; index++) {
    const before = process.cpuUsage();
    await run();
    const { user, system } = process.cpuUsage(before);
    samples.push((user + system) / times);
  }
  return samples.slice(WARM_UP_SAMPLES).sort((a, b) => a - b)[(SAMPLES - WARM_UP_SAMPLES) / 2];
}
