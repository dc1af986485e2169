// Express with jsonwebtoken and express-rate-limit. `node express.mjs json-server` is json-server,
// built on Express: it keeps the posts itself, in a file that it rewrites after each change.

import { writeFileSync } from 'node:fs';
import express from 'express';
import { rateLimit } from 'express-rate-limit';
import jsonServer from 'json-server';
import jsonwebtoken from 'jsonwebtoken';
import * as api from './api.mjs';

const isJsonServer = process.argv[2] === 'json-server';
const app = isJsonServer ? jsonServer.create() : express();
app.disable('x-powered-by');
app.use(logRequest, isJsonServer ? jsonServer.bodyParser : express.json());

const respond = (status, handle) => async (request, response) =>
  response.status(status).json(await handle(request));
const sign = (claims) => jsonwebtoken.sign(claims, api.SECRET);
app.get('/users', respond(200, api.listUsers));
app.post('/users', respond(201, api.signUp));
app.post('/auth', respond(200, api.signInWith(sign)));

const keyGenerator = (request) => String(request.owner.id);
const owned = [authorize, rateLimit({ ...api.limit, keyGenerator })];
const POSTS = '/users/:user_id/posts';
if (isJsonServer) {
  writeFileSync('db.json', '{"users":[],"posts":[]}');
  app.use(POSTS, owned);
  app.use(jsonServer.rewriter({ [`${POSTS}/:id`]: '/posts/:id' }), jsonServer.router('db.json'));
} else {
  app.get(`${POSTS}/:id`, owned, respond(200, api.readPost));
  app.get(POSTS, owned, respond(200, api.listPosts));
  app.post(POSTS, owned, respond(201, api.createPost));
}
app.listen(Number(process.env.PORT), '127.0.0.1');

function logRequest(request, response, next) {
  const startMs = performance.now();
  response.once('finish', () => {
    const { method, originalUrl: url } = request;
    const ms = performance.now() - startMs;
    api.log.info({ method, url, status: response.statusCode, ms }, 'answered');
  });
  next();
}

function authorize(request, _response, next) {
  const token = (request.get('authorization') ?? '').slice('Bearer '.length);
  const claims = jsonwebtoken.verify(token, api.SECRET, { algorithms: ['HS256'] });
  request.owner = api.ownerOf(claims, request.params.user_id);
  next();
}
