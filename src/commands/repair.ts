// `jot repair`: replaces a damaged data file with one that opens, keeps the damaged file next to
// it, and reports the losses.

import { type Repair, repairDataFile } from '../store/file/repair.ts';
import { type Command, counted, dataFileOf, EXIT_FAILURE, FILE, print } from './command.ts';
import { countsOf, firstOf, misfitLine } from './report.ts';
import { reportWhere } from './running-server.ts';

const LINES_SHOWN_MAX = 20;

export const repair: Command = {
  name: 'repair',
  parameters: {
    '[--drop-rows]': 'also drop rows that lack a field or have a wrong value',
    ...FILE,
  },
  summary: 'save what can be read of a damaged data file; keep the damaged file next to it',
  details: `
Stop the server first. A new file with every whole line replaces the damaged
one, which is kept next to it as <file>.damaged-<time>. Rows that depend on lost
rows are dropped too, such as the posts and sessions of a lost user. If lines
are lost, all sessions end, and rows that those lines changed or deleted are
back in their previous state. Rows whose only fault is their shape are dropped
only with --drop-rows; without it, the command lists them, leaves the file as it
is, and exits with 1. A file without damage is left as it is. So is a file of
which nothing can be read or that a newer Jot wrote, but the command then fails.`,
  async run(world, { options, positionals }) {
    const { stdout, stderr, now } = world;
    const path = dataFileOf(world, positionals);
    const repaired = await repairDataFile(path, { now, dropRows: options.has('drop-rows') });
    if (repaired === null) {
      await print(stdout, `${path}: no damage to repair\n`);
      return 0;
    }
    if (repaired.original === null) {
      await print(stderr, describeRefusal(path, repaired));
      return EXIT_FAILURE;
    }
    reportWhere(world, path);
    await print(stdout, describe(path, repaired));
    return 0;
  },
};

function describeRefusal(path: string, { misshapen }: Repair): string {
  const rows = firstOf(misshapen, LINES_SHOWN_MAX);
  return [
    `jot: The data file ${path} is left as it is; a repair with --drop-rows would drop:`,
    ...rows.map((row) => `  ${row}`),
    '',
  ].join('\n');
}

function describe(path: string, { tables, original, ...repaired }: Repair): string {
  return [
    `${path}: repaired`,
    ...lossesOf(repaired),
    ...misfitsOf(repaired),
    `kept: ${countsOf(tables)}`,
    `The damaged file is kept in ${original}`,
    '',
  ].join('\n');
}

function lossesOf({ lines, losses, lossCount }: Pick<Repair, 'lines' | 'losses' | 'lossCount'>): string[] {
  if (lossCount === 0) return [];
  const lost = losses.map(({ line, byte, reason }) => `  line ${line}, byte ${byte}: ${reason}`);
  return [`dropped or missing, of ${counted(lines, 'line')}:`, ...firstOf(lost, LINES_SHOWN_MAX, lossCount)];
}

function misfitsOf({
  lossCount,
  misfits,
  sessionsEnded,
}: Pick<Repair, 'lossCount' | 'misfits' | 'sessionsEnded'>): string[] {
  const gone = firstOf(misfits.map(misfitLine), LINES_SHOWN_MAX);
  const title = lossCount > 0 ? 'dropped with them:' : 'dropped:';
  const ended = `ended: ${counted(sessionsEnded, 'session')}, since what is lost may have been a logout or a new password`;
  return [...(misfits.length > 0 ? [title, ...gone] : []), ...(lossCount > 0 ? [ended] : [])];
}
