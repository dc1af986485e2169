// Hono on its server for Node, with its own check of tokens and hono-rate-limiter.

import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import { jwt, sign as signJwt } from 'hono/jwt';
import { rateLimiter } from 'hono-rate-limiter';
import * as api from './api.mjs';

const app = new Hono();
app.use(async (context, next) => {
  const startMs = performance.now();
  await next();
  const { method, path } = context.req;
  api.log.info({ method, path, status: context.res.status, ms: performance.now() - startMs }, 'answered');
});
app.onError((error, context) => context.json({ error: error.message }, error.status ?? 500));

const sign = (claims) => signJwt(claims, api.SECRET, 'HS256');
app.get('/users', respond(200, api.listUsers));
app.post('/users', respond(201, api.signUp));
app.post('/auth', respond(200, api.signInWith(sign)));

const POSTS = '/users/:user_id/posts';
const keyGenerator = (context) => String(context.get('owner').id);
const verify = jwt({ secret: api.SECRET, alg: 'HS256' });
const owned = [verify, setOwner, rateLimiter({ ...api.limit, keyGenerator })];
app.get(`${POSTS}/:id`, ...owned, respond(200, api.readPost));
app.get(POSTS, ...owned, respond(200, api.listPosts));
app.post(POSTS, ...owned, respond(201, api.createPost));

serve({ fetch: app.fetch, port: Number(process.env.PORT), hostname: '127.0.0.1' });

async function setOwner(context, next) {
  context.set('owner', api.ownerOf(context.get('jwtPayload'), context.req.param('user_id')));
  await next();
}

function respond(status, handle) {
  return async (context) => {
    const { req } = context;
    const body = req.method === 'POST' ? await req.json() : null;
    const request = { owner: context.get('owner'), params: req.param(), query: req.query(), body };
    return context.json(await handle(request), status);
  };
}
