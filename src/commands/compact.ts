// `jot compact`: gives back the room that dead rows take. A running server does it itself when it is asked, and goes on
// serving; without one it is done here.

import { stat } from 'node:fs/promises';
import { createLog, type Log } from '../lib/log.ts';
import { openFileStore } from '../store/file/file-store.ts';
import { askToCompact } from '../store/file/offline.ts';
import type { Compaction } from '../store/store.ts';
import { type Command, dataFileOf, parseArguments, type World } from './command.ts';
import { withProgress } from './progress.ts';

export const compact: Command = {
  name: 'compact',
  parameters: '[file]',
  summary: 'write the data file anew without what is dead; a running server goes on serving',
  async run(world, args) {
    const path = dataFileOf(world, parseArguments(args, [], 1).positionals);
    // Opening would make one.
    await stat(path);
    const { bytesBefore, bytesAfter } = await compacted(world, path);
    const [before, after] = [bytesBefore, bytesAfter].map((bytes) => bytes.toLocaleString('en-US'));
    world.stdout.write(`${path}: ${after} bytes, ${before} before\n`);
    return 0;
  },
};

async function compacted(world: World, path: string): Promise<Compaction> {
  const { stderr, now } = world;
  const answer = await withProgress(world, 'waiting for the running server', () => askToCompact(path));
  if (answer !== null) return JSON.parse(answer);
  const warnings = createLog({ format: 'text', write: (line) => stderr.write(line), now });
  const log: Log = { ...warnings, info: () => undefined };
  const store = await withProgress(world, `reading ${path}`, (onProgress) =>
    openFileStore(path, { now, onProgress, log }),
  );
  try {
    return await withProgress(world, `compacting ${path}`, (onProgress) => store.compact(onProgress));
  } finally {
    await store.close();
  }
}
