// `jot check`: reads a data file from start to end, as a start would, and changes nothing. It can be run on the file of a
// server that is running.

import { JotError } from '../lib/errors.ts';
import { compactedBytes, readDataFile } from '../store/file/offline.ts';
import { DamageError, VersionError } from '../store/file/record.ts';
import { Tables } from '../store/tables.ts';
import { type Command, counted, dataFileOf, EXIT_FAILURE, parseArguments, type World } from './command.ts';
import { withProgress } from './progress.ts';
import { countsOf } from './report.ts';

export const check: Command = {
  name: 'check',
  parameters: '[file]',
  summary: 'look for damage in the data file; change nothing',
  async run(world, args) {
    const path = dataFileOf(world, parseArguments(args, [], 1).positionals);
    const tables = new Tables();
    try {
      return await report(world, path, tables);
    } catch (error) {
      if (!(error instanceof JotError)) throw error;
      world.stderr.write(`jot: ${error.message}\n`);
      if (isRepairable(error)) {
        world.stdout.write(
          `before that place: ${countsOf(tables)}\n\`jot repair\` keeps all that can be read.\n`,
        );
      }
      return EXIT_FAILURE;
    }
  },
};

function isRepairable({ details: { cause } }: JotError): boolean {
  return cause instanceof DamageError && !(cause instanceof VersionError);
}

async function report(world: World, path: string, tables: Tables): Promise<number> {
  const { stdout } = world;
  const { seq, bytes, goodBytes } = await withProgress(world, `reading ${path}`, (onProgress) =>
    readDataFile(path, { onProgress }, tables),
  );
  const dead = Math.max(0, goodBytes - compactedBytes(tables));
  stdout.write(
    `${path}: no damage\n${countsOf(tables)}; last change ${seq}; ` +
      `${counted(bytes, 'bytes')}, ${Math.round((100 * dead) / Math.max(goodBytes, 1))} % of them dead\n`,
  );
  if (bytes > goodBytes) {
    stdout.write(
      `the last ${counted(bytes - goodBytes, 'bytes')} are an unfinished change: the next start sets them aside\n`,
    );
  }
  return 0;
}
