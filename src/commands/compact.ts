// `jot compact`: gives back the room that dead rows take. A running server does it itself when it is asked, and goes on
// serving; without one it is done here.

import { stat } from 'node:fs/promises';
import { JotError } from '../lib/errors.ts';
import { createLog, type Log } from '../lib/log.ts';
import { explained } from '../store/file/data-path.ts';
import { openFileStore } from '../store/file/file-store.ts';
import { askToCompact } from '../store/file/offline.ts';
import type { Compaction } from '../store/store.ts';
import { type Command, dataFileOf, FILE, parseArguments, print, type World } from './command.ts';
import { withProgress } from './progress.ts';
import { reportWhere } from './running-server.ts';

export const compact: Command = {
  name: 'compact',
  parameters: FILE,
  summary: 'write the data file anew without what is dead; a running server goes on serving',
  details: `
The new file is written beside the old one and then takes its place, so for a
while room is needed for both. Nothing that is in use is lost, and nothing else
is kept: what was changed or deleted is gone for good. A server does this by
itself when more than half of a file of 1 MiB or more is dead.`,
  async run(world, args) {
    const path = dataFileOf(world, parseArguments(args, [], 1).positionals);
    // Opening would make one.
    await explained('find', path, () => stat(path));
    const { bytesBefore, bytesAfter } = await compacted(world, path);
    const [before, after] = [bytesBefore, bytesAfter].map((bytes) => bytes.toLocaleString('en-US'));
    await print(world.stdout, `${path}: ${after} bytes, ${before} before\n`);
    return 0;
  },
};

async function compacted(world: World, path: string): Promise<Compaction> {
  const { stderr, now } = world;
  const said = await withProgress(world, 'waiting for the running server', () => askToCompact(path));
  if (said !== null) {
    const compaction = compactionIn(said.answer);
    reportWhere(world, { kind: 'data', path, server: said.owner });
    return compaction;
  }
  const warnings = createLog({ format: 'text', write: (line) => stderr.write(line), now });
  const log: Log = { ...warnings, info: () => undefined };
  const store = await withProgress(world, `reading ${path}`, (onProgress) =>
    openFileStore(path, { now, onProgress, log }),
  );
  try {
    const compaction = await withProgress(world, `compacting ${path}`, (onProgress) =>
      store.compact(onProgress),
    );
    reportWhere(world, { kind: 'data', path, server: null });
    return compaction;
  } finally {
    await store.close();
  }
}

/**
 * What the process that has the file answered. It may be another version of Jot, or none.
 *
 * @throws JotError `unavailable` for what is no compaction.
 */
export function compactionIn(answer: string): Compaction {
  const { bytesBefore, bytesAfter } = parsed(answer);
  if (isLength(bytesBefore) && isLength(bytesAfter)) return { bytesBefore, bytesAfter };
  throw new JotError('unavailable', 'The process that has the data file gave an answer that makes no sense');
}

function parsed(answer: string): Partial<Record<keyof Compaction, unknown>> {
  try {
    return JSON.parse(answer) ?? {};
  } catch {
    return {};
  }
}

function isLength(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}
