// The options of `createApp`, with their defaults. Each option is checked before a part of the
// server receives it. A wrong option is thus an exception here and not a timeout that never ends.
//
// Left out: the settings, whose problems `config.ts` reports together.

import { BACKLOG_BYTES_MAX } from './http/backlog.ts';
import { WAITING_BYTES_MAX } from './http/connection.ts';
import { DEFAULT_TIMEOUTS, type Timeouts } from './http/server.ts';
import { checkedClock, wholeClock } from './lib/clock.ts';
import { requireOption } from './lib/option.ts';
import type { Settings } from './lib/settings.ts';

// Node's timers cannot wait longer: 24.8 days.
const TIMEOUT_MS_MAX = 2 ** 31 - 1;

export interface AppOptions {
  /**
   * Settings by their names in the README, `{ PORT: 0, DATABASE_URL: 'memory:' }`, as text,
   * numbers or booleans; a missing setting has its default.
   */
  readonly settings?: Settings;
  /** Milliseconds since the epoch; default `Date.now`. */
  readonly now?: () => number;
  /** Milliseconds on a monotonic clock; default `performance.now`. */
  readonly elapsedMs?: () => number;
  /**
   * Called with each line of the log; default: no log. If it throws or rejects, the line counts as
   * lost in `/metrics`.
   */
  readonly writeLog?: (line: string) => unknown;
  /** Returns the number of lines that `writeLog` accepted and dropped later; default: 0. */
  readonly linesDropped?: () => number;
  readonly timeouts?: Partial<Timeouts>;
  /**
   * Maximum number of bytes held for clients that do not read their responses; default 64 MiB, or
   * an eighth of the heap if that is less.
   */
  readonly backlogBytesMax?: number;
  /**
   * Maximum number of bytes of pipelined requests that wait; default 16 MiB, or a thirty-second of
   * the heap if that is less.
   */
  readonly waitingBytesMax?: number;
}

/**
 * Returns the options with their defaults.
 *
 * @throws TypeError for an option that is not as described.
 */
export function completeOptions(given: AppOptions) {
  // Looked up in each call, since a test may replace them.
  const { now = () => Date.now(), elapsedMs = () => performance.now() } = given;
  const { settings = {}, writeLog = () => undefined, linesDropped = () => 0 } = given;
  const { backlogBytesMax = BACKLOG_BYTES_MAX, waitingBytesMax = WAITING_BYTES_MAX } = given;
  const timeouts: Timeouts = { ...DEFAULT_TIMEOUTS, ...given.timeouts };
  const functions = Object.entries({ writeLog, linesDropped });
  for (const [name, value] of functions) {
    requireOption(typeof value === 'function', problem(name, 'a function'), value);
  }
  for (const [name, value] of Object.entries({ backlogBytesMax, waitingBytesMax })) {
    requireOption(Number.isFinite(value) && value >= 0, problem(name, 'a number of bytes'), value);
  }
  for (const [name, value] of Object.entries(timeouts)) {
    const isValid = Number.isFinite(value) && value >= 0 && value <= TIMEOUT_MS_MAX;
    requireOption(isValid, problem(`timeouts.${name}`, `from 0 to ${TIMEOUT_MS_MAX} milliseconds`), value);
  }
  requireOption(
    typeof settings === 'object' && settings !== null,
    problem('settings', 'an object'),
    settings,
  );
  return {
    settings,
    now: wholeClock(now),
    elapsedMs: checkedClock(elapsedMs),
    writeLog,
    linesDropped,
    timeouts,
    backlogBytesMax,
    waitingBytesMax,
  };
}

function problem(name: string, expected: string): string {
  return `Cannot create an app: ${name} must be ${expected}`;
}
