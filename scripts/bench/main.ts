// `npm run bench`: how fast Jot is, told as ratios to what a machine can do at best. `--help` says what can be measured.
//
// Figures from a machine that does other things too mean little by themselves. So everything is measured in turns, a
// median stands for the rounds, and the spread says how far apart they were.

import { rmSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { type Bench, newFolder, type Scenario } from './bench.ts';
import { describeMachine, machineText } from './machine.ts';
import { type Options, parseOptions, UsageError } from './options.ts';
import { installPeers } from './peers/install.ts';
import { scenarios, scenariosOf } from './scenarios.ts';
import { build, makeScratch, type Scratch } from './scratch.ts';
import { type Judged, judge } from './statistics.ts';
import { comparisonTable, legend } from './table.ts';

const EXIT_USAGE = 2;

const USAGE = `Usage: npm run bench -- [options]

  --only <scenario>   one of those below, or several separated by commas
  --quick             a short try: one round of half a second, and a small store
  --rounds <n>        how often each is measured (3)
  --seconds <n>       for how long, each time (10)
  --posts <n>         how many posts the large store has (1000000)
  --peers             also Fastify, Express, Hono and json-server, installed in a folder of their own
  --json <file>       also write the figures to a file, as JSON
  --help              show this

Scenarios:
${scenarios.map(({ name, summary }) => `  ${name.padEnd(8)} ${summary}\n`).join('')}`;

// Not only once: by default a second one would end it in the middle of its cleaning up.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(1));
await run(process.argv.slice(2));

async function run(args: readonly string[]): Promise<void> {
  const options = optionsOf(args);
  if (options === null) return;
  if (options.help) {
    process.stdout.write(USAGE);
    return;
  }
  const scratch = makeScratch();
  process.once('exit', scratch.remove);
  await measure(options, scratch);
}

function optionsOf(args: readonly string[]): Options | null {
  try {
    return parseOptions(
      args,
      scenarios.map(({ name }) => name),
    );
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`bench: ${error.message}\n\n${USAGE}`);
    process.exitCode = EXIT_USAGE;
    return null;
  }
}

async function measure(options: Options, { work }: Scratch): Promise<void> {
  const machine = describeMachine(new Date());
  process.stdout.write(machineText(machine));
  progress('building Jot');
  const built = build(work);
  const peers = options.peers ? await installPeers(progress) : [];
  const bench = { options, work, ...built, cores: machine.pinned, peers };
  const found: Judged[] = [];
  for (const scenario of scenariosOf(options.only)) found.push(...(await runScenario(bench, scenario)));
  progress('');

  process.stdout.write(`\n${comparisonTable(found, options)}\n${legend(options)}`);
  if (options.json === null) return;
  writeFileSync(options.json, `${JSON.stringify({ machine, options, comparisons: found }, null, 2)}\n`);
  process.stdout.write(`As JSON: ${resolve(options.json)}\n`);
}

// What a scenario has written is removed behind it: the memory that the system keeps it in is then free for the next one. To find
// more is work for a virtual machine's host, and whoever asks for it waits.
async function runScenario(bench: Omit<Bench, 'progress'>, scenario: Scenario): Promise<Judged[]> {
  const work = newFolder(bench, scenario.name);
  const comparisons = await scenario.run({
    ...bench,
    work,
    progress: (text) => progress(`${scenario.name}: ${text}`),
  });
  rmSync(work, { recursive: true });
  return comparisons.map(judge);
}

// One line that changes at a terminal; lines one after another in a file.
function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
  else if (text !== '') process.stderr.write(`${text}\n`);
}
