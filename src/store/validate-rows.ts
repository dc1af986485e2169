// The rules for rows that this store did not create: rows of an import, or rows saved from a
// damaged file. Their values may be anything, so they are checked against the declarations of their
// collections.

import { JotError } from '../lib/errors.ts';
import {
  type CollectionName,
  collectionNames,
  collections,
  type Entity,
  formerKeyOf,
  type Id,
  ownerOf,
  uniqueKeys,
} from './collections.ts';
import { COUNTER_MAX, type Kinds } from './declaration.ts';
import type { Tables } from './memory/tables.ts';

const KINDS = {
  text: { fits: (value: unknown) => typeof value === 'string', expected: 'a text' },
  integer: { fits: isInteger, expected: 'an integer' },
  boolean: { fits: (value: unknown) => typeof value === 'boolean', expected: 'true or false' },
  // ECMA-262 §21.4.1.1: a date ends 100 million days before and after the epoch. Beyond, no answer could show it.
  time: {
    fits: (value: unknown) => isInteger(value) && !Number.isNaN(new Date(Number(value)).getTime()),
    expected: 'milliseconds since the epoch',
  },
} satisfies Record<Exclude<keyof Kinds, 'counter'>, { fits(value: unknown): boolean; expected: string }>;

/** A row that cannot be there beside the others. */
export interface Misfit {
  readonly name: CollectionName;
  readonly id: Id;
  readonly reason: string;
  /** Whether the row does not have the shape that its collection declares. */
  readonly isMisshapen: boolean;
}

type FoundIds = ReadonlyMap<CollectionName, Set<Id>>;

/**
 * A row of that collection, without what is not declared.
 *
 * @param counterMax Maximum of its id, version and other counters.
 * @throws JotError `validation_failed` naming the field.
 */
export function validateRow(name: CollectionName, value: unknown, counterMax = COUNTER_MAX): Entity {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  const given: Record<string, unknown> | null = isObject ? { ...value } : null;
  if (given === null) throw new JotError('validation_failed', 'it is not an object');
  const row: Record<string, unknown> = {};
  for (const field of ['id', 'version']) {
    requireCounter(field, given[field], 1, counterMax);
    row[field] = given[field];
  }
  for (const [field, declared] of Object.entries(collections[name].fields)) {
    if (declared.optional && given[field] === undefined) continue;
    if (declared.kind === 'counter') requireCounter(field, given[field], 0, counterMax);
    else requireKind(field, given[field], declared.kind);
    row[field] = given[field];
  }
  return row as unknown as Entity;
}

/** Returns the rows that contradict their declaration or other rows, and all rows that they own. */
export function misfitsIn(tables: Tables): Misfit[] {
  const misfits: Misfit[] = [];
  const found: FoundIds = new Map(collectionNames.map((name) => [name, new Set()]));
  for (const name of collectionNames) {
    for (const row of tables.rows(name)) {
      const { id } = row;
      const invalid = invalidity(name, row);
      const reason = invalid ?? reasonAgainst(tables, name, row, found);
      if (reason === null) continue;
      misfits.push({ name, id, reason, isMisshapen: invalid !== null });
      found.get(name)?.add(id);
    }
  }
  return misfits;
}

/** Removes the misfits, and returns them. */
export function removeMisfits(tables: Tables): Misfit[] {
  const misfits = misfitsIn(tables);
  tables.apply([misfits.map(({ name, id }) => ({ remove: name, id }))]);
  return misfits;
}

/**
 * Returns the reason that the row does not have the shape its collection declares; null if it has.
 */
export function invalidity(name: CollectionName, row: Entity): string | null {
  try {
    validateRow(name, row);
    return null;
  } catch (error) {
    if (error instanceof JotError) return error.message;
    throw error;
  }
}

/** @param found Rows already found to be misfits, which do not count as owners. */
function reasonAgainst(tables: Tables, name: CollectionName, row: Entity, found: FoundIds): string | null {
  const { owner } = collections[name];
  const ownerId = ownerOf(name, row);
  const isOrphan =
    owner !== undefined && (tables.isOrphan(name, row) || found.get(owner.collection)?.has(ownerId) === true);
  if (isOrphan) return `its owner, ${ownerId} of ${owner.collection}, is not there`;
  const taken = uniqueKeys(name, row).find(([index, key]) => {
    const holders = tables.holders(name, index, key);
    const later = holders.slice(holders.indexOf(row.id) + 1);
    const former = formerKeyOf(name, index, row);
    return later.some((other) => formerKeyOf(name, index, tables.find(name, other) as Entity) === former);
  });
  return taken === undefined ? null : `another row has the same ${taken[0]}`;
}

function requireCounter(field: string, value: unknown, min: number, max: number): void {
  if (typeof value === 'number' && isInteger(value) && value >= min && value <= max) return;
  throw new JotError('validation_failed', `"${field}" must be an integer from ${min} to ${max}`);
}

function requireKind(field: string, value: unknown, kind: keyof typeof KINDS): void {
  const { fits, expected } = KINDS[kind];
  if (!fits(value)) throw new JotError('validation_failed', `"${field}" must be ${expected}`);
}

function isInteger(value: unknown): boolean {
  return Number.isSafeInteger(value);
}
