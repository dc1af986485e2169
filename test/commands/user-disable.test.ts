// Signing out, disabling and enabling users, on a running server and without one.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { deleteUser, disableUser, enableUser, logoutUser } from '../../src/commands/user.ts';
import { listUsers } from '../../src/commands/user-list.ts';
import { type Cleanup, temporaryFolder } from '../support/disk/temporary-folder.ts';
import { runCommand } from '../support/process/world.ts';
import { assertHas } from '../support/server/answers.ts';
import { createPerson } from '../support/server/person.ts';
import { START_MS, startServer, type TestServer } from '../support/server/server.ts';

const revoked = { status_code: 401, code: 'token_revoked', description: 'Token has been revoked' };

function settingsFor(t: Cleanup) {
  const DATABASE_URL = `file:${temporaryFolder(t)}/jot.jsonl`;
  return { DATABASE_URL, PASSWORD_COST: 'ln=1,r=1,p=1', JWT_REFRESH_REUSE_LEEWAY: '60s' };
}

function signIn(server: TestServer, username: string, password: string) {
  return server.call('POST', '/auth', { json: { username, password } });
}

function refresh(server: TestServer, refresh_token: string) {
  return server.call('POST', '/auth/refresh', { json: { refresh_token } });
}

for (const way of ['a running server', 'no server']) {
  async function start(t: Cleanup) {
    const settings = settingsFor(t);
    let server = await startServer(t, settings);
    const matt = await createPerson(server, 'matt', 'foo');
    const elie = await createPerson(server, 'elie', 'foo');
    await matt.post();
    const run = async (command: typeof logoutUser, ...args: string[]) => {
      if (way === 'no server') await server.close();
      const { stdout } = await runCommand(command, args, { settings, now: () => START_MS });
      if (way === 'no server') server = await startServer(t, settings);
      return stdout;
    };
    return { matt, elie, run, server: () => server };
  }

  describe(`jot user with ${way}`, () => {
    it('logout ends all sessions of that user only, who keeps the password', async (t) => {
      const { matt, elie, run, server } = await start(t);
      const other = await server().signIn('matt', 'foo');
      const { json: successor } = await refresh(server(), other.refresh);
      assert.equal(await run(logoutUser, 'MATT'), 'matt, user 1, is signed out; ended: 2 sessions\n');
      for (const token of [matt.access, other.access, successor.access_token]) {
        assertHas((await server().call('GET', '/auth', { token })).json, revoked);
      }
      for (const token of [matt.refresh, other.refresh, successor.refresh_token]) {
        assertHas((await refresh(server(), token)).json, revoked);
      }
      assert.equal((await server().call('GET', '/auth', { token: elie.access })).status, 200);
      assert.equal((await signIn(server(), 'matt', 'foo')).status, 200);
    });

    it('disable ends all sessions, and a login then fails as with a wrong password', async (t) => {
      const { matt, elie, run, server } = await start(t);
      const { json: successor } = await refresh(server(), matt.refresh);
      assert.equal(await run(disableUser, 'Matt'), 'matt, user 1, is disabled; ended: 1 session\n');
      for (const token of [matt.access, successor.access_token]) {
        assertHas((await server().call('GET', '/auth', { token })).json, revoked);
      }
      // The first of them is within the leeway for concurrent refreshes.
      for (const token of [matt.refresh, successor.refresh_token]) {
        assertHas((await refresh(server(), token)).json, revoked);
      }
      const [right, wrong] = [await signIn(server(), 'matt', 'foo'), await signIn(server(), 'matt', 'wrong')];
      assert.deepEqual([right.status, right.json], [401, wrong.json]);
      assert.equal((await server().call('GET', '/auth', { token: elie.access })).status, 200);
    });

    it('disable keeps the name and the data until enable', async (t) => {
      const { run, server } = await start(t);
      await run(disableUser, 'matt');
      const json = { username: 'MATT', password: 'bar' };
      assert.equal((await server().call('POST', '/users', { json })).json.code, 'username_taken');
      assert.equal(await run(enableUser, 'matt'), 'matt, user 1, may sign in\n');
      const { access } = await server().signIn('matt', 'foo');
      const read = await server().call('GET', '/users/1', { token: access });
      assert.equal(read.json.posts.length, 1);
    });

    it('enable lets the user sign in, also one who was not disabled', async (t) => {
      const { run, server } = await start(t);
      await run(disableUser, 'matt');
      await run(disableUser, 'matt');
      for (const name of ['matt', 'elie']) {
        assert.match(await run(enableUser, name), / may sign in\n$/);
        assert.equal((await signIn(server(), name, 'foo')).status, 200);
      }
    });
  });
}

describe('jot user disable', () => {
  it('is shown by user list, and logged by a running server', async (t) => {
    const settings = settingsFor(t);
    const server = await startServer(t, settings);
    for (const name of ['matt', 'elie']) await server.signUp(name, 'foo');
    const run = (command: typeof disableUser, ...args: string[]) => runCommand(command, args, { settings });
    await run(disableUser, 'matt');
    const listed = async () =>
      (await run(listUsers, '--json')).stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).disabled);
    assert.deepEqual(await listed(), [true, false]);
    await run(enableUser, 'matt');
    await run(logoutUser, 'matt');
    assert.deepEqual(await listed(), [false, false]);
    const lines = server.log.map((line) => JSON.parse(line));
    const acts = lines.filter(({ message }) => message.startsWith('the operator'));
    assert.deepEqual(
      acts.map(({ message, user }) => [message, user]),
      [
        ['the operator disabled a user', 1],
        ['the operator enabled a user', 1],
        ['the operator ended the sessions of a user', 1],
      ],
    );
  });

  it('lets delete remove the user', async (t) => {
    const settings = settingsFor(t);
    const server = await startServer(t, settings);
    await server.signUp('matt', 'foo');
    await runCommand(disableUser, ['matt'], { settings });
    await runCommand(deleteUser, ['--yes', 'matt'], { settings });
    await server.signUp('matt', 'bar');
    assert.equal((await signIn(server, 'matt', 'bar')).status, 200);
  });

  it('rejects an unknown user, and so do logout and enable', async (t) => {
    const settings = settingsFor(t);
    await startServer(t, settings);
    for (const command of [logoutUser, disableUser, enableUser]) {
      await assert.rejects(runCommand(command, ['tim'], { settings }), {
        name: 'JotError',
        message: 'There is no user "tim"',
      });
    }
  });
});
