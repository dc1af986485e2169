// Clocks that come from outside. Each clock is a parameter, so that tests need not wait. The
// obvious solution, to call it and use the result, fails silently: no comparison with NaN is true,
// so one such time empties a token bucket for good, and the sum of a Date and a lifetime is a text.
// A fraction of a millisecond in a row is a value that a check of the data file rejects.
//
// So a clock is called once where it comes in, and each result is checked. A clock that fails
// later fails the work that reads it, and nothing else.

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
