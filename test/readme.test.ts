// The README is run: every command in a `console` block, in one shell, against a server with default settings, and every
// answer is compared, `…` standing for what differs each time. A `sleep` moves the server's clock instead.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { describe, it, type TestContext, test } from 'node:test';
import { LIMIT_MAX, TEXT_LENGTH_MAX } from '../src/api/paging.ts';
import { hash } from '../src/auth/password.ts';
import { parseConfig } from '../src/config.ts';
import { openStore } from '../src/store/open.ts';
import { postOf, userNamed } from './support/disk/stores.ts';
import { temporaryFolder } from './support/disk/temporary-folder.ts';
import { program } from './support/process/command.ts';
import { skipWithout } from './support/process/tools.ts';
import { withoutOthers, withoutPlace } from './support/process/world.ts';
import { startServer } from './support/server/server.ts';

const root = new URL('../', import.meta.url);
const readme = readFileSync(new URL('README.md', root), 'utf8');
const DEFAULTS = { RATE_LIMIT: '600/m', RATE_LIMIT_AUTH: '60/m', RATE_LIMIT_LOGIN: '10/15m', EXPLAIN: 'on' };

interface Step {
  readonly command: string;
  readonly expected: string;
}

function stepsOf(markdown: string): Step[] {
  const blocks = [...markdown.matchAll(/```console\n(.*?)```/gs)].map(([, block = '']) => block);
  return blocks.flatMap((block) =>
    block
      .split(/^\$ /m)
      .slice(1)
      .map((step) => {
        const [command = '', ...expected] = step.trimEnd().split('\n');
        return { command, expected: expected.join('\n') };
      }),
  );
}

