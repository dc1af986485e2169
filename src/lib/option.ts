// Checks an option that a program passes to a part of Jot. Types are not enough: a program in
// JavaScript may pass any value. A wrong value would be noticed late or never, since no comparison
// with NaN or with a word is true.

import { inspect } from 'node:util';

/** @throws TypeError with the problem and the value unless it is valid. */
export function requireOption(isValid: boolean, problem: string, value: unknown): void {
  if (!isValid) throw new TypeError(`${problem}; got ${inspect(value)}`);
}
