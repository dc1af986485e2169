// A data file made up by chance: its lines, and every row that was ever in it.

import { type CollectionName, collectionNames, type Id } from '../../../src/store/collections.ts';
import { nextIdsOf } from '../../../src/store/file/next-file.ts';
import { encodeChange, encodeHeader, encodeSnapshotRow } from '../../../src/store/file/record.ts';
import { Draft } from '../../../src/store/memory/draft.ts';
import { type Change, Tables } from '../../../src/store/memory/tables.ts';
import type { Operation } from '../../../src/store/open.ts';
import { TIME } from '../disk/records.ts';
import { postOf, sessionOf, userNamed } from '../disk/stores.ts';

const NAMES = ['matt', 'elie', 'tim', 'zoé', 'janey', 'x', 'y'];

export interface History {
  /** Of the data file, the header first; newlines included. */
  readonly lines: readonly string[];
  /** Every row that ever was, as `collection JSON`. */
  readonly rows: ReadonlySet<string>;
  /** Above every id that was given out. */
  readonly next: Readonly<Record<CollectionName, Id>>;
}

/** Some writes, and a compaction among them or not. */
export function randomHistory(random: () => number): History {
  const below = (limit: number) => Math.floor(random() * limit);
  const tables = new Tables();
  const rows = new Set<string>();
  let lines = [encodeHeader({ seq: 0, next: nextIdsOf(tables) })];
  const writes = 5 + below(40);
  const compactAfter = below(2) === 0 ? below(writes) : -1;
  let seq = 0;
  for (let count = 0; count < writes; count++) {
    const change = changeOn(tables, below);
    if (change !== null) {
      tables.apply([change]);
      for (const effect of change) if ('put' in effect) rows.add(shown(effect.put, effect.row));
      lines.push(encodeChange({ seq: ++seq, time: TIME, changes: change }));
    }
    if (count === compactAfter) lines = compacted(tables, seq);
  }
  const next = Object.fromEntries(collectionNames.map((name) => [name, tables.nextId(name)]));
  return { lines, rows, next: next as Record<CollectionName, Id> };
}

export function shown(name: CollectionName, row: object): string {
  return `${name} ${JSON.stringify(row)}`;
}

function compacted(tables: Tables, seq: number): string[] {
  const all = collectionNames.flatMap((name) => [...tables.rows(name)].map((row) => ({ name, row })));
  return [
    encodeHeader({ seq, snapshot: all.length, next: nextIdsOf(tables) }),
    ...all.map(({ name, row }, index) => encodeSnapshotRow(index + 1, name, row)),
  ];
}

// Null where it was not possible.
function changeOn(tables: Tables, below: (limit: number) => number): Change | null {
  try {
    const { change } = new Draft(tables).run([operationOn(tables, below)]);
    return change.length > 0 ? change : null;
  } catch {
    return null;
  }
}

function operationOn(tables: Tables, below: (limit: number) => number): Operation {
  const idIn = (name: CollectionName) => 1 + below(tables.nextId(name));
  const username = NAMES[below(NAMES.length)] ?? '';
  const choices: readonly (() => Operation)[] = [
    () => ({ create: 'users', values: userNamed(username) }),
    () => ({ create: 'users', values: userNamed(username) }),
    () => ({ create: 'posts', values: postOf(idIn('users'), `Title ${below(100)}`) }),
    () => ({ create: 'posts', values: postOf(idIn('users')) }),
    () => ({ create: 'sessions', values: sessionOf(idIn('users'), `sid ${below(1000)}`) }),
    () => ({ update: 'users', id: idIn('users'), change: { username } }),
    () => ({ update: 'posts', id: idIn('posts'), change: { title: `Title ${below(100)}` } }),
    () => ({ remove: 'sessions', id: idIn('sessions') }),
    () => ({ remove: 'posts', id: idIn('posts') }),
    () =>
      below(3) === 0
        ? { remove: 'users', id: idIn('users') }
        : { discardOwned: 'posts', owner: idIn('users') },
  ];
  return (choices[below(choices.length)] ?? choices[0])?.() ?? { discard: 'posts', id: 0 };
}
