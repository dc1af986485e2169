// `npm run profile -- <scenario>`: drives Jot once with the profiler on and tells where the time went.

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { newFolder } from './bench.ts';
import { type Route, startJot } from './contender.ts';
import { byFile, byFunction, readProfile, type Share } from './cpu-profile.ts';
import { CONNECTIONS, drive } from './drive.ts';
import { describeMachine, machineText } from './machine.ts';
import { type ProfileOptions, parseProfileOptions, UsageError } from './options.ts';
import { compile, makeScratch } from './scratch.ts';
import { amount, markdownTable } from './table.ts';

const EXIT_USAGE = 2;
const ROWS = 30;
const LOGIN_CLIENTS = 16;
const routes: readonly Route[] = ['get', 'list', 'create', 'login'];

const USAGE = `Usage: npm run profile -- <scenario> [--seconds <n>]

Scenarios: ${routes.join(', ')}
`;

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

const options = optionsOf(process.argv.slice(2));
if (options?.help === true) process.stdout.write(USAGE);
const route = routes.find((each) => each === options?.scenario);
if (options !== null && route !== undefined) await profile(route, options);

async function profile(of: Route, { seconds }: ProfileOptions): Promise<void> {
  const machine = describeMachine(new Date());
  const { work, remove } = makeScratch();
  process.once('exit', remove);
  process.stderr.write(`profiling ${of} for ${seconds} s\n`);
  const site = { work, ...compile(work), cores: machine.pinned };
  const folder = newFolder(site, 'profile');
  const flags = ['--cpu-prof', `--cpu-prof-dir=${folder}`, '--cpu-prof-interval=500'];
  const jot = await startJot(site, { flags });
  const connections = of === 'login' ? LOGIN_CLIENTS : CONNECTIONS;
  const { perSecond } = await drive(site, jot, of, { seconds, connections });
  await jot.server.stop();

  const [file = ''] = readdirSync(folder);
  const found = readProfile(join(folder, file));
  const rate = `${amount(perSecond, '/s')} with the profiler on`;
  process.stdout.write(`${machineText(machine)}${of}: ${rate}\n\n${table(byFunction(found, site.dist))}`);
  process.stdout.write(`\n${table(byFile(found, site.dist))}`);
}

function optionsOf(args: readonly string[]): ProfileOptions | null {
  try {
    return parseProfileOptions(args, routes);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`profile: ${error.message}\n\n${USAGE}`);
    process.exitCode = EXIT_USAGE;
    return null;
  }
}

function table(shares: readonly Share[]): string {
  const rows = shares
    .slice(0, ROWS)
    .map(({ name, place, ms, share }) => [name, place, `${(share * 100).toFixed(1)} %`, amount(ms, 'ms')]);
  return markdownTable([['function', 'place', 'self', 'time'], ...rows], 2);
}