function matches(actual: string, expected: string): boolean {
  const pattern = expected.split('…').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${pattern.join('.+?')}$`, 's').test(actual);
}

/** Returns the output without JSON members that the README does not show, so that a new field needs no new README. */
function withoutUnshown(output: string, expected: string): string {
  const reduced = (line: string) =>
    JSON.stringify(JSON.parse(line), function replace(this: unknown, name, value) {
      return name === '' || Array.isArray(this) || expected.includes(`"${name}":`) ? value : undefined;
    });
  return output.replaceAll(/^[[{].*[\]}]$/gm, reduced);
}

// One shell for all commands, so that a variable set by one is there for the next.
function startShell(): { shell: ChildProcess; run(command: string): Promise<string> } {
  const shell = spawn('bash', ['--noprofile', '--norc'], { stdio: ['pipe', 'pipe', 'ignore'] });
  const lines = createInterface({ input: shell.stdout })[Symbol.asyncIterator]();
  return {
    shell,
    async run(command) {
      shell.stdin.write(`${command}\necho; echo '@@@'\n`);
      const output: string[] = [];
      for (let line = await lines.next(); !line.done && line.value !== '@@@'; line = await lines.next()) {
        output.push(line.value);
      }
      return output.join('\n').replaceAll('\r', '').trimEnd();
    },
  };
}

test('README.md: every command prints the response below it', async (t) => {
  const server = await startServer(t, DEFAULTS);
  const { shell, run } = startShell();
  t.after(() => shell.stdin?.end());
  const steps = stepsOf(readme);
  assert.equal(steps.length > 30, true, 'the walk has more than thirty steps');
  for (const { command, expected } of steps) {
    const seconds = /^sleep (\d+)$/.exec(command)?.[1];
    server.clock.ms += Number(seconds ?? 0) * 1000;
    if (seconds !== undefined) continue;
    const actual = await run(command.replaceAll('localhost:3000', `127.0.0.1:${server.port}`));
    assert.ok(
      matches(actual, expected) || matches(withoutUnshown(actual, expected), expected),
      `$ ${command}\n${actual}\nbut the README says\n${expected}`,
    );
  }
  shell.stdin?.end();
  await once(shell, 'exit');
});

describe('README.md: the section on the data file', () => {
  const [, section = ''] = /^## The data file\n(.*?)^## /ms.exec(readme) ?? [];
  const [jq = '', commands = ''] = [...section.matchAll(/```sh\n(.*?)```/gs)].map(([, block]) => block);

  /** What the script prints in a folder in which `data/jot.jsonl` has a user with two posts, one of them deleted. */
  async function run(t: TestContext, script: string): Promise<string> {
    const folder = temporaryFolder(t);
    const store = await openStore(`file:${folder}/data/jot.jsonl`);
    await store.users.create({
      ...userNamed('matt'),
      password_hash: await hash('foo', { ln: 1, r: 1, p: 1 }),
    });
    for (const title of ['One', 'Two']) await store.posts.create(postOf(1, title));
    await store.posts.remove(1);
    await store.close();
    const jot = ['node', ...program].join(' ');
    const options = { cwd: folder, env: { PATH: process.env.PATH, HOME: folder }, encoding: 'utf8' } as const;
    const { stdout, stderr, status } = spawnSync(
      'sh',
      ['-ec', script.replaceAll('npm run -s jot --', jot)],
      options,
    );
    assert.deepEqual([withoutPlace(stderr), status], ['', 0]);
    return stdout;
  }

  it('shows the history and the remaining rows with jq', {
    skip: skipWithout(['jq', '--version']),
  }, async (t) => {
    const [happened = '', left = ''] = jq.split(/\n(?=jq -nc)/);
    assert.match(
      await run(t, happened),
      /^\{"put":"users".*\n(\{"put":"posts".*\n){2}\{"remove":"posts","id":1\}\n$/,
    );
    const posts = (await run(t, left)).trim().split('\n');
    assert.deepEqual(
      posts.map((line) => JSON.parse(line).title),
      ['Two'],
    );
  });

  it('makes a backup, and restores it', async (t) => {
    const printed = await run(t, commands);
    assert.equal(withoutOthers(printed), 'data/elsewhere/jot.jsonl: 1 user, 1 post, 0 sessions imported\n');
  });
});

describe('matches, the comparison for README.md', () => {
  it('accepts text that differs only where the README leaves it open', () => {
    assert.equal(matches('{"id":1,"sid":"abc"}', '{"id":1,"sid":"…"}'), true);
  });

  it('rejects text that differs elsewhere', () => {
    assert.equal(matches('{"id":2,"sid":"abc"}', '{"id":1,"sid":"…"}'), false);
    assert.equal(matches('{"id":1,"sid":"abc"} ', '{"id":1,"sid":"…"}'), false);
  });
});

describe('README.md: the table of settings', () => {
  const rows = [...readme.matchAll(/^\| `([A-Z_]+)` \| (?:`(.*?)`)? ?\| (.*) \|$/gm)].map(
    ([, name = '', value = '', phrase = '']) => ({ name, value, phrase }),
  );
  const phrases = new Map(parseConfig({}).settings.map(({ name, description }) => [name, description]));

  it('has rows', () => {
    assert.ok(rows.length > 20);
  });

  for (const { name, phrase } of rows) {
    it(`describes ${name} as its declaration does`, () => {
      assert.equal(phrase, phrases.get(name));
    });
  }

  for (const { name, value } of rows) {
    it(`states the default of ${name}`, () => {
      assert.deepEqual(parseConfig({ [name]: value }), parseConfig({}));
    });
  }
});

describe('README.md: the section on lists', () => {
  it('states the maximum rows and text of a page', () => {
    const text = `${TEXT_LENGTH_MAX / 1024} KiB of text`;
    const said = readme.replaceAll(/\s+/g, ' ');
    for (const words of [
      `Lists take \`limit\` (1 to ${LIMIT_MAX}, `,
      `a page also ends before its posts come to more than ${text}`,
    ])
      assert.ok(said.includes(words), words);
    const bounds = readFileSync(new URL('SECURITY.md', root), 'utf8');
    assert.ok(bounds.includes(`| a page | ${LIMIT_MAX} rows, ${text} |`));
  });
});

describe('README.md: the paths and names of the source', () => {
  const paths = [...readme.matchAll(/`((?:src|test|scripts|data)\/[\w./-]*)`/g)].map(([, path = '']) => path);
  const made = new Set(['data/jot.jsonl', 'data/jot.keys.json', 'src/resources/comments.ts']);

  for (const path of new Set(paths)) {
    if (made.has(path)) continue;
    it(`names ${path}, which exists`, () => assert.equal(existsSync(new URL(path, root)), true));
  }

  for (const [, path = '', names = ''] of readme.matchAll(/`(src\/[\w./-]+\.ts)` ((?:`[#\w]+`(?:, )?)+)/g)) {
    it(`names ${names} in ${path}, which exist`, () => {
      const source = readFileSync(new URL(path, root), 'utf8');
      const defined = (name: string) => ['(', '<'].some((opening) => source.includes(name + opening));
      for (const [, name = ''] of names.matchAll(/`(.+?)`/g)) assert.equal(defined(name), true, name);
    });
  }
});
