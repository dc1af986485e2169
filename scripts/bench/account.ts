// An account on a server that speaks Jot's API, with twenty posts of 300 bytes, and the requests that it makes.

import type { Route } from './contender.ts';
import type { Target } from './load.ts';

const POSTS = 20;
const POST_BYTES = 300;
const USERNAME = 'janey';
const PASSWORD = 'correct horse battery';
const CREDENTIALS = JSON.stringify({ username: USERNAME, password: PASSWORD });
const NEW_POST = JSON.stringify({ title: 'A title', body: 'x'.repeat(POST_BYTES) });
const JSON_TYPE = { 'Content-Type': 'application/json' };

export interface Account {
  target(route: Route): Promise<Target>;
}

/** Signs up and writes the posts. */
export async function createAccount(port: number): Promise<Account> {
  const { id } = await call(port, request('POST', '/users', JSON_TYPE, CREDENTIALS, 201));
  const login = request('POST', '/auth', JSON_TYPE, CREDENTIALS, 200);
  const postsPath = `/users/${id}/posts`;
  const target = async (route: Route): Promise<Target> => {
    if (route === 'login') return login;
    const { access_token } = await call(port, login);
    const authorized = { Authorization: `Bearer ${access_token}` };
    if (route === 'get') return request('GET', `${postsPath}/${firstId}`, authorized, '', 200);
    if (route === 'list') return request('GET', `${postsPath}?limit=${POSTS}`, authorized, '', 200);
    return request('POST', postsPath, { ...authorized, ...JSON_TYPE }, NEW_POST, 201);
  };
  let firstId: unknown;
  const create = await target('create');
  for (let index = 0; index < POSTS; index++) {
    const post = await call(port, create);
    firstId ??= post.id;
  }
  return { target };
}

/** What the target answers, once. */
export async function answerOf(port: number, target: Target): Promise<string> {
  const { method, path, headers, body } = target;
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    method,
    headers,
    ...(body === '' ? {} : { body }),
  });
  const text = await response.text();
  if (response.status === target.status) return text;
  throw new Error(
    `${method} ${path} was answered with ${response.status} where ${target.status} should be: ${text}`,
  );
}

async function call(port: number, target: Target): Promise<Record<string, unknown>> {
  const answer: unknown = JSON.parse(await answerOf(port, target));
  if (typeof answer !== 'object' || answer === null) throw new Error(`${target.path} answered no object`);
  return { ...answer };
}

function request(
  method: string,
  path: string,
  headers: Readonly<Record<string, string>>,
  body: string,
  status: number,
): Target {
  return { method, path, headers, body, status };
}
