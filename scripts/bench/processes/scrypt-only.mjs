// What the machine can do in scrypt alone: `node scrypt-only.mjs <at once> <seconds>`, at Jot's default cost.

import { randomBytes, scrypt } from 'node:crypto';

const [atOnce, seconds] = process.argv.slice(2).map(Number);
const cost = { N: 2 ** 14, r: 8, p: 5, maxmem: 64 * 1024 * 1024 };
const startedMs = performance.now();
let hashed = 0;

function hash() {
  scrypt('a password', randomBytes(16), 32, cost, (error) => {
    if (error) throw error;
    hashed++;
    const elapsedMs = performance.now() - startedMs;
    if (elapsedMs < seconds * 1000) hash();
    else finish(elapsedMs);
  });
}

function finish(elapsedMs) {
  const { user, system } = process.cpuUsage();
  const figures = {
    answers: hashed,
    perSecond: (hashed * 1000) / elapsedMs,
    perCpuSecond: (hashed * 1e6) / (user + system),
  };
  process.stdout.write(`${JSON.stringify(figures)}\n`, () => process.exit(0));
}

for (let index = 0; index < atOnce; index++) hash();
