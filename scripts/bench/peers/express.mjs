// Express with jsonwebtoken and express-rate-limit; everything in memory.

import express from 'express';
import { addAuth, authorize, limitRequests, logRequests } from './express-parts.mjs';
import { MemoryStore, newPost, shown } from './people.mjs';

const store = new MemoryStore();
const app = express();
app.disable('x-powered-by');
app.use(logRequests, express.json());
addAuth(app, store);

const owned = [authorize(store), limitRequests()];

app.get('/users/:user_id/posts/:id', owned, (request, response) => {
  const post = store.post(Number(request.params.id));
  if (post?.user_id !== request.owner.id) response.status(404).json({ error: 'Not Found' });
  else response.json(shown(post, request.owner));
});

app.get('/users/:user_id/posts', owned, ({ owner, query }, response) => {
  response.json(store.postsOf(owner.id, Number(query.limit ?? 50)).map((post) => shown(post, owner)));
});

app.post('/users/:user_id/posts', owned, ({ owner, body }, response) => {
  if (typeof body?.title !== 'string' || typeof body.body !== 'string') {
    response.status(400).json({ error: 'Bad Request' });
    return;
  }
  const post = store.addPost(newPost(owner, body));
  response.status(201).location(`/users/${owner.id}/posts/${post.id}`).json(shown(post, owner));
});

app.listen(Number(process.env.PORT), '127.0.0.1');
process.once('SIGTERM', () => process.exit(0));
