// Checks the rows of an export and adds them to tables. The export may have been edited, or written
// by another program. So each row must match the declaration of its collection and the API's limits
// for texts, ids and unique keys must occur once, and owners must exist. All problems are
// collected, since an operator who edits a large file needs to see more than the first one.

import { DEFAULT_COST, decoy } from '../auth/password.ts';
import { OLDER_COSTS_MAX } from '../auth/password-hasher.ts';
import { JotError } from '../lib/errors.ts';
import { postFields } from '../resources/posts.ts';
import type { Type } from '../schema/schema.ts';
import type { CollectionName, Entity, Id } from '../store/collections.ts';
import { DamageError } from '../store/damage.ts';
import { COUNTER_GIVEN_MAX } from '../store/declaration.ts';
import { isNextId } from '../store/file/record.ts';
import { liftName, liftRow } from '../store/lift.ts';
import type { Tables } from '../store/memory/tables.ts';
import { misfitsIn, validateRow } from '../store/validate-rows.ts';
import { type Entry, type Export, isObject } from './read-export.ts';
import { firstOf } from './report.ts';
import { check, userWithHash } from './user-requests.ts';

const PROBLEMS_SHOWN_MAX = 20;
const NEXT_MAX = COUNTER_GIVEN_MAX + 1;

/**
 * Types of the fields that clients may set, so that responses can show the fields and a login can
 * read the hash.
 */
const FIELDS: Readonly<Partial<Record<CollectionName, Type<object>>>> = {
  users: userWithHash,
  posts: postFields,
};

export class RowImporter {
  /** Number of users imported without a password hash. */
  withoutPassword = 0;
  readonly #tables: Tables;
  readonly #schema: number;
  readonly #next = new Map<CollectionName, Id>();
  /** The place of each row in the export, by collection and id. */
  readonly #places = new Map<string, string>();
  /** The costs of the password hashes. */
  readonly #costs = new Set<string>();
  #entries = 0;
  readonly #problems: string[] = [];

  constructor(tables: Tables, { schema, next = {} }: Pick<Export, 'schema' | 'next'>) {
    this.#tables = tables;
    this.#schema = schema;
    if (!isObject(next)) this.#problems.push('line 1: "next" must be an object');
    for (const [name, id] of Object.entries(next ?? {})) {
      this.#attempt('line 1', () => this.#reserve(name, id));
    }
  }

  take({ place, value }: Entry): void {
    this.#entries++;
    this.#attempt(place, () => this.#put(place, value));
  }

  /**
   * Checks the rows against each other.
   *
   * @param rows The number of rows that the header announced, unchecked.
   * @throws JotError `validation_failed`, with a line for each problem.
   */
  finish(rows: unknown): void {
    if (rows !== this.#entries) {
      this.#problems.push(
        `line 1: "rows" must be the number of lines that follow, ${this.#entries}; is one missing?`,
      );
    }
    // An earlier problem may be the reason for a missing owner.
    for (const { name, id, reason } of this.#problems.length === 0 ? misfitsIn(this.#tables) : []) {
      this.#problems.push(`${this.#places.get(`${name} ${id}`)}: ${reason}`);
    }
    if (this.#problems.length === 0) return;
    const lines = firstOf(this.#problems, PROBLEMS_SHOWN_MAX).map((problem) => `\n  ${problem}`);
    throw new JotError('validation_failed', `Nothing was imported:${lines.join('')}`);
  }

  #reserve(written: string, next: unknown): void {
    if (!isNextId(next) || next > NEXT_MAX) {
      throw problem(`"next" of "${written}" must be an integer from 1 to ${NEXT_MAX}`);
    }
    const name = liftName(written, this.#schema);
    if (name === null) return;
    this.#next.set(name, next);
    this.#tables.reserveIds(name, next);
  }

  #put(place: string, value: unknown): void {
    const [[written = '', given] = [], ...more] = isObject(value) ? Object.entries(value) : [];
    if (written === '' || more.length > 0) throw problem('expected a row in JSON, {"<collection>":{…}}');
    if (!isObject(given)) throw problem('a row must be an object');
    const lifted = liftRow(written, given, this.#schema);
    if (lifted === null) return;
    const { name } = lifted;
    const row = this.#checked(name, { ...lifted.row });
    if (this.#tables.find(name, row.id) !== undefined) {
      throw problem(`another row has the id ${row.id}`);
    }
    const next = this.#next.get(name);
    if (next !== undefined && row.id >= next)
      throw problem(`"id" must be below "next", which is ${next}; got ${row.id}`);
    this.#tables.apply([[{ put: name, row }]]);
    this.#places.set(`${name} ${row.id}`, place);
  }

  #checked(name: CollectionName, given: unknown): Entity {
    const lacksHash = name === 'users' && isObject(given) && given.password_hash === undefined;
    if (lacksHash) this.withoutPassword++;
    const whole = lacksHash ? { ...given, password_hash: decoy(DEFAULT_COST) } : given;
    const row = validateRow(name, whole, COUNTER_GIVEN_MAX);
    const type = FIELDS[name];
    const checked = type === undefined ? row : { ...row, ...check(type, row) };
    if (name === 'users' && !lacksHash) this.#countCost(Reflect.get(row, 'password_hash'));
    return checked;
  }

  #countCost(phc: string): void {
    const [, , cost = ''] = phc.split('$');
    if (this.#costs.size === OLDER_COSTS_MAX && !this.#costs.has(cost)) {
      const wanted = `be at one of the first ${OLDER_COSTS_MAX} costs of the export`;
      throw problem(`"password_hash" must ${wanted}, since a failed login hashes at each; got ${cost}`);
    }
    this.#costs.add(cost);
  }

  #attempt(place: string, step: () => void): void {
    try {
      step();
    } catch (error) {
      if (!(error instanceof JotError || error instanceof DamageError)) throw error;
      this.#problems.push(`${place}: ${error.message}`);
    }
  }
}

function problem(reason: string): JotError {
  return new JotError('validation_failed', reason);
}
