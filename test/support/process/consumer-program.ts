// A program that has installed the package: it imports every module by the package's name, uses its types, and prints the
// results. It is text, since that name resolves only where the package is installed.

export const program = `
import { createApp } from 'jot';
import { JwtError, sign, verify } from 'jot/jwt';
import { hash, verify as verifyPassword } from 'jot/password';
import { Router } from 'jot/router';
import { type Infer, object, text, validate } from 'jot/schema';
import { openStore, type User } from 'jot/store';
import { TokenBucket } from 'jot/token-bucket';
import { TtlCache } from 'jot/ttl-cache';

const results: Record<string, unknown> = {};
const thrown = (call: () => unknown): unknown => {
  try {
    return call();
  } catch (error) {
    return error;
  }
};

// jot/jwt
const key = { kid: 'k1', secret: 'a secret' };
const token: string = sign({ identity: 1 }, key);
const { header, claims } = verify(token, [key], { require: [], now: () => 0 });
const refusal = thrown(() => verify(token, 'another secret', { require: [] }));
// @ts-expect-error: a key is text, bytes, or one of them with an id.
thrown(() => sign({}, 5));
results['./jwt'] = [header.kid, claims.identity, refusal instanceof JwtError];

// jot/password
const phc: string = await hash('foo', { ln: 1, r: 1, p: 1 });
const right: { ok: boolean; stale: boolean } = await verifyPassword('foo', phc);
const wrong = await verifyPassword('boom', phc);
// @ts-expect-error: a cost has three parts.
thrown(() => hash('foo', { ln: 1 }).catch(() => undefined));
results['./password'] = [phc.startsWith('$scrypt$ln=1,r=1,p=1$'), right, wrong.ok];

// jot/token-bucket
const bucket = new TokenBucket({ capacity: 1, refillPerSecond: 1, now: () => 0 });
results['./token-bucket'] = [bucket.take('me').allowed, bucket.take('me')];

// jot/ttl-cache
let nowMs = 0;
const cache = new TtlCache<string, number>({ ttlMs: 10, max: 2, now: () => nowMs });
const computed: number = await cache.getOrCompute('a', async () => 1);
nowMs = 11;
// @ts-expect-error: its values are numbers.
cache.set('b', 'two');
results['./ttl-cache'] = [computed, cache.get('a') ?? 'gone'];

// jot/router
const router = new Router<string>();
router.add('GET', '/users/:id', 'a user');
results['./router'] = [router.match('GET', '/users/1'), router.match('POST', '/users/1'), router.match('GET', '/')];

// jot/schema
const note = object({ title: text({ min: 1, max: 5 }) });
const checked: Infer<typeof note> = validate(note, { title: 'First', unknown: 1 });
const title: string = checked.title;
// @ts-expect-error: it has no such field.
const unknown = checked.unknown;
const problem = thrown(() => validate(note, { title: '' })) as Error;
results['./schema'] = [title, unknown ?? 'not there', note.marshal(checked), problem.message];

// jot/store
const store = await openStore('memory:');
const user: User = await store.users.create({ username: 'matt', password_hash: phc, created: 0 });
// @ts-expect-error: a user has a username.
thrown(() => store.users.create({}).catch(() => undefined));
results['./store'] = [user.id, (await store.users.findBy('username', 'MATT'))?.username];
await store.close();

// jot
const settings = { PORT: '0', DATABASE_URL: 'memory:' };
const [app, other] = [createApp({ settings }), createApp({ settings })];
const [url, otherUrl] = [await app.listen(), await other.listen()];
const health = await fetch(\`\${url}/healthz\`);
const { status, version } = (await health.json()) as Record<string, unknown>;
results['.'] = [health.status, status, version, url !== otherUrl];
await app.close();
await other.close();

// The package does not export its other files.
const inside = 'jot/dist/app.js';
results.inside = await import(inside).catch((error: { code: string }) => error.code);

process.stdout.write(JSON.stringify(results));
`;

export const compilerOptions = {
  target: 'es2023',
  module: 'nodenext',
  strict: true,
  noUncheckedIndexedAccess: true,
  exactOptionalPropertyTypes: true,
  types: ['node'],
};
