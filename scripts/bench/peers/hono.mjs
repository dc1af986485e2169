// Hono on its server for Node, with its own check of a token and hono-rate-limiter; everything in memory.

import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import { jwt, sign } from 'hono/jwt';
import { rateLimiter } from 'hono-rate-limiter';
import pino from 'pino';
import {
  MemoryStore,
  newPost,
  SECRET,
  shown,
  signIn,
  signUp,
  TOKEN_SECONDS,
  tokenAnswer,
} from './people.mjs';

const store = new MemoryStore();
const log = pino(pino.destination({ dest: 'pino.log', sync: false }));
const app = new Hono();

app.use(async (context, next) => {
  const startedMs = performance.now();
  await next();
  const { method, path } = context.req;
  log.info({ method, path, status: context.res.status, ms: performance.now() - startedMs }, 'answered');
});

app.get('/users', (context) => context.json([]));
app.post('/users', async (context) => context.json(await signUp(store, await context.req.json()), 201));
app.post('/auth', async (context) => {
  const user = await signIn(store, await context.req.json());
  if (user === null) return context.json({ error: 'Invalid credentials' }, 401);
  const exp = Math.floor(Date.now() / 1000) + TOKEN_SECONDS;
  return context.json(tokenAnswer(await sign({ identity: user.id, exp }, SECRET, 'HS256')));
});

async function authorize(context, next) {
  const { identity } = context.get('jwtPayload');
  const user = store.user(identity);
  if (user === undefined) return context.json({ error: 'User does not exist' }, 401);
  if (String(identity) !== context.req.param('user_id')) return context.json({ error: 'Forbidden' }, 403);
  context.set('owner', user);
  await next();
}

const owned = [
  jwt({ secret: SECRET, alg: 'HS256' }),
  authorize,
  rateLimiter({
    windowMs: 60_000,
    limit: 1_000_000_000,
    standardHeaders: 'draft-6',
    keyGenerator: (context) => String(context.get('owner').id),
  }),
];

app.get('/users/:user_id/posts/:id', ...owned, (context) => {
  const owner = context.get('owner');
  const post = store.post(Number(context.req.param('id')));
  if (post?.user_id !== owner.id) return context.json({ error: 'Not Found' }, 404);
  return context.json(shown(post, owner));
});

app.get('/users/:user_id/posts', ...owned, (context) => {
  const owner = context.get('owner');
  const limit = Number(context.req.query('limit') ?? 50);
  return context.json(store.postsOf(owner.id, limit).map((post) => shown(post, owner)));
});

app.post('/users/:user_id/posts', ...owned, async (context) => {
  const owner = context.get('owner');
  const fields = await context.req.json();
  if (typeof fields?.title !== 'string' || typeof fields.body !== 'string') {
    return context.json({ error: 'Bad Request' }, 400);
  }
  const post = store.addPost(newPost(owner, fields));
  return context.json(shown(post, owner), 201, { Location: `/users/${owner.id}/posts/${post.id}` });
});

serve({ fetch: app.fetch, port: Number(process.env.PORT), hostname: '127.0.0.1' });
process.once('SIGTERM', () => process.exit(0));
