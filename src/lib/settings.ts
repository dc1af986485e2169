// Reads settings by their declarations. The obvious solution throws at the first wrong value, so
// five typos take five starts to find. Here all problems are reported together, as text and as
// data, and a name that is one typo away from a setting is reported too. Values in an environment
// are strings; a program may also pass numbers and booleans.
//
// Left out: the kinds of values, which are in `setting.ts`, and the settings themselves.

import { JotError, type SettingProblem } from './errors.ts';
import { nearestName } from './nearest-name.ts';
import type { Setting } from './setting.ts';

const GUESSED_LENGTH_MIN = 8;

/** Values by name; `true` and `false` stand for `on` and `off`. */
export type Settings = Readonly<Record<string, string | number | boolean | undefined>>;

/** Declares a setting: its name, default and kind, and its phrase in the table of the README. */
export type Declare = <T>(name: string, fallback: T, kind: Setting<T>, description: string) => T;

export interface ParsedSettings<T> {
  readonly values: T;
  readonly declared: readonly { readonly name: string; readonly description: string }[];
  /** A sentence for each name that resembles a setting. */
  readonly misspelt: readonly string[];
}

/**
 * Reads the settings that the function declares.
 *
 * @param found Problems that are reported with those of the values.
 * @throws JotError `validation_failed`, with a line and an entry of `details.problems` for each
 * wrong setting.
 */
export function parseSettings<T>(
  given: Settings,
  declareAll: (setting: Declare) => T,
  found: readonly SettingProblem[] = [],
): ParsedSettings<T> {
  const problems = [...found];
  const declared: ParsedSettings<T>['declared'][number][] = [];
  const values = declareAll((name, fallback, kind, description) => {
    declared.push({ name, description });
    const text = settingText(given[name]);
    if (text === '') return fallback;
    const value = text === null ? undefined : kind.read(text);
    if (value !== undefined) return value;
    const { isSecret = false } = kind;
    const meant = text === null ? undefined : kind.guess?.(text);
    const expected = meant === undefined ? kind.expected : `${kind.expected}; did you mean \`${meant}\`?`;
    problems.push(isSecret ? { name, expected } : { name, value: given[name], expected });
    return fallback;
  });
  const misspelt = misspeltIn(
    given,
    declared.map(({ name }) => name),
  );
  if (problems.length === 0) return { values, declared, misspelt };
  const lines = [...problems.map(lineOf), ...misspelt].map((line) => `\n  ${line}`);
  throw new JotError('validation_failed', `Wrong settings:${lines.join('')}`, { problems });
}

/** Returns the text of a value, '' if it is missing; null if its type is wrong. */
export function settingText(value: unknown): string | null {
  if (value === undefined) return '';
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  return typeof value === 'string' || typeof value === 'number' ? String(value).trim() : null;
}

function lineOf(problem: SettingProblem): string {
  const { name, value, expected } = problem;
  const text = settingText(value);
  const shown = text === null ? `of type ${typeof value}` : JSON.stringify(text);
  const found = 'value' in problem ? `is ${shown}` : 'is not valid (its value is hidden here)';
  return `${name} ${found}; expected ${expected}`;
}

// Most variables in an environment belong to other programs. So short settings such as PORT are
// never guessed, and a name without the last words of a setting is guessed only if it has two
// words: JWT_SECRET for JWT_SECRET_KEY.
function misspeltIn(given: Settings, known: readonly string[]): string[] {
  const guessable = known.filter((name) => name.length >= GUESSED_LENGTH_MIN);
  const meantBy = (name: string) =>
    nearestName(name.toUpperCase(), guessable) ??
    guessable.find((each) => name.includes('_') && each.startsWith(`${name}_`));
  return Object.keys(given).flatMap((name) => {
    const meant = known.includes(name) ? undefined : meantBy(name);
    return meant === undefined ? [] : [`${name} is not a setting and has no effect; did you mean ${meant}?`];
  });
}
