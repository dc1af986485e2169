// What every peer keeps and checks in the same way as Jot: users with scrypt hashes at the same cost, and their posts, in
// memory.

import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';

const COST = { N: 2 ** 14, r: 8, p: 5, maxmem: 64 * 1024 * 1024 };
const HASH_BYTES = 32;
// As Jot's gate does: libuv's other two threads stay free for everything else.
const HASHES_AT_ONCE = 2;

export const SECRET = randomBytes(32).toString('hex');
export const TOKEN_SECONDS = 300;

const derive = promisify(scrypt);
const waiting = [];
let hashing = 0;

export class MemoryStore {
  #users = new Map();
  #byName = new Map();
  #posts = new Map();
  #lists = new Map();

  addUser(values) {
    const user = { id: this.#users.size + 1, ...values };
    this.#users.set(user.id, user);
    this.#byName.set(user.username, user);
    this.#lists.set(user.id, []);
    return user;
  }

  user(id) {
    return this.#users.get(id);
  }

  userNamed(username) {
    return this.#byName.get(username);
  }

  addPost(values) {
    const post = { id: this.#posts.size + 1, ...values };
    this.#posts.set(post.id, post);
    this.#lists.get(post.user_id).push(post);
    return post;
  }

  post(id) {
    return this.#posts.get(id);
  }

  postsOf(userId, limit) {
    return this.#lists.get(userId).slice(0, limit);
  }
}

/** @returns the user, without the hash. */
export async function signUp(store, { username, password }) {
  const salt = randomBytes(16);
  const hash = await hashed(password, salt);
  const { id } = store.addUser({ username, salt: salt.toString('hex'), hash: hash.toString('hex') });
  return { id, username };
}

/** @returns the user, or null for the wrong name or password. */
export async function signIn(store, { username, password }) {
  const user = store.userNamed(username);
  if (user === undefined) return null;
  const given = await hashed(password, Buffer.from(user.salt, 'hex'));
  return timingSafeEqual(given, Buffer.from(user.hash, 'hex')) ? user : null;
}

export function tokenAnswer(token) {
  return { access_token: token, token_type: 'JWT', expires_in: TOKEN_SECONDS };
}

/** A post as Jot shows it. */
export function shown(post, user) {
  const { id, title, body, created, updated } = post;
  return {
    id,
    title,
    body,
    created: rfc822(created),
    updated: rfc822(updated),
    user: { id: user.id, username: user.username },
  };
}

export function newPost(user, { title, body }) {
  const created = Date.now();
  return { user_id: user.id, title, body, created, updated: created };
}

function rfc822(ms) {
  return new Date(ms).toUTCString().replace('GMT', '-0000');
}

async function hashed(password, salt) {
  if (hashing === HASHES_AT_ONCE) await new Promise((resolve) => waiting.push(resolve));
  else hashing++;
  try {
    return await derive(password, salt, HASH_BYTES, COST);
  } finally {
    const next = waiting.shift();
    if (next === undefined) hashing--;
    else next();
  }
}
