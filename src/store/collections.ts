// The collections that Jot keeps. A new field or a new collection is declared here and nowhere else
// in the store; `declaration.ts` explains what a declaration can say.

import {
  type Collection,
  collection,
  type Entity,
  type Fields,
  type NewRowOf,
  ownersFirst,
  type RowOf,
} from './declaration.ts';

export type { Entity, Id } from './declaration.ts';

const users = collection({
  fields: {
    username: { kind: 'text' },
    // A PHC string.
    password_hash: { kind: 'text', secret: true },
    created: { kind: 'time' },
  },
  unique: {
    username: { key: ({ username }) => usernameKey(username), taken: 'Username already exists' },
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

/** One login, and every token pair that was refreshed from it. */
const sessions = collection({
  owner: { collection: 'users', field: 'user_id' },
  fields: {
    user_id: { kind: 'integer' },
    // The public name of the session: opaque and unguessable.
    sid: { kind: 'text' },
    // How many times it was refreshed: the number of its newest refresh token.
    generation: { kind: 'integer' },
    user_agent: { kind: 'text' },
    created: { kind: 'time' },
    last_used: { kind: 'time' },
    expires: { kind: 'time' },
  },
  unique: { sid: { key: ({ sid }) => sid, taken: 'Session already exists' } },
});

const declared = {
  users,
  posts,
  sessions,
};

export type CollectionName = keyof typeof declared;

/** The row type of each collection. */
export type Rows = { readonly [Name in CollectionName]: RowOf<(typeof declared)[Name]['fields']> };
/** The values that a new row of each collection is created from. */
export type NewRows = { readonly [Name in CollectionName]: NewRowOf<(typeof declared)[Name]['fields']> };
export type User = Rows['users'];
export type Post = Rows['posts'];
export type Session = Rows['sessions'];

/** The declarations, for engines, which handle rows of any collection alike. */
export const collections: {
  readonly [Name in CollectionName]: Collection<Fields, CollectionName, Entity>;
} = declared;

/** Every owner comes before what it owns. */
export const collectionNames = ownersFirst(collections);

/**
 * Returns the key that makes two usernames the same name: compatibility forms (`ﬁ` and `fi`) and
 * case do not count. Lower case comes first, since only then does a capital `ẞ`, like a small one,
 * become `SS`; the last normalization composes what changing case decomposed (UAX #15).
 */
export function usernameKey(username: string): string {
  return username.normalize('NFKC').toLowerCase().toUpperCase().normalize('NFKC');
}
