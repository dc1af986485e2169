// `jot repair`: makes a damaged data file one that can be opened, keeps the damaged one beside it, and says what is lost.

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
  summary: 'keep all that can be read of a damaged data file, and the damaged one beside it',
  details: `
Stop the server first. The file is replaced by a new one with every line that is
whole; the file as it was stays beside it, as <file>.damaged-<time>. Rows that
depend on lost ones are dropped too: posts and sessions of a lost user. Where
lines are lost all sessions end, and what those lines deleted or changed is as
it was before. A row whose only fault is its shape is never dropped unasked:
without --drop-rows the command names such rows, leaves the file as it is, and
exits with 1. A file without damage is not touched, and one of which nothing can
be read, or that a newer Jot wrote, is refused and left as it is.`,
  async run(world, { options, positionals }) {
    const { stdout, stderr, now } = world;
    const path = dataFileOf(world, positionals);
    const repaired = await repairDataFile(path, { now, dropRows: options.has('drop-rows') });
    if (repaired === null) {
      await print(stdout, `${path}: there is no damage to repair\n`);
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
  const rows = firstOf(misshapen.slice(0, LINES_SHOWN_MAX), LINES_SHOWN_MAX, misshapen.length);
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
    `The file as it was is in ${original}`,
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
  const gone = firstOf(misfits.slice(0, LINES_SHOWN_MAX).map(misfitLine), LINES_SHOWN_MAX, misfits.length);
  const title = lossCount > 0 ? 'dropped with them:' : 'dropped:';
  const ended = `ended: ${counted(sessionsEnded, 'session')}, since what is lost may have been a logout or a new password`;
  return [...(misfits.length > 0 ? [title, ...gone] : []), ...(lossCount > 0 ? [ended] : [])];
}
