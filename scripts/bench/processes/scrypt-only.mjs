// Scrypt hashes per second on this machine without a server, at the default cost of Jot:
// `node scrypt-only.mjs <concurrency> <seconds>`.

import { randomBytes, scrypt } from 'node:crypto';
import { promisify } from 'node:util';

const [concurrency, seconds] = process.argv.slice(2).map(Number);
const cost = { N: 2 ** 14, r: 8, p: 5, maxmem: 64 * 1024 * 1024 };
let hashes = 0;
let elapsedMs = 0;

const startMs = performance.now();
await Promise.all(Array.from({ length: concurrency }, hashRepeatedly));
const { user, system } = process.cpuUsage();
const figures = { perSecond: (hashes * 1000) / elapsedMs, perCpuSecond: (hashes * 1e6) / (user + system) };
process.stdout.write(`${JSON.stringify(figures)}\n`);

async function hashRepeatedly() {
  while (elapsedMs < seconds * 1000) {
    await promisify(scrypt)('a password', randomBytes(16), 32, cost);
    hashes++;
    elapsedMs = performance.now() - startMs;
  }
}
