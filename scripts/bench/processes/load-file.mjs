// The time to load a data file, and the memory that the rows take, in Jot or in the lower bound.
// The lower bound only parses each line and stores the rows in a Map, without checksums, indexes or
// lists:
// `node --expose-gc load-file.mjs <file> <dist> <posts> <open or scan>`.

import { closeSync, openSync, readSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const [file, dist, posts, loader] = process.argv.slice(2);
const { openStore } = await import(pathToFileURL(`${dist}/store/open.js`).href);

const bytesBefore = heldBytes();
const cpuBefore = process.cpuUsage();
const startMs = performance.now();
const loaded = await (loader === 'open' ? openStore(`file:${file}`) : scan());
const ms = performance.now() - startMs;
const { user, system } = process.cpuUsage(cpuBefore);
const bytesPerPost = (heldBytes() - bytesBefore) / posts;
process.stdout.write(`${JSON.stringify({ ms, cpuMs: (user + system) / 1000, bytesPerPost })}\n`);
// Also keeps the loaded rows reachable until here.
await loaded.close?.();

function scan() {
  const rows = new Map();
  const descriptor = openSync(file, 'r');
  const block = Buffer.alloc(64 * 1024);
  let rest = Buffer.alloc(0);
  for (let length = readSync(descriptor, block); length > 0; length = readSync(descriptor, block)) {
    const bytes = Buffer.concat([rest, block.subarray(0, length)]);
    let start = 0;
    for (let end = bytes.indexOf(10); end !== -1; end = bytes.indexOf(10, start)) {
      const { changes = [] } = JSON.parse(bytes.toString('utf8', start, end));
      for (const { put, row } of changes) if (put === 'posts') rows.set(row.id, row);
      start = end + 1;
    }
    rest = bytes.subarray(start);
  }
  closeSync(descriptor);
  return rows;
}

function heldBytes() {
  globalThis.gc();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
