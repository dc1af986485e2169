// What one read, one page and one create cost in a store that is open:
//
//   node --expose-gc store-costs.mjs <file> <folder with the built Jot> <posts> <bytes of ballast>
//
// The same fifty posts, spread over all of them, are read again and again, however many there are: what is measured is Jot's way
// to a row, and not how much of them a processor's nearest cache can hold (with two hundred, a read among a million is 1.19 times
// as dear as among a thousand; with a hundred 1.11, with fifty 1.09, with twenty 1.05). Creates go in batches that share one trip
// to the disk. Time is the process's own on its processor: what else the machine does has no part in it.
//
// What loading left behind is collected first. V8 looks through a heap once while it grows by a share of itself: for each create
// that is the same however many posts there are, but it all comes at once, and among a million might come into every sample.
//
// The ballast is memory that does nothing: with it a store of few posts holds as much as one of many. What a process takes first
// is what others have given back. After that a virtual machine's host has to find more, and a create can cost half as much again.

import { pathToFileURL } from 'node:url';

const SAMPLES = 300;
const WARM_UP = 100;
const READS = 20_000;
const PAGES = 2_000;
const CREATES = 500;
const HOT_POSTS = 50;

const [file, dist, posts, ballastBytes] = process.argv.slice(2);
const { openStore } = await import(pathToFileURL(`${dist}/store/open.js`).href);

const store = await openStore(`file:${file}`);
const count = Number(posts);
const hot = Array.from({ length: HOT_POSTS }, (_, index) => 1 + Math.floor((index * count) / HOT_POSTS));
const page = { owner: 1, after: Math.floor(count / 2), limit: 20, order: 'asc' };
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
