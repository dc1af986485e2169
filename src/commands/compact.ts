// `jot compact`: rewrites the data file without the old states of changed and deleted rows.

import { integer, object } from '../schema/schema.ts';
import type { Compaction } from '../store/store.ts';
import { type Command, dataFileOf, FILE, print, type World } from './command.ts';
import { perform, requireFile } from './running-server.ts';

const compaction = object({ bytesBefore: integer({ min: 0 }), bytesAfter: integer({ min: 0 }) });

export const compact: Command = {
  name: 'compact',
  parameters: FILE,
  summary: 'rewrite the data file without dead rows; a running server keeps serving',
  async run(world, { positionals }) {
    const path = dataFileOf(world, positionals);
    await requireFile(path);
    const { bytesBefore, bytesAfter } = await compactFile(world, path);
    const [before, after] = [bytesBefore, bytesAfter].map((bytes) => bytes.toLocaleString('en-US'));
    await print(world.stdout, `${path}: ${after} bytes, ${before} before\n`);
  },
};

/** Compacts the file, through the running server if there is one. */
export function compactFile(world: World, path: string): Promise<Compaction> {
  const request = { name: 'compact', type: compaction };
  return perform(world, path, request, (store) => store.compact());
}
