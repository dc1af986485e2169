// What one read, one page and one create cost in a store that is open: `node store-costs.mjs <file> <folder with the built Jot>
// <posts>`. The same two hundred posts, spread over all of them, are read again and again, however many there are: what is
// measured is Jot's way to a row, and not how much of them a processor's cache can hold. Creates go in batches that share
// one trip to the disk. Time is the process's own on its processor: what else the machine does has no part in it.

import { pathToFileURL } from 'node:url';

const SAMPLES = 60;
const WARM_UP = 20;
const READS = 20_000;
const PAGES = 2_000;
const CREATES = 500;
const HOT_POSTS = 200;

const [file, dist, posts] = process.argv.slice(2);
const { openStore } = await import(pathToFileURL(`${dist}/store/open.js`).href);

const store = await openStore(`file:${file}`);
const count = Number(posts);
const hot = Array.from({ length: HOT_POSTS }, (_, index) => 1 + Math.floor((index * count) / HOT_POSTS));
const page = { owner: 1, after: Math.floor(count / 2), limit: 20, order: 'asc' };
const values = { user_id: 1, title: 'A title', body: 'x'.repeat(300), created: 0, updated: 0 };

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
process.stdout.write(`${JSON.stringify(figures)}\n`);

// Microseconds for one, the median of the samples; the first ones run code that is not compiled yet.
async function costOf(times, run) {
  const samples = [];
  for (let index = 0; index < SAMPLES; index++) {
    const before = process.cpuUsage();
    await run();
    const { user, system } = process.cpuUsage(before);
    samples.push((user + system) / times);
  }
  return samples.slice(WARM_UP).sort((a, b) => a - b)[(SAMPLES - WARM_UP) / 2];
}
