// The progress of a task, in a line on standard error that is overwritten and finally erased. It appears only at a terminal,
// and only after a second: a quick task needs none, and a log file would keep every state of it.

import type { OnProgress } from '../store/store.ts';
import type { World } from './command.ts';

const FIRST_MS = 1_000;
const INTERVAL_MS = 200;
const WIPE = '\r\u001b[K';

/** Runs a task that reports its progress. */
export async function withProgress<T>(
  { stderr, elapsed }: Pick<World, 'stderr' | 'elapsed'>,
  label: string,
  task: (onProgress: OnProgress) => Promise<T>,
): Promise<T> {
  if (!stderr.isTTY) return task(() => undefined);
  const startMs = elapsed();
  let share = '';
  let isDrawn = false;
  const draw = () => {
    const elapsedMs = elapsed() - startMs;
    if (elapsedMs < FIRST_MS) return;
    isDrawn = true;
    stderr.write(`${WIPE}${label} ${share || `${Math.floor(elapsedMs / 1000)} s`}`);
  };
  const timer = setInterval(draw, INTERVAL_MS);
  try {
    return await task((done, total) => {
      share = `${Math.floor((100 * done) / Math.max(total, 1))} %`;
    });
  } finally {
    clearInterval(timer);
    if (isDrawn) stderr.write(WIPE);
  }
}
