// Fastify with what makes it fast: schemas for what comes in and what goes out, tokens verified once and remembered, a
// limiter that nobody meets, and one line in the access log for each request (its own two are off).

import jwt from '@fastify/jwt';
import rateLimit from '@fastify/rate-limit';
import fastify from 'fastify';
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

const store =
  process.env.STORE === undefined
    ? new MemoryStore()
    : new (await import('./sqlite-store.mjs')).SqliteStore(process.env.STORE);

const text = { type: 'string' };
const integer = { type: 'integer' };
const object = (properties) => ({ type: 'object', properties });
const post = object({
  id: integer,
  title: text,
  body: text,
  created: text,
  updated: text,
  user: object({ id: integer, username: text }),
});
const credentials = { ...object({ username: text, password: text }), required: ['username', 'password'] };
const postFields = {
  ...object({ title: { ...text, minLength: 1, maxLength: 200 }, body: text }),
  required: ['title', 'body'],
};

const logger = pino(pino.destination({ dest: 'pino.log', sync: false }));
const app = fastify({ loggerInstance: logger, disableRequestLogging: true });
app.addHook('onResponse', async (request, reply) => {
  const { method, url, id } = request;
  request.log.info({ method, url, id, status: reply.statusCode, ms: reply.elapsedTime }, 'answered');
});
await app.register(jwt, { secret: SECRET, verify: { cache: true } });
await app.register(rateLimit, {
  hook: 'preHandler',
  max: 1_000_000_000,
  timeWindow: 60_000,
  keyGenerator: (request) => String(request.user?.identity ?? request.ip),
});

async function authorize(request, reply) {
  await request.jwtVerify();
  request.owner = store.user(request.user.identity);
  if (request.owner === undefined) reply.code(401).send({ error: 'User does not exist' });
  else if (String(request.user.identity) !== request.params.user_id)
    reply.code(403).send({ error: 'Forbidden' });
  return reply.sent ? reply : undefined;
}

app.get('/users', async () => []);

app.post('/users', { schema: { body: credentials } }, async (request, reply) => {
  reply.code(201);
  return signUp(store, request.body);
});

app.post('/auth', { schema: { body: credentials } }, async (request, reply) => {
  const user = await signIn(store, request.body);
  if (user === null) return reply.code(401).send({ error: 'Invalid credentials' });
  return tokenAnswer(app.jwt.sign({ identity: user.id }, { expiresIn: TOKEN_SECONDS }));
});

app.get(
  '/users/:user_id/posts/:id',
  { onRequest: authorize, schema: { response: { 200: post } } },
  async (request, reply) => {
    const found = store.post(Number(request.params.id));
    if (found?.user_id !== request.owner.id) return reply.code(404).send({ error: 'Not Found' });
    return shown(found, request.owner);
  },
);

app.get(
  '/users/:user_id/posts',
  { onRequest: authorize, schema: { response: { 200: { type: 'array', items: post } } } },
  async ({ owner, query }) =>
    store.postsOf(owner.id, Number(query.limit ?? 50)).map((each) => shown(each, owner)),
);

app.post(
  '/users/:user_id/posts',
  { onRequest: authorize, schema: { body: postFields, response: { 201: post } } },
  async ({ owner, body }, reply) => {
    const made = store.addPost(newPost(owner, body));
    reply.code(201).header('Location', `/users/${owner.id}/posts/${made.id}`);
    return shown(made, owner);
  },
);

await app.listen({ port: Number(process.env.PORT), host: '127.0.0.1' });
process.once('SIGTERM', () => process.exit(0));
