// `npm run seed`: puts the users and posts of data/seed.json into the store that DATABASE_URL names, through the same
// repositories that the server uses. What is there already stays as it is, so running it again changes nothing.

import { readFileSync } from 'node:fs';
import { hash } from '../src/auth/password.ts';
import { parseConfig } from '../src/config.ts';
import { JotError } from '../src/lib/errors.ts';
import { openStore, type Store, type User, usernameKey } from '../src/store/open.ts';

const PAGE_LIMIT = 200;

interface SeedUser {
  readonly username: string;
  readonly password: string;
  readonly posts: readonly { readonly title: string; readonly body: string }[];
}

try {
  await seed();
} catch (error) {
  if (!(error instanceof JotError)) throw error;
  process.stderr.write(`seed: ${error.message}\n`);
  process.exitCode = 1;
}

async function seed(): Promise<void> {
  const { databaseUrl, passwordCost } = parseConfig(process.env);
  const seedFile = new URL('../data/seed.json', import.meta.url);
  const { users } = JSON.parse(readFileSync(seedFile, 'utf8')) as { users: readonly SeedUser[] };
  const store = await openStore(databaseUrl);
  try {
    for (const each of users) {
      const user = await store.users.findBy('username', usernameKey(each.username));
      const made = user ?? (await createUser(each));
      const added = await addPosts(store, made, each.posts);
      const what = user === null ? 'added' : 'was there already';
      process.stdout.write(
        `${each.username}: ${what}, user ${made.id}; ${added} of ${each.posts.length} posts added\n`,
      );
    }
  } finally {
    await store.close();
  }

  async function createUser({ username, password }: SeedUser): Promise<User> {
    const password_hash = await hash(password, passwordCost);
    return store.users.create({ username, password_hash, created: Date.now() });
  }
}

// A post with the same title counts as there already.
async function addPosts(store: Store, user: User, posts: SeedUser['posts']): Promise<number> {
  const titles = new Set<string>();
  for (let after = 0; ; ) {
    const { rows, next } = await store.posts.list({ owner: user.id, after, limit: PAGE_LIMIT, order: 'asc' });
    for (const { title } of rows) titles.add(title);
    if (next === null) break;
    after = next;
  }
  const missing = posts.filter(({ title }) => !titles.has(title));
  for (const post of missing) {
    const created = Date.now();
    await store.posts.create({ ...post, user_id: user.id, created, updated: created });
  }
  return missing.length;
}
