// The collections that Jot stores. Within the store, a new field or collection is declared only
// here. `declaration.ts` explains the language of the declarations.

import type { Failure } from '../lib/errors.ts';
import {
  type Collection,
  collection,
  type Entity,
  type Fields,
  type Id,
  type NewRowOf,
  ownersFirst,
  type RowOf,
  type UniqueIndex,
} from './declaration.ts';

export type { Entity, Id } from './declaration.ts';

const users = collection({
  fields: {
    username: { kind: 'text' },
    // A PHC string.
    password_hash: { kind: 'text', secret: true },
    // A disabled user has no sessions, and cannot start one.
    disabled: { kind: 'boolean', default: false },
    created: { kind: 'time' },
  },
  unique: {
    username: {
      key: ({ username }) => usernameKey(username),
      formerKey: ({ username }) => formerUsernameKey(username),
      taken: { code: 'username_taken', message: 'Username already exists' },
    },
  },
});

const posts = collection({
  owner: { collection: 'users', field: 'user_id' },
  fields: {
    user_id: { kind: 'integer' },
    title: { kind: 'text' },
    body: { kind: 'text' },
    created: { kind: 'time' },
    updated: { kind: 'time' },
  },
});

/** A login and all token pairs refreshed from it. */
const sessions = collection({
  owner: { collection: 'users', field: 'user_id' },
  // At the quota, or in a full store, a user must sign in to delete something.
  isEssential: true,
  fields: {
    user_id: { kind: 'integer' },
    // The public name of the session: opaque and unguessable.
    sid: { kind: 'text' },
    // Number of refreshes, which is also the number of the newest refresh token.
    generation: { kind: 'counter' },
    user_agent: { kind: 'text' },
    created: { kind: 'time' },
    last_used: { kind: 'time' },
    expires: { kind: 'time' },
  },
  unique: { sid: { key: ({ sid }) => sid, taken: { code: 'conflict', message: 'Session already exists' } } },
});

const declared = {
  users,
  posts,
  sessions,
};

export type CollectionName = keyof typeof declared;

/** The row type of each collection. */
export type Rows = { readonly [Name in CollectionName]: RowOf<(typeof declared)[Name]['fields']> };
/** The type of the values from which a new row of each collection is created. */
export type NewRows = { readonly [Name in CollectionName]: NewRowOf<(typeof declared)[Name]['fields']> };
export type User = Rows['users'];
export type Post = Rows['posts'];
export type Session = Rows['sessions'];

/** The declarations without their row types, since engines treat all collections alike. */
export const collections: {
  readonly [Name in CollectionName]: Collection<Fields, CollectionName, Entity>;
} = declared;

/** Collection names, every owner before the collections it owns. */
export const collectionNames = ownersFirst(collections);

export function byCollection<T>(of: (name: CollectionName) => T): Readonly<Record<CollectionName, T>> {
  return Object.fromEntries(collectionNames.map((name) => [name, of(name)])) as Record<CollectionName, T>;
}

/** Returns the id of the row's owner; 0 if the collection has none. */
export function ownerOf(name: CollectionName, row: Entity): Id {
  const { owner } = collections[name];
  return owner === undefined ? 0 : ((row as unknown as Readonly<Record<string, Id>>)[owner.field] as Id);
}

/** The collections that each collection owns. */
export const ownedCollections = byCollection((name) =>
  collectionNames.filter((other) => collections[other].owner?.collection === name),
);

// As lists, since a write asks for them more than once.
const uniqueIndexes = byCollection<[string, UniqueIndex<Entity>][]>((name) =>
  Object.entries(collections[name].unique),
);

/** Returns whether rows of this collection have unique keys. */
export function hasUniqueKeys(name: CollectionName): boolean {
  return uniqueIndexes[name].length > 0;
}

/** Returns the keys of the row in its collection's unique indexes. */
export function uniqueKeys(
  name: CollectionName,
  row: Entity,
): [index: string, key: string, taken: Failure][] {
  return uniqueIndexes[name].map(([index, { key, taken }]) => [index, key(row), taken]);
}

/** Returns the key that the first version of the index used. */
export function formerKeyOf(name: CollectionName, index: string, row: Entity): string | undefined {
  const unique = collections[name].unique[index];
  return (unique?.formerKey ?? unique?.key)?.(row);
}

/**
 * Returns the key by which usernames are compared, ignoring case, compatibility forms (`ﬁ` and
 * `fi`) and characters that are invisible by default, such as U+200B. It is the same for all names
 * with the same NFKC_Casefold (UAX #44), which JavaScript lacks, and for `ı` and `i` too.
 */
export function usernameKey(username: string): string {
  return formerUsernameKey(username.normalize('NFKC').replace(/\p{Default_Ignorable_Code_Point}/gu, ''));
}

/**
 * Returns the former key, in which invisible characters count. Converting to lower case first makes
 * a capital `ẞ` become `SS`, as a small one does. The last normalization recomposes characters that
 * the change of case decomposed (UAX #15).
 */
export function formerUsernameKey(username: string): string {
  return username.normalize('NFKC').toLowerCase().toUpperCase().normalize('NFKC');
}

/** Returns the arguments by which a store finds the user with this name. */
export function byUsername(name: string): [index: 'username', key: string, formerKey: string] {
  return ['username', usernameKey(name), formerUsernameKey(name)];
}
