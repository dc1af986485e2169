// `jot migrate`: shows the migrations that a data file lacks and the rows they change, and applies
// them on request. A server needs neither: it lifts old rows whenever it reads them, and the next
// compaction writes them in the current shape. So applying migrations is a compaction.

import { collectionNames, type Entity } from '../store/collections.ts';
import { type Contents, readDataFile } from '../store/file/offline.ts';
import { migrationsSince, SCHEMA } from '../store/lift.ts';
import { type Command, dataFileOf, EXIT_FAILURE, FILE, print } from './command.ts';
import { compactFile } from './compact.ts';
import { rowsOf } from './report.ts';

const NOTHING = `nothing to change; its schema is number ${SCHEMA}, as is this Jot's`;

export const migrate: Command = {
  name: 'migrate',
  parameters: { '[--apply]': 'rewrite the data file, through the running server if there is one', ...FILE },
  summary: 'show or apply the migrations that the data file lacks',
  async run(world, { options, positionals }) {
    const path = dataFileOf(world, positionals);
    const pending = await pendingIn(path);
    await print(world.stdout, `${path}: ${pending.join('\n') || NOTHING}\n`);
    if (pending.length === 0 || !options.has('apply')) return 0;
    await compactFile(world, path);
    const isApplied = (await pendingIn(path)).length === 0;
    const outcome = isApplied ? `applied; ${NOTHING}` : 'not applied: the running server is an older Jot';
    await print(world.stdout, `${outcome}\n`);
    return isApplied ? 0 : EXIT_FAILURE;
  },
};

/** Returns a line for each pending migration, and for each collection with rows to change. */
async function pendingIn(path: string): Promise<readonly string[]> {
  const lifted = new WeakMap<Entity, readonly string[]>();
  const onLifted = (row: Entity, defaulted: readonly string[]) => lifted.set(row, defaulted);
  const use = async ({ tables, schema }: Contents) => {
    const rows = collectionNames.flatMap((name) => {
      const defaulted = Array.from(tables.rows(name), (row) => lifted.get(row));
      const changed = defaulted.filter((fields) => fields !== undefined);
      const fields = [...new Set(changed.flat())];
      const defaults = fields.length === 0 ? '' : `; default of ${fields.join(', ')}`;
      return changed.length === 0 ? [] : `to change: ${rowsOf(changed.length, name)}${defaults}`;
    });
    const migrations = migrationsSince(schema).map(({ number, summary }) => `  ${number}: ${summary}`);
    const pending = [...migrations, ...rows];
    return pending.length === 0
      ? []
      : [`its schema is number ${schema}, and this Jot's is ${SCHEMA}`, ...pending];
  };
  return readDataFile(path, use, { onLifted });
}
