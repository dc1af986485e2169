// A password typed at a real terminal: it is never shown, and the terminal is as it was, however it ends.

import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { temporaryFolder } from '../support/disk/temporary-folder.ts';
import { atTerminal, noTerminal } from '../support/process/terminal.ts';
import { startServer } from '../support/server/server.ts';

const PASSWORD_COST = 'ln=1,r=1,p=1';
// Behind the command the shell tells how it ended, and whether the terminal shows what is typed.
const TELL = `echo "code $?"; stty -a | tr ' ;' '\\n\\n' | grep -E '^-?(echo|icanon|isig)$' | tr '\\n' ' '; echo told`;
const AS_IT_WAS = /(?<!-)isig (?<!-)icanon (?<!-)echo told/;

async function begin(t: TestContext, command: string) {
  const folder = temporaryFolder(t);
  const settings = { DATABASE_URL: `file:${folder}/jot.jsonl`, PASSWORD_COST };
  const server = await startServer(t, settings);
  await server.signUp('matt', 'old');
  const terminal = atTerminal(t, `${command}; ${TELL}`, settings);
  const signIn = async (username: string, password: string) =>
    (await server.call('POST', '/auth', { json: { username, password } })).status;
  /** How the command ended. */
  const ended = async () => {
    await terminal.until(/told/);
    await terminal.ended;
    const text = terminal.shown();
    assert.match(text, AS_IT_WAS);
    return Number(/code (\d+)/.exec(text)?.[1]);
  };
  return { terminal, signIn, ended };
}

describe('jot user create, password and delete at a terminal', { skip: noTerminal }, () => {
  it('create hides the password, and accepts the usual editing keys', async (t) => {
    const { terminal, signIn, ended } = await begin(t, '$JOT user create elie');
    await terminal.until(/Password: /);
    terminal.type('wrong\u0015hunterx\u007f-4711\r');
    await terminal.until(/Once more: /);
    terminal.type('hunter-4711\r');
    assert.equal(await ended(), 0);
    assert.match(
      terminal.shown(),
      /^Password: \r?\nOnce more: \r?\njot: data file [^\n]+\nelie is user 2\r?\n/,
    );
    for (const part of ['hunter', '4711', 'wrong']) assert.equal(terminal.shown().includes(part), false);
    assert.equal(await signIn('elie', 'hunter-4711'), 200);
  });

  it('create would show the password if the terminal still echoed', async (t) => {
    const { terminal, ended } = await begin(t, 'printf "Password: "; read line');
    await terminal.until(/Password: /);
    terminal.type('hunter-4711\r');
    assert.equal(await ended(), 0);
    assert.match(terminal.shown(), /hunter-4711/);
  });

  for (const [name, keys] of [
    ['Ctrl-C', 'hunter\u0003'],
    ['Ctrl-D', '\u0004'],
  ] as const) {
    it(`password is cancelled by ${name}`, async (t) => {
      const { terminal, signIn, ended } = await begin(t, '$JOT user password matt');
      await terminal.until(/Password: /);
      terminal.type(keys);
      assert.equal(await ended(), 1);
      assert.match(terminal.shown(), /jot: Cancelled; nothing was changed/);
      assert.equal(terminal.shown().includes('hunter'), false);
      assert.equal(await signIn('matt', 'old'), 200);
    });
  }

  it('password restores the terminal when a signal kills the command', async (t) => {
    const killed = `sh -c 'echo "process $$"; exec $JOT user password matt'`;
    const { terminal, ended } = await begin(t, killed);
    const [, pid] = await terminal.until(/process (\d+)/);
    await terminal.until(/Password: /);
    terminal.type('hunter\r');
    await terminal.until(/Once more: /);
    process.kill(Number(pid), 'SIGTERM');
    assert.equal(await ended(), 128 + 15);
    assert.equal(terminal.shown().includes('hunter'), false);
  });

  it('delete asks for the name and shows it, not for a password', async (t) => {
    const { terminal, signIn, ended } = await begin(t, '$JOT user delete matt');
    await terminal.until(/Type the username to go on: /);
    terminal.type('matt\r');
    assert.equal(await ended(), 0);
    assert.match(terminal.shown(), /to go on: matt\r?\njot: data file [^\n]+\nmatt, user 1, is gone/);
    assert.equal(await signIn('matt', 'old'), 401);
  });
});
