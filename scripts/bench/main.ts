// `npm run bench` compares Jot with the minimum that the machine needs for the same work. Absolute
// figures mean little on a machine that also runs other programs, so the results are ratios. `npm
// run profile` shows which functions take the time.

import { rmSync, writeFileSync } from 'node:fs';
import { type Bench, runScenario, type Scenario } from './bench.ts';
import { findCores, machineText } from './machine.ts';
import { type Options, parseOptions } from './options.ts';
import { installPeers } from './peers.ts';
import { killChildren, newFolder } from './process.ts';
import { profile } from './profile.ts';
import { costs } from './scenarios/costs.ts';
import { compaction, flat, load } from './scenarios/many-posts.ts';
import { busy, rates } from './scenarios/rates.ts';
import { start } from './scenarios/start.ts';
import { turns } from './scenarios/turns.ts';
import { build, makeScratch } from './scratch.ts';
import type { Comparison } from './statistics.ts';
import { comparisonTable } from './table.ts';

const scenarios: readonly Scenario[] = [...rates, busy, start, load, flat, costs, turns, compaction];

const USAGE = `Usage: npm run bench -- [options]
       npm run profile -- <get, list, create or login> [--seconds <n>]

  --only <scenario>   one of those below, or several separated by commas
  --quick             a short try: one round of half a second, and a small store
  --rounds <n>        how often each is measured (3)
  --seconds <n>       for how long, each time (10)
  --posts <n>         how many posts the large store has (1000000)
  --peers             also Fastify, Express, Hono and json-server, installed in a folder of their own
  --json <file>       also write the figures to a file, as JSON
  --help              show this

Scenarios:
${scenarios.map(({ name, summary }) => `  ${name.padEnd(12)}${summary}\n`).join('')}`;

// No `once`: a second signal would end the process in the middle of its cleanup.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(1));
const options = optionsOf(process.argv.slice(2));
if (options.help) process.stdout.write(USAGE);
else await run();

function optionsOf(args: string[]): Options {
  const names = scenarios.map(({ name }) => name);
  try {
    return parseOptions(args, names);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n\n${USAGE}`);
    process.exit(2);
  }
}

async function run(): Promise<void> {
  const cores = findCores();
  const machine = machineText(cores);
  process.stdout.write(`${machine}\n`);
  const work = makeScratch();
  progress('building Jot');
  const dist = build(work);
  const peers = options.peers ? installPeers() : [];
  const bench = { options, work, dist, cores, peers, progress };
  if (options.profile !== undefined) {
    process.stdout.write(await profile(bench, options.profile));
    return;
  }
  const comparisons = await compareAll(bench);
  progress('');
  process.stdout.write(`\n${comparisonTable(comparisons, !options.quick)}`);
  if (options.json === undefined) return;
  writeFileSync(options.json, `${JSON.stringify({ machine, options, comparisons }, null, 2)}\n`);
}

async function compareAll(bench: Bench): Promise<Comparison[]> {
  const { only } = options;
  const comparisons: Comparison[] = [];
  for (const scenario of scenarios) {
    const { name, isOptional = false } = scenario;
    if (only.length === 0 ? isOptional : !only.includes(name)) continue;
    const work = newFolder(bench);
    const site = { ...bench, work, progress: (text: string) => progress(`${name}: ${text}`) };
    comparisons.push(...(await runScenario(site, scenario)));
    await killChildren();
    // Frees memory for the next scenario: the host of a virtual machine needs time to provide new
    // memory.
    rmSync(work, { recursive: true });
  }
  return comparisons;
}

// One changing line on a terminal; separate lines in a file.
function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
  else if (text !== '') process.stderr.write(`${text}\n`);
}
