// A store of three plain Maps, copied before each write: the model that engines are compared with.
// It is too slow for use, and too simple to share the mistakes of an engine. It covers users, posts
// and sessions; further collections need no entry in it.

import type { ErrorCode } from '../../../src/lib/errors.ts';
import type { Operation as AnyOperation, Id, ListQuery } from '../../../src/store/open.ts';

export type Name = 'users' | 'posts' | 'sessions';
/** The operations on these collections. */
export type Operation = Extract<
  AnyOperation,
  | { readonly create: Name }
  | { readonly update: Name }
  | { readonly remove: Name }
  | { readonly discard: Name }
  | { readonly discardOwned: Name }
  | { readonly expect: Name }
>;
export type Row = { readonly id: Id; readonly version: number } & Readonly<Record<string, unknown>>;

/** The row that the last operation of a write put, or the code of its error. */
export type Outcome = { readonly row: Row | null } | { readonly code: ErrorCode };

interface State {
  readonly rows: Readonly<Record<Name, Map<Id, Row>>>;
  readonly nextIds: Record<Name, Id>;
}

export class PlainStore {
  #state: State = {
    rows: { users: new Map(), posts: new Map(), sessions: new Map() },
    nextIds: { users: 1, posts: 1, sessions: 1 },
  };

  nextId(name: Name): Id {
    return this.#state.nextIds[name];
  }

  find(name: Name, id: Id): Row | null {
    return this.#state.rows[name].get(id) ?? null;
  }

  all(name: Name): Row[] {
    return [...this.#state.rows[name].values()].sort((a, b) => a.id - b.id);
  }

  list(name: Name, { owner, after, limit, order }: ListQuery): { rows: Row[]; next: Id | null } {
    const owned = this.all(name).filter((row) => owner === undefined || row.user_id === owner);
    const ordered = order === 'asc' ? owned : owned.reverse();
    const rest = ordered.filter(({ id }) => after === 0 || (order === 'asc' ? id > after : id < after));
    const rows = rest.slice(0, limit);
    return { rows, next: rest.length > limit ? (rows.at(-1)?.id ?? null) : null };
  }

  run(operations: readonly Operation[]): Outcome {
    const { rows, nextIds } = this.#state;
    const before = {
      rows: { users: new Map(rows.users), posts: new Map(rows.posts), sessions: new Map(rows.sessions) },
      nextIds: { ...nextIds },
    };
    let outcome: Outcome = { row: null };
    for (const operation of operations) {
      outcome = this.#step(operation);
      if (!('code' in outcome)) continue;
      this.#state = before;
      return outcome;
    }
    return outcome;
  }

  #step(operation: Operation): Outcome {
    if ('create' in operation) {
      const { create: name, values } = operation;
      const isOwned = name !== 'users';
      if (isOwned && this.find('users', values.user_id) === null) return { code: 'not_found' };
      const outcome = this.#put(name, { id: this.nextId(name), version: 1, ...values });
      if ('row' in outcome) this.#state.nextIds[name]++;
      return outcome;
    }
    if ('update' in operation) {
      const { update: name, id, change, ifVersion, keepVersion = false } = operation;
      const row = this.find(name, id);
      if (row === null) return { code: 'not_found' };
      if (ifVersion !== undefined && row.version !== ifVersion) return { code: 'precondition_failed' };
      return this.#put(name, { ...row, ...change, version: keepVersion ? row.version : row.version + 1 });
    }
    if ('discard' in operation) return this.#drop(operation.discard, operation.id);
    if ('discardOwned' in operation) {
      for (const row of this.all(operation.discardOwned)) {
        if (row.user_id === operation.owner) this.#drop(operation.discardOwned, row.id);
      }
      return { row: null };
    }
    const name = 'remove' in operation ? operation.remove : operation.expect;
    const row = this.find(name, operation.id);
    if (row === null) return { code: 'not_found' };
    if (operation.ifVersion !== undefined && row.version !== operation.ifVersion) {
      return { code: 'precondition_failed' };
    }
    return 'remove' in operation ? this.#drop(name, row.id) : { row: null };
  }

  #put(name: Name, row: Row): Outcome {
    const others = this.all(name).filter(({ id }) => id !== row.id);
    const isTaken = others.some((other) => uniqueKey(name, other) === uniqueKey(name, row));
    if (isTaken && name !== 'posts') return { code: name === 'users' ? 'username_taken' : 'conflict' };
    this.#state.rows[name].set(row.id, row);
    return { row };
  }

  #drop(name: Name, id: Id): Outcome {
    this.#state.rows[name].delete(id);
    for (const owned of name === 'users' ? (['posts', 'sessions'] as const) : []) {
      for (const row of this.all(owned)) if (row.user_id === id) this.#drop(owned, row.id);
    }
    return { row: null };
  }
}

function uniqueKey(name: Name, row: Row): string {
  return name === 'users' ? String(row.username).toUpperCase() : String(row.sid);
}
