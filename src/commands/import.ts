// `jot import`: fills an empty store with an export from standard input, completely or not at all.

import { fillDataFile } from '../store/file/offline.ts';
import type { Tables } from '../store/memory/tables.ts';
import { type Command, dataFileOf, print, UsageError } from './command.ts';
import { readExport } from './read-export.ts';
import { countsOf, rowsOf } from './report.ts';
import { RowImporter } from './row-importer.ts';
import { reportWhere } from './running-server.ts';

export const importRows: Command = {
  name: 'import',
  summary: 'read an export from standard input into an empty store',
  details: `
jot import < export.jsonl. Stop the server first. The data file is the one in
DATABASE_URL; it is created if it does not exist, and must not hold any rows.
Every row is checked. If one of them is wrong, nothing is imported, the file
stays as it was, and each problem gets a line. Users without a password hash
cannot sign in.`,
  async run(world) {
    const { stdin, stdout } = world;
    if (stdin.isTTY) throw new UsageError('standard input is a terminal: jot import < export.jsonl');
    const path = dataFileOf(world, []);
    let report = '';
    await fillDataFile(path, async (tables) => {
      report = await importInto(tables, stdin);
    });
    reportWhere(world, path);
    await print(stdout, `${path}: ${report}\n`);
  },
};

/** @throws JotError `bad_request` or `validation_failed`, with a line for each problem. */
async function importInto(tables: Tables, input: AsyncIterable<Uint8Array>): Promise<string> {
  const { rows, entries, ...header } = await readExport(input);
  const importer = new RowImporter(tables, header);
  for await (const entry of entries) importer.take(entry);
  importer.finish(rows);
  const { withoutPassword } = importer;
  const note =
    withoutPassword > 0 ? `; ${rowsOf(withoutPassword, 'users')} without a password, who cannot sign in` : '';
  return `${countsOf(tables)} imported${note}`;
}
