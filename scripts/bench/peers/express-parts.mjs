// What Express and json-server, which is made of Express, have in common: an access log, signing up and in, and the check of
// a token.

import { rateLimit } from 'express-rate-limit';
import jsonwebtoken from 'jsonwebtoken';
import pino from 'pino';
import { SECRET, signIn, signUp, TOKEN_SECONDS, tokenAnswer } from './people.mjs';

const log = pino(pino.destination({ dest: 'pino.log', sync: false }));

export function logRequests(request, response, next) {
  const startedMs = performance.now();
  response.once('finish', () => {
    const { method, originalUrl: url } = request;
    log.info({ method, url, status: response.statusCode, ms: performance.now() - startedMs }, 'answered');
  });
  next();
}

export function limitRequests() {
  return rateLimit({
    windowMs: 60_000,
    limit: 1_000_000_000,
    standardHeaders: 'draft-6',
    keyGenerator: (request) => String(request.owner?.id ?? 'anyone'),
  });
}

export function addAuth(app, store) {
  app.get('/users', (_request, response) => response.json([]));
  app.post('/users', async (request, response) =>
    response.status(201).json(await signUp(store, request.body)),
  );
  app.post('/auth', async (request, response) => {
    const user = await signIn(store, request.body);
    if (user === null) return response.status(401).json({ error: 'Invalid credentials' });
    const token = jsonwebtoken.sign({ identity: user.id }, SECRET, { expiresIn: TOKEN_SECONDS });
    response.json(tokenAnswer(token));
  });
}

export function authorize(store) {
  return (request, response, next) => {
    try {
      const token = (request.get('authorization') ?? '').slice('Bearer '.length);
      const { identity } = jsonwebtoken.verify(token, SECRET, { algorithms: ['HS256'] });
      request.owner = store.user(identity);
    } catch {
      return response.status(401).json({ error: 'Invalid token' });
    }
    if (request.owner === undefined) return response.status(401).json({ error: 'User does not exist' });
    if (String(request.owner.id) !== request.params.user_id)
      return response.status(403).json({ error: 'Forbidden' });
    next();
  };
}
