// `jot export`: prints the rows of the data file as JSON Lines, so that `jq` and `less` can read
// them one at a time. It works on the file of a running server. Password hashes are left out by
// default, since exports get copied around.
//
// The first line is a header; each later line is a row, {"users":{"id":1,…}}:
//   {"format":"jot-export","version":2,"schema":0,"next":{"users":3,…},"rows":5}
// `schema` is the schema of the rows. `next` keeps the ids of deleted rows from being reused.
// `rows` is the number of lines that follow: without it, an export that was cut off between two
// lines would look complete.

import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type CollectionName, collectionNames, collections } from '../store/collections.ts';
import { nextIdsOf } from '../store/file/next-file.ts';
import { readDataFile } from '../store/file/offline.ts';
import { SCHEMA } from '../store/lift.ts';
import type { Tables } from '../store/memory/tables.ts';
import { type Command, dataFileOf, FILE } from './command.ts';

export const EXPORT_FORMAT = 'jot-export';
export const EXPORT_VERSION = 2;

export const exportRows: Command = {
  name: 'export',
  parameters: {
    '[--with-secrets]': 'include password hashes; keep the output secret',
    ...FILE,
  },
  summary: 'print everything as JSON Lines; password hashes only with --with-secrets',
  async run(world, { options, positionals }) {
    const withSecrets = options.has('with-secrets');
    await readDataFile(dataFileOf(world, positionals), ({ tables }) =>
      pipeline(Readable.from(linesOf(tables, withSecrets)), world.stdout, { end: false }),
    );
    // Printed because a missing --with-secrets would otherwise be noticed only when the export is
    // imported.
    if (!withSecrets) world.stderr.write('jot: without password hashes; --with-secrets prints them too\n');
  },
};

function* linesOf(tables: Tables, withSecrets: boolean): Generator<string> {
  const rows = collectionNames.reduce((sum, name) => sum + tables.count(name), 0);
  const header = {
    format: EXPORT_FORMAT,
    version: EXPORT_VERSION,
    schema: SCHEMA,
    next: nextIdsOf(tables),
    rows,
  };
  yield `${JSON.stringify(header)}\n`;
  for (const name of collectionNames) {
    const omitted = withSecrets ? [] : secretsOf(name);
    const withoutOmitted = (key: string, value: unknown) => (omitted.includes(key) ? undefined : value);
    for (const row of tables.rows(name)) yield `${JSON.stringify({ [name]: row }, withoutOmitted)}\n`;
  }
}

function secretsOf(name: CollectionName): readonly string[] {
  const fields = Object.entries(collections[name].fields);
  return fields.filter(([, { secret }]) => secret).map(([field]) => field);
}
