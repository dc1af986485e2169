// A fixed sequence of writes for the crash tests: single and concurrent writes, conflicts,
// cascading deletes, a disk that is full for a while, and concurrent compaction. A plain model
// applies the acknowledged writes, and records every state that reads may show.

import assert from 'node:assert/strict';
import { crc32 } from 'node:zlib';
import type { JotError } from '../../../src/lib/errors.ts';
import type { Id, Store } from '../../../src/store/open.ts';
import { type Operation, type Outcome, PlainStore } from '../model/plain-store.ts';
import { everythingIn, postOf, sessionOf, userNamed } from './stores.ts';

// So that a snapshot takes several pieces.
const TEXT = 'x'.repeat(24_000);

export type Write = readonly Operation[];

export interface Step {
  /** Groups run one after the other, the writes of a group concurrently. */
  readonly groups: readonly (readonly Write[])[];
  /** Whether a compaction begins together with the first group. */
  readonly compacts?: boolean;
  /** Whether the disk is full. */
  readonly isFull?: boolean;
}

export const workload: readonly Step[] = [
  { groups: [[user('matt')], [user('elie'), user('MATT'), user('tim'), user('tom')]] },
  {
    groups: [
      [post(1), post(2), post(1), post(9)],
      [session(1, 'one'), session(2, 'two'), session(2, 'one')],
    ],
  },
  { groups: [[retitle(1, 'Second')], [user('full')]], isFull: true },
  { groups: [[retitle(1, 'Second')], [rename(3, 'timothy'), user('tim'), [{ remove: 'posts', id: 2 }]]] },
  {
    groups: [
      [retitle(1, 'Third'), post(4)],
      [[{ remove: 'users', id: 4 }], user('tom'), rename(1, 'Matthew')],
      [rename(2, 'matt'), user('elie')],
      [
        [
          { discardOwned: 'sessions', owner: 2 },
          { update: 'users', id: 2, change: { password_hash: 'x' } },
        ],
      ],
    ],
    compacts: true,
  },
  { groups: [[post(3)], [retitle(3, 'Other'), retitle(3, 'Another'), [{ remove: 'users', id: 6 }]]] },
  {
    groups: [
      [user('zoé'), [{ remove: 'users', id: 5 }]],
      [session(3, 'three'), post(3)],
    ],
    compacts: true,
  },
  { groups: [[user('last'), retitle(1, 'Last'), user('LAST')]] },
];

export interface Ran {
  /** The states that reads may have shown, oldest first. */
  readonly states: readonly string[];
  /** The next id of a user in each of these states. */
  readonly nextIds: readonly Id[];
  /** The writes of the first group that failed for another reason than a full disk. */
  readonly refused: readonly Write[];
  readonly model: PlainStore;
}

/** Runs the workload; `setFull` fills the disk, or makes room again. */
export async function run(store: Store, setFull: (isFull: boolean) => void = () => undefined): Promise<Ran> {
  const model = new PlainStore();
  const states = [stateOf(model)];
  const nextIds = [model.nextId('users')];
  let refused: readonly Write[] = [];
  for (const { groups, compacts = false, isFull = false } of workload) {
    setFull(isFull);
    await store.status();
    const compaction = compacts ? outcomeOf(store.compact()) : null;
    for (const group of groups) {
      const outcomes = await Promise.all(group.map((write) => outcomeOf(store.write(write))));
      const failed = group.filter((_, index) => outcomes[index] === 'unavailable');
      if (!isFull && refused.length === 0) refused = failed;
      for (const [index, write] of group.entries()) {
        if (outcomes[index] === 'unavailable') continue;
        assert.equal(outcomes[index], codeOf(model.run(write)), JSON.stringify(write));
        states.push(stateOf(model));
        nextIds.push(model.nextId('users'));
      }
      assert.equal(await shownBy(store), states.at(-1));
    }
    await compaction;
  }
  return { states, nextIds, refused, model };
}

/** Resolves to all rows as reads show them at one moment. */
export async function shownBy(store: Store): Promise<string> {
  return shortened(await everythingIn(store));
}

export function stateOf(model: PlainStore): string {
  return shortened([model.all('users'), model.all('posts'), model.all('sessions')]);
}

function shortened(rows: readonly (readonly object[])[]): string {
  return JSON.stringify(rows, (name, value) => (name === 'body' ? crc32(value) : value));
}

/** Returns the state after each of these writes. */
export function statesAfter(model: PlainStore, writes: readonly Write[]): string[] {
  return writes.map((write) => {
    model.run(write);
    return stateOf(model);
  });
}

async function outcomeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'done',
    (error: JotError) => error.code ?? String(error.stack),
  );
}

function codeOf(outcome: Outcome): string {
  return 'code' in outcome ? outcome.code : 'done';
}

function user(username: string): Write {
  return [{ create: 'users', values: userNamed(username) }];
}

function rename(id: Id, username: string): Write {
  return [{ update: 'users', id, change: { username } }];
}

function post(owner: Id): Write {
  return [{ create: 'posts', values: { ...postOf(owner), body: TEXT } }];
}

function retitle(id: Id, title: string): Write {
  return [{ update: 'posts', id, change: { title } }];
}

function session(owner: Id, sid: string): Write {
  return [{ create: 'sessions', values: sessionOf(owner, sid) }];
}
