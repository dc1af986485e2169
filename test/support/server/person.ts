// A user who has signed up and logged in, with calls that carry that user's newest access token.

import type { Answer, CallOptions, TestServer } from './server.ts';

export interface Person {
  readonly id: number;
  readonly username: string;
  readonly access: string;
  readonly refresh: string;
  /** `/users/:id` */
  readonly path: string;
  /** `/users/:id/posts` */
  readonly posts: string;
  /** Sends a request with the access token of the login, or of the last password change. */
  call(method: string, path: string, options?: CallOptions): Promise<Answer>;
  /** Creates a post; resolves to its path. */
  post(title?: string, body?: string): Promise<string>;
}

export async function createPerson(
  server: TestServer,
  username: string,
  password = 'secret',
): Promise<Person> {
  const id = await server.signUp(username, password);
  const { access, refresh } = await server.signIn(username, password);
  const path = `/users/${id}`;
  const posts = `${path}/posts`;
  let token = access;
  const call: Person['call'] = async (method, target, options = {}) => {
    const answer = await server.call(method, target, { token, ...options });
    if (target === path) token = answer.json?.access_token ?? token;
    return answer;
  };
  return {
    ...{ id, username, access, refresh, path, posts, call },
    async post(title = 'A title', body = 'Some text') {
      const { headers } = await call('POST', posts, { json: { title, body } });
      return String(headers.location);
    },
  };
}
