// The API of the peers. It does for each request what Jot does: scrypt at the same cost, tokens,
// checks, and a line in an access log. Each peer provides its own router, parser, token library,
// limiter and serializer. A handler takes an object with `body`, `params`, `query` and `owner`.

import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { promisify } from 'node:util';
import pino from 'pino';

export const SECRET = randomBytes(32).toString('hex');
const TOKEN_SECONDS = 86_400;
/** A limit that no client reaches. */
export const limit = { windowMs: 60_000, limit: 1_000_000_000, standardHeaders: 'draft-6' };

export const log = pino(pino.destination({ dest: 'pino.log', sync: false }));

const refusal = (status, message) => Object.assign(new Error(message), { status, statusCode: status });
const rfc822 = (ms) => new Date(ms).toUTCString().replace('GMT', '-0000');
const cost = { N: 2 ** 14, r: 8, p: 5, maxmem: 64 * 1024 * 1024 };

const queues = Array(Math.min(2, availableParallelism())).fill(Promise.resolve());
let hashes = 0;
const users = [];
const posts = [];
const isSqlite = process.argv[2] === 'sqlite';
const addPost = isSqlite ? (await import('./sqlite.mjs')).addPost : keepPost;

export const listUsers = () => [];

export async function signUp({ body: { username, password } }) {
  const salt = randomBytes(16).toString('hex');
  const hash = (await hashOf(password, salt)).toString('hex');
  const id = users.length + 1;
  users.push({ id, username, salt, hash, posts: [] });
  return { id, username };
}

/** `sign` turns claims into a token. */
export function signInWith(sign) {
  return async ({ body: { username, password } }) => {
    const user = users.find((each) => each.username === username);
    const hash = await hashOf(password, user?.salt ?? '');
    const isRight = user !== undefined && timingSafeEqual(hash, Buffer.from(user.hash, 'hex'));
    if (!isRight) throw refusal(401, 'Invalid credentials');
    const exp = Math.floor(Date.now() / 1000) + TOKEN_SECONDS;
    const token = await sign({ identity: user.id, exp });
    return { access_token: token, token_type: 'JWT', expires_in: TOKEN_SECONDS };
  };
}

/** Returns the user of a verified token; throws if the path is another user's. */
export function ownerOf({ identity }, userId) {
  const user = users[identity - 1];
  if (user === undefined) throw refusal(401, 'User does not exist');
  if (String(user.id) !== userId) throw refusal(403, 'Forbidden');
  return user;
}

export function readPost({ owner, params }) {
  const post = posts[Number(params.id) - 1];
  if (post?.user_id !== owner.id) throw refusal(404, 'Not Found');
  return marshal(post, owner);
}

export function listPosts({ owner, query }) {
  return owner.posts.slice(0, Number(query.limit)).map((post) => marshal(post, owner));
}

export function createPost({ owner, body }) {
  if (typeof body?.title !== 'string' || typeof body.body !== 'string') throw refusal(400, 'Bad Request');
  const created = Date.now();
  const values = { user_id: owner.id, title: body.title, body: body.body, created, updated: created };
  return marshal(addPost(values), owner);
}

// As many concurrent hashes as in Jot, so that other jobs of the thread pool do not wait.
function hashOf(password, salt) {
  const index = hashes++ % queues.length;
  queues[index] = queues[index].then(() => promisify(scrypt)(password, salt, 32, cost));
  return queues[index];
}

function keepPost(values) {
  const post = { id: posts.length + 1, ...values };
  posts.push(post);
  users[post.user_id - 1].posts.push(post);
  return post;
}

function marshal({ id, title, body, created, updated }, owner) {
  const user = { id: owner.id, username: owner.username };
  return { id, title, body, created: rfc822(created), updated: rfc822(updated), user };
}
