// A copy of the source with a later schema: it has five more migrations, and new fields. Files of
// the current source are old files to it.

import { migrations } from '../../../src/store/migrations.ts';
import { patchedSource } from '../process/patched-source.ts';
import type { Cleanup } from './temporary-folder.ts';

/** The schema of the source. */
const SHIPPED = migrations.at(-1)?.number ?? 0;
/** The schema with a collection of gremlins, which only a file of that schema can have. */
export const WITH_GREMLINS = SHIPPED + 4;
export const SCHEMA = SHIPPED + 5;

const MIGRATIONS = `
export const migrations: readonly Migration[] = [
  ...shipped,
  {
    number: ${SHIPPED + 1},
    summary: 'Rename user_agent of sessions to client',
    rows: { sessions: ({ user_agent, ...row }) => ({ ...row, client: user_agent }) },
  },
  {
    number: ${SHIPPED + 2},
    summary: 'Split title of posts at the first space',
    rows: {
      posts: ({ title, ...row }) => {
        const [heading, ...rest] = (title as string).split(' ');
        return { ...row, heading, rest: rest.join(' ') };
      },
    },
  },
  {
    number: ${SHIPPED + 3},
    summary: 'Drop generation of sessions',
    rows: { sessions: ({ generation: _, ...row }) => row },
  },
  { number: ${WITH_GREMLINS}, summary: 'Rename posts to notes', collections: { posts: 'notes' } },
  { number: ${SCHEMA}, summary: 'Drop gremlins', collections: { gremlins: null } },
];
`;

/** Returns a function that imports a module of the copy. */
export function evolvedSource(t: Cleanup): ReturnType<typeof patchedSource> {
  return patchedSource(t, {
    'store/migrations.ts': [
      ['export const migrations:', 'const shipped:'],
      [/$/, MIGRATIONS],
    ],
    'store/collections.ts': [
      [
        "username: { kind: 'text' },",
        `username: { kind: 'text' },
    horoscope: { kind: 'text', default: '' },
    is_guest: { kind: 'boolean', default: false },
    motto: { kind: 'text', optional: true },`,
      ],
      ["title: { kind: 'text' },", "heading: { kind: 'text' },\n    rest: { kind: 'text' },"],
      ["generation: { kind: 'counter' },", ''],
      ["user_agent: { kind: 'text' },", "client: { kind: 'text' },"],
      ['  posts,\n', '  notes: posts,\n'],
      // Collections that posts own, if any.
      [/^[\s\S]*$/, (source) => source.replaceAll("collection: 'posts'", "collection: 'notes'")],
    ],
  });
}

type Row = Readonly<Record<string, unknown>>;
type Rows = Readonly<Record<string, readonly Row[]>>;

/** Returns the rows of the current schema as the later schema has them. */
export function evolved({ users = [], posts = [], sessions = [] }: Rows): Rows {
  return {
    users: users.map((row) => ({ horoscope: '', is_guest: false, ...row })),
    notes: posts.map(({ title, ...row }) => {
      const [heading, ...rest] = String(title).split(' ');
      return { ...row, heading, rest: rest.join(' ') };
    }),
    sessions: sessions.map(({ user_agent, generation: _, ...row }) => ({ ...row, client: user_agent })),
  };
}
