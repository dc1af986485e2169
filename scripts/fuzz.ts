// `npm run fuzz`: finds responses that do not match `/openapi.json`. It generates valid and spoiled
// requests from that document alone, so a new endpoint needs no change here.

import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { type Report, run } from './fuzz/run.ts';
import { toShell } from './fuzz/shell.ts';
import { openTarget, SETTINGS } from './fuzz/target.ts';

const EXIT_FAULT = 1;
const EXIT_USAGE = 2;
const SEED_MAX = 1e9;
const USAGE = `Usage: npm run fuzz -- [option ...]

Sends valid and spoiled requests, made from /openapi.json, to a server in this process. At the
first response that is not as documented, it prints commands that reproduce it and exits with 1.

  --seed <number>      the same seed makes the same requests (default: a random one)
  --requests <number>  how many requests to send (default: 5000)
  --help               show this
`;

const { seed, requests, help } = parseOptions();
if (help) process.stdout.write(USAGE);
else {
  const report = await run(seed, requests, openTarget);
  process.stdout.write(describe(report));
  if (report.found !== null || report.uncovered.length > 0) process.exitCode = EXIT_FAULT;
}

function parseOptions() {
  const seed = { type: 'string', default: String(randomInt(SEED_MAX)) } as const;
  const requests = { type: 'string', default: '5000' } as const;
  try {
    const { values } = parseArgs({ options: { seed, requests, help: { type: 'boolean' } } });
    if (![values.seed, values.requests].every((text) => /^\d{1,9}$/.test(text)))
      throw new Error('--seed and --requests must be whole numbers');
    return { seed: Number(values.seed), requests: Number(values.requests), help: values.help };
  } catch (error) {
    process.stderr.write(`fuzz: ${(error as Error).message}\n\n${USAGE}`);
    process.exit(EXIT_USAGE);
  }
}

function describe({ statuses, uncovered, found }: Report): string {
  const counts = Object.entries(statuses).map(([status, count]) => `${status} ×${count}`);
  const summary = `Seed ${seed}: ${counts.join(', ')}\n`;
  if (found === null) return uncovered.map(({ name }) => `Never succeeded: ${name}\n`).join('') + summary;
  const settings = Object.entries(SETTINGS).map(([name, value]) => `${name}=${value}`);
  return `${found.fault.text}
To reproduce it, start a server:
${settings.join(' ')} npm start
and send:
URL=http://127.0.0.1:3000
${toShell(found.steps)}
${summary}`;
}
