// Everything that can be measured, in the order in which it is.

import type { Scenario } from './bench.ts';
import { busy, logins } from './scenarios/logins.ts';
import { flat, loading } from './scenarios/many-posts.ts';
import { rateScenarios } from './scenarios/rates.ts';
import { start } from './scenarios/start.ts';

export const scenarios: readonly Scenario[] = [...rateScenarios, logins, busy, start, loading, flat];

/** @param names Empty: all of them. */
export function scenariosOf(names: readonly string[]): readonly Scenario[] {
  return names.length === 0 ? scenarios : scenarios.filter(({ name }) => names.includes(name));
}
