// The clock of the server is set back by an hour. Nothing may live longer or allow more because of
// it, and a login works at any time.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createPerson, type Person } from '../support/server/person.ts';
import { type Answer, startServer, type TestServer } from '../support/server/server.ts';

const HOUR_MS = 3_600_000;

/** What the clock shows, in milliseconds from the moment of the first attempt. */
const moments = [
  ['before', 0],
  ['after', -HOUR_MS],
  ['half an hour after', -HOUR_MS / 2],
  ['an hour after', 10_000],
] as const;

interface Row {
  readonly title: string;
  readonly settings?: Record<string, string>;
  readonly prepare?: (server: TestServer, matt: Person) => Promise<unknown>;
  readonly attempt: (server: TestServer, matt: Person) => Promise<Answer>;
  /** For each moment. */
  readonly statuses: readonly [number, number, number, number];
}

function refresh({ call }: TestServer, { refresh: refresh_token }: Pick<Person, 'refresh'>): Promise<Answer> {
  return call('POST', '/auth/refresh', { json: { refresh_token } });
}

function guess({ call }: TestServer): Promise<Answer> {
  return call('POST', '/auth', { json: { username: 'elie', password: 'wrong' } });
}

const rows: readonly Row[] = [
  {
    title: 'an access token is rejected while its iat is in the future',
    attempt: (_, matt) => matt.call('GET', '/auth'),
    statuses: [200, 401, 401, 200],
  },
  {
    title: 'a refresh token is rejected while its iat is in the future',
    attempt: refresh,
    statuses: [200, 401, 401, 200],
  },
  {
    title: 'a spent refresh token buys no successor once its leeway is over',
    async prepare(server, matt) {
      server.clock.ms += 2 * HOUR_MS;
      assert.equal((await refresh(server, matt)).status, 200);
    },
    attempt: refresh,
    statuses: [200, 401, 401, 401],
  },
  {
    title: 'an empty bucket stays empty',
    settings: { RATE_LIMIT: '3/6h' },
    prepare: ({ call }) => call('GET', '/users'),
    attempt: ({ call }) => call('GET', '/users'),
    statuses: [429, 429, 429, 429],
  },
  {
    title: 'a failed login stays counted',
    settings: { RATE_LIMIT_LOGIN: '1/2h' },
    prepare: guess,
    attempt: guess,
    statuses: [429, 429, 429, 429],
  },
  {
    title: 'a login works, and so do its tokens',
    async attempt(server) {
      const { access: token, refresh: refresh_token } = await server.signIn('matt');
      assert.equal((await refresh(server, { refresh: refresh_token })).status, 200);
      return server.call('GET', '/auth', { token });
    },
    statuses: [200, 200, 200, 200],
  },
];

describe('A clock that was set back by an hour', () => {
  for (const { title, settings = {}, prepare, attempt, statuses } of rows) {
    for (const [index, [when, stepMs]] of moments.entries()) {
      it(`${title} (${when}: ${statuses[index]})`, async (t) => {
        const server = await startServer(t, settings);
        const matt = await createPerson(server, 'matt');
        await prepare?.(server, matt);
        server.clock.ms += stepMs;
        assert.equal((await attempt(server, matt)).status, statuses[index]);
      });
    }
  }
});
