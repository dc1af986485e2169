// `npm run seed`: puts the users and posts of data/seed.json into the store that DATABASE_URL names, through the same
// repositories that the server uses. What is there already stays as it is, so running it again changes nothing.
// The passwords are known to everybody, so it is not for production.

import { readFileSync } from 'node:fs';
import { hash } from '../src/auth/password.ts';
import { parseConfig } from '../src/config.ts';
import { withEnvFile } from '../src/lib/env-file.ts';
import { JotError } from '../src/lib/errors.ts';
import { byUsername, filePath, openStore, type Store, type User } from '../src/store/open.ts';

const EXIT_USAGE = 2;
const PAGE_LIMIT = 200;
const USAGE = `Usage: npm run seed

Adds the users of data/seed.json and their posts to the data file that DATABASE_URL names, while no server has it open.
`;

interface SeedUser {
  readonly username: string;
  readonly password: string;
  readonly posts: readonly { readonly title: string; readonly body: string }[];
}

const args = process.argv.slice(2);
if (args.length === 0) {
  await seed().catch((error) => {
    if (!(error instanceof JotError)) throw error;
    process.stderr.write(`seed: ${error.message}\n`);
    process.exitCode = 1;
  });
} else if (args.join() === '--help') {
  process.stdout.write(USAGE);
} else {
  process.stderr.write(`seed: it takes no arguments\n\n${USAGE}`);
  process.exitCode = EXIT_USAGE;
}

async function seed(): Promise<void> {
  const { settings, problems } = withEnvFile('.env', process.env);
  const { databaseUrl, passwordCost, isProduction } = parseConfig(settings, process.env, problems);
  if (isProduction)
    throw new JotError('unavailable', 'with NODE_ENV=production nobody gets a password that all know');
  const path = filePath(databaseUrl);
  if (path === null)
    throw new JotError(
      'unavailable',
      'DATABASE_URL names no file: what is added to a store in memory is gone at once',
    );
  const seedFile = new URL('../data/seed.json', import.meta.url);
  const { users } = JSON.parse(readFileSync(seedFile, 'utf8')) as { users: readonly SeedUser[] };
  const store = await openStore(databaseUrl);
  process.stdout.write(`data file: ${path}\n`);
  try {
    for (const each of users) {
      const user = await store.users.findBy(...byUsername(each.username));
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
