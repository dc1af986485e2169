// Everything that can be measured, in the order in which it is.

import type { Scenario } from './bench.ts';
import { costs } from './scenarios/costs.ts';
import { busy, logins } from './scenarios/logins.ts';
import { flat, loading } from './scenarios/many-posts.ts';
import { rateScenarios } from './scenarios/rates.ts';
import { start } from './scenarios/start.ts';

const usual: readonly Scenario[] = [...rateScenarios, logins, busy, start, loading, flat];

/** Those that only run when they are named come last. */
export const scenarios: readonly Scenario[] = [...usual, costs];

/** @param names Empty: the usual ones. */
export function scenariosOf(names: readonly string[]): readonly Scenario[] {
  return names.length === 0 ? usual : scenarios.filter(({ name }) => names.includes(name));
}
