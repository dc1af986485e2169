// The types without parts: texts, numbers, truth, words, times.

import { type Documented, documentation, type JsonSchema, refuse, type Type } from './type.ts';

// UAX #15: NFC composes a code point from at most four, and each has one or two UTF-16 units. So a
// text with more units than that is too long, whatever it becomes. Normalizing it first could take
// time quadratic in its length, for accents in the wrong order.
const NORMALIZED_FROM_UNITS_MAX = 8;

/** Text whose length counts Unicode code points, after normalization. */
export function text(
  options: Documented & {
    readonly min?: number;
    readonly max?: number;
    readonly normalize?: 'NFC';
    /** The problem with a text as it came, before anything is done with it, or null. */
    readonly refuseRaw?: (value: string) => string | null;
    /** `password` in the documentation means: never shown. */
    readonly format?: string;
    /** The problem with a text that has the right length, or null. */
    readonly refine?: (value: string) => string | null;
    /** The same for the documentation, as far as JSON Schema can say it. */
    readonly refinedSchema?: JsonSchema;
  } = {},
): Type<string> {
  const {
    min = 0,
    max = Number.POSITIVE_INFINITY,
    normalize,
    refuseRaw,
    refine,
    refinedSchema,
    format,
    ...documented
  } = options;
  const range = max === Number.POSITIVE_INFINITY ? `at least ${min}` : `${min} to ${max}`;
  const unit = range === 'at least 1' ? 'character' : 'characters';
  const rangeProblem = `must be ${range} ${unit} long`;
  const rawUnitsMax = max * NORMALIZED_FROM_UNITS_MAX;
  return {
    check(value, report) {
      if (typeof value !== 'string') return refuse(report, 'must be a string');
      // A surrogate without its other half is no character: it can't be written as UTF-8 and come back.
      if (!value.isWellFormed()) return refuse(report, 'must not contain a lone surrogate');
      const rawProblem = value.length > rawUnitsMax ? rangeProblem : refuseRaw?.(value);
      if (rawProblem) return refuse(report, rawProblem);
      const normal = normalize === undefined ? value : value.normalize(normalize);
      if (!hasLength(normal, min, max)) return refuse(report, rangeProblem);
      const problem = refine?.(normal) ?? null;
      return problem === null ? normal : refuse(report, problem);
    },
    marshal: (value) => value,
    jsonSchema: {
      type: 'string',
      ...(min > 0 ? { minLength: min } : {}),
      ...(max < Number.POSITIVE_INFINITY ? { maxLength: max } : {}),
      ...(format === undefined ? {} : { format }),
      ...refinedSchema,
      ...documentation(documented),
    },
  };
}

/** An integer; as text only in canonical form, so `007`, `+7` and `7.0` are rejected. */
export function integer(
  options: Documented & { readonly min?: number; readonly max?: number } = {},
): Type<number> {
  const { min = Number.MIN_SAFE_INTEGER, max = Number.MAX_SAFE_INTEGER, ...documented } = options;
  return {
    check(value, report, source) {
      const number = source === 'text' ? canonicalInteger(value) : value;
      const fits = Number.isSafeInteger(number) && Number(number) >= min && Number(number) <= max;
      return fits ? Number(number) : refuse(report, `must be an integer from ${min} to ${max}`);
    },
    marshal: (value) => value,
    jsonSchema: { type: 'integer', minimum: min, maximum: max, ...documentation(documented) },
  };
}

/** The id of a row: 1 to 2^53 - 1. */
export function id(documented: Documented = {}): Type<number> {
  return integer({ min: 1, example: 1, ...documented });
}

export function boolean(documented: Documented = {}): Type<boolean> {
  return {
    check(value, report, source) {
      const known = source === 'text' ? { true: true, false: false }[String(value)] : value;
      return typeof known === 'boolean' ? known : refuse(report, 'must be true or false');
    },
    marshal: (value) => value,
    jsonSchema: { type: 'boolean', ...documentation(documented) },
  };
}

/** One of the given words. */
export function oneOf<const W extends string>(words: readonly W[], documented: Documented = {}): Type<W> {
  return {
    check(value, report) {
      return words.find((word) => word === value) ?? refuse(report, `must be one of ${words.join(', ')}`);
    },
    marshal: (value) => value,
    jsonSchema: { type: 'string', enum: words, ...documentation(documented) },
  };
}

/** Milliseconds since the epoch inside, `Mon, 23 Nov 2026 12:35:13 -0000` outside (RFC 822 as RFC 2822 §3.3 amends it). */
export function timestamp(documented: Documented = {}): Type<number> {
  const example = 'Mon, 23 Nov 2026 12:35:13 -0000';
  return {
    check(value, report) {
      const valueMs = typeof value === 'string' ? Date.parse(value) : Number.NaN;
      // Written again it must be the same: `Date.parse` takes far more than this, and the 31st of February too.
      const isCanonical = !Number.isNaN(valueMs) && rfc822(valueMs) === value;
      return isCanonical ? valueMs : refuse(report, `must be a date like ${example}`);
    },
    marshal: rfc822,
    jsonSchema: { type: 'string', ...documentation({ example, ...documented }) },
  };
}

// The two times of a new row are one.
let last = { valueMs: Number.NaN, text: '' };

function rfc822(valueMs: number): string {
  if (last.valueMs !== valueMs) {
    last = { valueMs, text: new Date(valueMs).toUTCString().replace('GMT', '-0000') };
  }
  return last.text;
}

// In code points, each of which takes one unit of the text or two: most texts need no counting.
function hasLength(value: string, min: number, max: number): boolean {
  if (value.length >= 2 * min && value.length <= max) return true;
  let length = 0;
  for (const _ of value) length++;
  return length >= min && length <= max;
}

function canonicalInteger(value: unknown): number {
  return typeof value === 'string' && /^(0|-?[1-9]\d*)$/.test(value) ? Number(value) : Number.NaN;
}
