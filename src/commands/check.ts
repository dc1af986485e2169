// `jot check`: reads a data file from start to end, as a start would, and then checks every row,
// which a start does not. It changes nothing, and works on the file of a running server.

import { costOf } from '../auth/password.ts';
import { JotError } from '../lib/errors.ts';
import { DamageError, NewerError, NotJotError } from '../store/damage.ts';
import { describeNeed } from '../store/file/memory-need.ts';
import { type Contents, compactedBytes, readDataFile } from '../store/file/offline.ts';
import type { Tables } from '../store/memory/tables.ts';
import { type Misfit, misfitsIn } from '../store/validate-rows.ts';
import { type Command, counted, dataFileOf, EXIT_FAILURE, FILE, print, type World } from './command.ts';
import { countsOf, firstOf, misfitLine } from './report.ts';

const MISFITS_SHOWN_MAX = 20;
const REPAIR =
  '`jot repair` keeps all that can be read. It drops rows of a wrong shape only with --drop-rows.';
const NEW_PASSWORD = '`jot user password <username>` replaces the hash; `jot user list` shows the usernames.';

export const check: Command = {
  name: 'check',
  parameters: FILE,
  summary: 'look for damage in the data file; change nothing',
  async run(world, { positionals }) {
    const path = dataFileOf(world, positionals);
    let counts = '';
    const onDamage = (tables: Tables) => {
      counts = countsOf(tables);
    };
    return readDataFile(path, (contents) => report(world, path, contents), { onDamage }).catch((error) => {
      const isNewer = error instanceof JotError && error.details.cause instanceof NewerError;
      if (error instanceof JotError && !isNewer) return reportDamage(world, error, counts);
      throw error;
    });
  },
};

async function report(world: World, path: string, contents: Contents): Promise<number> {
  const { tables } = contents;
  const misfits = misfitsIn(tables);
  const repair = `jot repair${misfits.some(({ isMisshapen }) => isMisshapen) ? ' --drop-rows' : ''}`;
  if (misfits.length > 0) return reportMisfits(world, path, misfits, tables, `\`${repair}\` drops them.`);
  const unverifiable = unverifiableIn(tables);
  if (unverifiable.length > 0) return reportMisfits(world, path, unverifiable, tables, NEW_PASSWORD);
  await print(world.stdout, describe(path, contents));
  return 0;
}

async function reportDamage(world: World, error: JotError, counts: string): Promise<number> {
  await print(world.stderr, `jot: ${error.message}\n`);
  const { cause } = error.details;
  // A repair of a file that belongs to another program would destroy it, so none is suggested.
  if (cause instanceof DamageError && !(cause instanceof NotJotError)) {
    await print(world.stdout, `before that place: ${counts}\n${REPAIR}\n`);
  }
  return EXIT_FAILURE;
}

async function reportMisfits(
  { stdout, stderr }: World,
  path: string,
  misfits: readonly Misfit[],
  tables: Tables,
  remedy: string,
): Promise<number> {
  const lines = firstOf(misfits.map(misfitLine), MISFITS_SHOWN_MAX).map((line) => `${line}\n`);
  const rows = counted(misfits.length, 'row');
  await print(stderr, `jot: The data file ${path} has ${rows} that cannot be right:\n${lines.join('')}`);
  await print(stdout, `${countsOf(tables)}\n${remedy}\n`);
  return EXIT_FAILURE;
}

// To the store, a password hash is any text.
function unverifiableIn(tables: Tables): Misfit[] {
  const reason = 'its password hash is malformed or too expensive, so the user cannot sign in';
  const misfits: Misfit[] = [];
  for (const row of tables.rows('users')) {
    const isVerifiable = costOf(Reflect.get(row, 'password_hash')) !== null;
    if (!isVerifiable) misfits.push({ name: 'users', id: row.id, reason, isMisshapen: false });
  }
  return misfits;
}

function describe(path: string, { seq, bytes, goodBytes, peakBytes, tables }: Contents): string {
  if (bytes === 0)
    return `${path}: empty; the next start makes it a new data file, so restore a backup first if it had data\n`;
  const dead = Math.max(0, goodBytes - compactedBytes(tables));
  const share = Math.round((100 * dead) / Math.max(goodBytes, 1));
  const tornBytes = bytes - goodBytes;
  const torn =
    tornBytes > 0
      ? `at the end ${counted(tornBytes, 'byte')} of an incomplete change: the next start sets them aside\n`
      : '';
  const need = describeNeed(peakBytes);
  return (
    `${path}: no damage\n${countsOf(tables)}; last change ${seq}; ` +
    `${counted(bytes, 'byte')}, ${share} % of them dead\n${torn}` +
    (need === null ? '' : `${need}\n`)
  );
}
