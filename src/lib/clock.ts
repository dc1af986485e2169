// Checks clocks, which are parameters so that tests need not wait. The obvious solution, to call a
// clock and use the result, fails silently. No comparison with NaN is true, so a single NaN empties
// a token bucket for good. The sum of a Date and a lifetime is a string. A row with a fraction of a
// millisecond fails a check of the data file.
//
// So a clock is called once when it is passed in, and each result is checked. A clock that fails
// later makes only the work that reads it fail.

import { requireOption } from './option.ts';

const PROBLEM = 'Cannot use the clock: it must be a function that returns a finite number';

/**
 * Returns a clock that throws TypeError instead of returning a value that is not finite.
 *
 * @throws TypeError unless the clock is a function that returns a finite number.
 */
export function checkedClock(clock: () => number): () => number {
  readClock(clock);
  return () => readClock(clock);
}

/** Returns a checked clock in whole milliseconds. Throws as `checkedClock` does. */
export function wholeClock(clock: () => number): () => number {
  const checked = checkedClock(clock);
  return () => Math.floor(checked());
}

/** Calls the clock once. Throws as `checkedClock` does. */
export function readClock(clock: () => number): number {
  requireOption(typeof clock === 'function', PROBLEM, clock);
  const time = clock();
  requireOption(Number.isFinite(time), PROBLEM, time);
  return time;
}
