// `jot repair`: makes a damaged data file one that can be opened, keeps the damaged one beside it, and says what is lost.

import { type Repair, repairDataFile } from '../store/file/repair.ts';
import { type Command, counted, dataFileOf, parseArguments } from './command.ts';
import { withProgress } from './progress.ts';
import { countsOf, firstOf } from './report.ts';

const LINES_SHOWN_MAX = 20;

export const repair: Command = {
  name: 'repair',
  parameters: '[file]',
  summary: 'keep all that can be read of a damaged data file, and the damaged one beside it',
  async run(world, args) {
    const { stdout, now } = world;
    const path = dataFileOf(world, parseArguments(args, [], 1).positionals);
    const repaired = await withProgress(world, `repairing ${path}`, (onProgress) =>
      repairDataFile(path, { now, onProgress }),
    );
    stdout.write(repaired === null ? `${path}: there is no damage to repair\n` : describe(path, repaired));
    return 0;
  },
};

function describe(path: string, { lines, losses, misfits, sessionsEnded, tables, original }: Repair): string {
  const lost = losses.map(({ line, byte, reason }) => `  line ${line}, byte ${byte}: ${reason}`);
  const gone = misfits.map(({ name, row, reason }) => `  ${row.id} of ${name}: ${reason}`);
  return [
    `${path}: repaired`,
    `dropped, of ${counted(lines, 'lines')}:`,
    ...firstOf(lost, LINES_SHOWN_MAX),
    ...(gone.length > 0 ? ['dropped with them:'] : []),
    ...firstOf(gone, LINES_SHOWN_MAX),
    `ended: ${counted(sessionsEnded, 'sessions')}, since what is lost may have been a logout or a new password`,
    `kept: ${countsOf(tables)}`,
    `The damaged file is in ${original}`,
    '',
  ].join('\n');
}
