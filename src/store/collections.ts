// What is kept: one declaration for each collection. It names the fields, what must be unique and who owns a row; the
// stores work out the rest from it: indexes, lists, what goes when an owner goes, what can be imported.

/** Identifies a row in its collection: 1 to 2^53 - 1, never given out twice. */
export type Id = number;

/** What every row has. `version` counts the changes to it, for optimistic locking. */
export interface Entity {
  readonly id: Id;
  readonly version: number;
}

/** Times are milliseconds since the epoch. */
export interface User extends Entity {
  readonly username: string;
  /** A PHC string. */
  readonly password_hash: string;
  readonly created: number;
}

export interface Post extends Entity {
  readonly user_id: Id;
  readonly title: string;
  readonly body: string;
  readonly created: number;
  readonly updated: number;
}

/** One login and all that was refreshed from it. */
export interface Session extends Entity {
  readonly user_id: Id;
  /** Opaque and unguessable; the name it goes by outside. */
  readonly sid: string;
  /** How often it was refreshed: the number of its newest refresh token. */
  readonly generation: number;
  readonly user_agent: string;
  readonly created: number;
  readonly last_used: number;
  readonly expires: number;
}

/** The row type of each collection. */
export interface Rows {
  readonly users: User;
  readonly posts: Post;
  readonly sessions: Session;
}

export type CollectionName = keyof Rows;

/** What a row has beyond what every row has: texts, integers, and times, which are milliseconds since the epoch. */
export type FieldsOf<Row extends Entity> = {
  readonly [Name in Exclude<keyof Row, keyof Entity>]: Row[Name] extends string ? 'text' : 'integer' | 'time';
};

export interface CollectionSpec<Row extends Entity> {
  readonly fields: FieldsOf<Row>;
  /** The fields that nobody needs who only wants to read. */
  readonly secrets?: readonly (keyof FieldsOf<Row>)[];
  /** Indexes in which no two rows may have the same key, and what to say to the second one. */
  readonly unique: Readonly<Record<string, { readonly key: (row: Row) => string; readonly taken: string }>>;
  /** Whose row it is: it goes when its owner goes, and is listed by owner. */
  readonly owner: { readonly collection: CollectionName; readonly of: (row: Row) => Id } | null;
}

export const collections: { readonly [Name in CollectionName]: CollectionSpec<Rows[Name]> } = {
  users: {
    fields: { username: 'text', password_hash: 'text', created: 'time' },
    secrets: ['password_hash'],
    unique: { username: { key: (user) => usernameKey(user.username), taken: 'Username already exists' } },
    owner: null,
  },
  posts: {
    fields: { user_id: 'integer', title: 'text', body: 'text', created: 'time', updated: 'time' },
    unique: {},
    owner: { collection: 'users', of: (post) => post.user_id },
  },
  sessions: {
    fields: {
      user_id: 'integer',
      sid: 'text',
      generation: 'integer',
      user_agent: 'text',
      created: 'time',
      last_used: 'time',
      expires: 'time',
    },
    unique: { sid: { key: (session) => session.sid, taken: 'Session already exists' } },
    owner: { collection: 'users', of: (session) => session.user_id },
  },
};

export const collectionNames = Object.keys(collections) as readonly CollectionName[];

/**
 * What makes two usernames the same one: compatibility forms (`ﬁ` and `fi`) and case do not count. Lower case first,
 * since only then does a capital `ẞ`, like a small one, become `SS`; and once more at the end, since changing case can
 * leave characters taken apart (UAX #15, UTR #36 on visual confusion).
 */
export function usernameKey(username: string): string {
  return username.normalize('NFKC').toLowerCase().toUpperCase().normalize('NFKC');
}
