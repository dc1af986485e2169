// `jot export`: everything in the data file as one JSON object, a row on a line. It can be run on the file of a server that
// is running. Password hashes are left out unless they are asked for: a file like this gets around.

import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type CollectionName, collectionNames, collections } from '../store/collections.ts';
import { nextIdsOf } from '../store/file/next-file.ts';
import { readDataFile } from '../store/file/offline.ts';
import type { Tables } from '../store/memory/tables.ts';
import { type Command, dataFileOf, FILE, parseArguments } from './command.ts';
import { withProgress } from './progress.ts';

export const EXPORT_FORMAT = 'jot-export';
export const EXPORT_VERSION = 1;

export const exportRows: Command = {
  name: 'export',
  parameters: {
    '[--with-secrets]': 'password hashes too; keep the output to yourself',
    ...FILE,
  },
  summary: 'print everything as JSON; password hashes only with --with-secrets',
  details: `One JSON object on standard output, a row on a line. Users that are imported from it without hashes cannot sign in.
Changes nothing, and works on the file of a running server. The signing keys are not part of it.`,
  async run(world, args) {
    const { options, positionals } = parseArguments(args, ['with-secrets'], 1);
    const path = dataFileOf(world, positionals);
    const { tables } = await withProgress(world, `reading ${path}`, (onProgress) =>
      readDataFile(path, { onProgress }),
    );
    const withSecrets = options.has('with-secrets');
    await pipeline(Readable.from(piecesOf(tables, withSecrets)), world.stdout, { end: false });
    // It is easily forgotten, or kept by the program that runs this one, and found out when it is too late.
    if (!withSecrets) world.stderr.write('jot: without password hashes; --with-secrets prints them too\n');
    return 0;
  },
};

function* piecesOf(tables: Tables, withSecrets: boolean): Generator<string> {
  yield `{"format":"${EXPORT_FORMAT}","version":${EXPORT_VERSION},"next":${JSON.stringify(nextIdsOf(tables))}`;
  for (const name of collectionNames) {
    const left = withSecrets ? [] : secretsOf(name);
    let separator = '\n';
    yield `,\n"${name}":[`;
    for (const row of tables.rows(name)) {
      yield separator + JSON.stringify(row, (key, value) => (left.includes(key) ? undefined : value));
      separator = ',\n';
    }
    yield '\n]';
  }
  yield '}\n';
}

function secretsOf(name: CollectionName): readonly string[] {
  const fields = Object.entries(collections[name].fields);
  return fields.filter(([, { secret }]) => secret).map(([field]) => field);
}
