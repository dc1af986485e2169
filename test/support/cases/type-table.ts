// Runs a table of values that a field type accepts or rejects. Every row carries its reason, which becomes the title.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { object, type Source, type Type, validate } from '../../../src/schema/schema.ts';

/** The values that one type accepts and rejects from one source; all rejections have the same message. */
export interface TypeTable<T> {
  readonly type: Type<T>;
  readonly source: Source;
  readonly good: readonly (readonly [given: unknown, gives: T, why: string])[];
  readonly problem: string;
  readonly bad: readonly (readonly [given: unknown, why: string])[];
}

/** Makes a test of each row, in which the value is the only field of an object. */
export function testType<T>(name: string, { type, source, good, problem, bad }: TypeTable<T>): void {
  const body = object({ field: type as Type<unknown> });
  describe(`${name} from ${source === 'json' ? 'JSON' : 'text'}`, () => {
    for (const [given, gives, why] of good) {
      it(`takes ${shown(given)}: ${why}`, () => {
        assert.deepEqual(validate(body, { field: given }, source), { field: gives });
      });
    }
    for (const [given, why] of bad) {
      it(`refuses ${shown(given)}: ${why}`, () => {
        assert.throws(() => validate(body, { field: given }, source), {
          name: 'JotError',
          code: 'validation_failed',
          message: 'Not valid: field',
          details: { fields: { field: problem } },
        });
      });
    }
  });
}

// Printable also for a lone surrogate or a very long text.
function shown(value: unknown): string {
  const json = typeof value === 'bigint' ? `${value}n` : (JSON.stringify(value) ?? 'undefined');
  return json.length > 60 ? `${json.slice(0, 40)}… (${json.length} characters)` : json;
}
