// json-server (the 0.17 line, which can be used from a program) with the same check of a token in front of its router. It
// keeps everything in a file that it writes anew after each change.

import { writeFileSync } from 'node:fs';
import jsonServer from 'json-server';
import { addAuth, authorize, limitRequests, logRequests } from './express-parts.mjs';
import { MemoryStore, newPost, shown } from './people.mjs';

writeFileSync('db.json', '{"posts":[]}');
const users = new MemoryStore();
const app = jsonServer.create();
const router = jsonServer.router('db.json');
app.use(logRequests, jsonServer.bodyParser);
addAuth(app, users);

const owned = [authorize(users), limitRequests()];

app.get('/users/:user_id/posts/:id', owned, (request, _response, next) => {
  request.url = `/posts/${request.params.id}`;
  next();
});

app.get('/users/:user_id/posts', owned, (request, _response, next) => {
  request.url = `/posts?user.id=${request.owner.id}&_limit=${request.query.limit ?? 50}`;
  request.query = { 'user.id': String(request.owner.id), _limit: request.query.limit ?? 50 };
  next();
});

app.post('/users/:user_id/posts', owned, (request, _response, next) => {
  request.url = '/posts';
  const { id: _, ...post } = shown(newPost(request.owner, request.body), request.owner);
  request.body = post;
  next();
});

app.use(router);
app.listen(Number(process.env.PORT), '127.0.0.1');
process.once('SIGTERM', () => process.exit(0));
