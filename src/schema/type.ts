// What a type is: four faces of one declaration. The types themselves are in `scalars.ts` and `schema.ts`.

import { JotError } from '../lib/errors.ts';

/** In JSON a number is a number; in a form, a query or a path everything is text. */
export type Source = 'json' | 'text';

/** Takes one problem; the path leads to the field, `posts.0.title`. */
export type Report = (problem: string, path?: string) => void;

/** A JSON Schema (2020-12, the dialect of OpenAPI 3.1). */
export type JsonSchema = Readonly<Record<string, unknown>>;

export interface Type<T> {
  /** Returns the value as a T; undefined if it has reported a problem. */
  check(value: unknown, report: Report, source: Source): T | undefined;
  /** What stands in for a value that is not there; without it, the value is required. */
  readonly absent?: { readonly value: T };
  /** Documented as required all the same. */
  readonly isExpected?: boolean;
  /** The public JSON of a value. */
  marshal(value: T): unknown;
  readonly jsonSchema: JsonSchema;
}

/** A type whose value may be missing, and then is undefined. */
export interface OptionalType<T> extends Type<T | undefined> {
  readonly absent: { readonly value: undefined };
}

/** The TypeScript type that a declaration describes. */
export type Infer<S> = S extends Type<infer T> ? T : never;

/** Words for the documentation. */
export interface Documented {
  readonly description?: string;
  readonly example?: unknown;
}

/**
 * Checks a value of unknown shape.
 *
 * @throws JotError `validation_failed` with every problem by field.
 */
export function validate<T>(type: Type<T>, value: unknown, source: Source = 'json'): T {
  const problems: [path: string, problem: string][] = [];
  const checked = type.check(value, (problem, path = '') => problems.push([path, problem]), source);
  if (problems.length > 0) throw invalid(new Map(problems));
  return checked as T;
}

function invalid(problems: ReadonlyMap<string, string>): JotError {
  const named = [...problems.keys()].filter((path) => path !== '').join(', ');
  const message = named === '' ? `The value ${problems.get('')}` : `Not valid: ${named}`;
  return new JotError('validation_failed', message, { fields: Object.fromEntries(problems) });
}

/** Reports a problem: the end of a check. */
export function refuse(report: Report, problem: string): undefined {
  report(problem);
  return undefined;
}

/** The words for the documentation as JSON Schema has them. */
export function documentation({ description, example }: Documented): JsonSchema {
  return {
    ...(description === undefined ? {} : { description }),
    ...(example === undefined ? {} : { examples: [example] }),
  };
}
