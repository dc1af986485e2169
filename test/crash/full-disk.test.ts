import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  closeSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { Agent } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { callHolder } from '../../src/control/lock.ts';
import { namesIn, openFor } from '../support/disk/stores.ts';
import { type Cleanup, temporaryFolder } from '../support/disk/temporary-folder.ts';
import { type Served, serve } from '../support/process/command.ts';
import { nextOf } from '../support/server/answers.ts';
import { type Answer, send } from '../support/server/server.ts';

const KIBIBYTE = 1024;
const TEXT = 'x'.repeat(40 * KIBIBYTE);
const IN_TROUBLE = 'Changes cannot be stored at the moment; the log has the reason';
// Enough for several seconds, and so for several looks at the data file.
const REFUSALS = 300;
const MATT = { username: 'matt', password: 'foo' };

/** A place in which room can be made scarce. */
interface Place {
  readonly folder: string;
  take(pid: number): void;
  /** So that a second file of the same size does not fit either. */
  takeMore(pid: number): void;
  giveBack(pid: number): void;
}

/** A disk of 1 MiB, mounted for this test; null where that is not allowed. */
function smallDisk(t: Cleanup): Place | null {
  const folder = mkdtempSync(join(tmpdir(), 'jot-disk-'));
  const mount = ['-t', 'tmpfs', '-o', 'size=1m,mode=0700', 'tmpfs', folder];
  const isMounted = process.platform === 'linux' && spawnSync('mount', mount).status === 0;
  t.after(() => {
    // Lazily: what still uses it is about to end.
    if (isMounted) spawnSync('umount', ['--lazy', folder]);
    rmdirSync(folder);
  });
  if (!isMounted) return null;
  return {
    folder,
    take: () => writeFileSync(`${folder}/ballast`, Buffer.alloc(600 * KIBIBYTE)),
    takeMore: () => undefined,
    giveBack: () => rmSync(`${folder}/ballast`),
  };
}

/** A limit on the size of the files that the process writes; null where there is none. Node ignores the signal that comes with it. */
function limitedFiles(t: Cleanup): Place | null {
  const limit = (pid: number, bytes: string) =>
    spawnSync('prlimit', ['--pid', `${pid}`, `--fsize=${bytes}:`]).status === 0;
  const { error, stdout } = spawnSync('prlimit', ['--pid', `${process.pid}`, '--fsize', '--noheadings'], {
    encoding: 'utf8',
  });
  if (error !== undefined || !stdout.includes('unlimited')) return null;
  const require = (pid: number, bytes: string) => assert.ok(limit(pid, bytes));
  return {
    folder: temporaryFolder(t),
    take: (pid) => require(pid, `${350 * KIBIBYTE}`),
    takeMore: (pid) => require(pid, `${100 * KIBIBYTE}`),
    giveBack: (pid) => require(pid, 'unlimited'),
  };
}

interface Client {
  post(title: string): Promise<Answer>;
  /** The titles that reads show. */
  titles(): Promise<string[]>;
  ready(agent?: Agent): Promise<Answer>;
}

async function signUp({ port }: Served): Promise<string> {
  await send(port, 'POST', '/users', { json: MATT });
  const { json } = await send(port, 'POST', '/auth', { json: MATT });
  return json.access_token;
}

function clientOf({ port }: Served, token: string): Client {
  const path = '/users/1/posts';
  return {
    post: (title) => send(port, 'POST', path, { json: { title, body: TEXT }, token }),
    titles: async () => {
      const titles: string[] = [];
      for (let next: string | null = path; next !== null; ) {
        const page: Answer = await send(port, 'GET', next, { token });
        titles.push(...page.json.map(({ title }: { title: string }) => title));
        next = nextOf(page);
      }
      return titles;
    },
    ready: (agent) => send(port, 'GET', '/readyz', agent === undefined ? {} : { agent }),
  };
}

/** Writes posts until one is refused. @returns the titles of those that were answered, and the refusal. */
async function fill({ post }: Client): Promise<{ titles: string[]; refusal: Answer }> {
  const titles: string[] = [];
  for (;;) {
    const title = `Post ${titles.length + 1}`;
    const answer = await post(title);
    if (answer.status !== 201) return { titles, refusal: answer };
    titles.push(title);
  }
}

/** Asks on eight connections whether the server is ready, while writes are refused. */
async function poll({ post, ready }: Client): Promise<void> {
  let isOver = false;
  const reasons = new Set<string>();
  const asking = Array.from({ length: 8 }, async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    while (!isOver) reasons.add((await ready(agent)).json.description);
    agent.destroy();
  });
  for (let count = 0; count < REFUSALS; count++) assert.equal((await post('Refused')).status, 503);
  isOver = true;
  await Promise.all(asking);
  assert.deepEqual([...reasons], [IN_TROUBLE]);
}

describe('jot serve on a full disk', () => {
  const places: readonly (readonly [what: string, place: (t: Cleanup) => Place | null])[] = [
    ['a small disk', smallDisk],
    ['a limit on the size of files', limitedFiles],
  ];
  for (const [what, placeFor] of places) {
    it(`rejects writes, still serves reads, and writes again when there is space: ${what}`, async (t) => {
      const place = placeFor(t);
      if (place === null) return t.skip('this machine does not allow it');
      await useUp(t, place);
    });
  }

  it('starts with a torn end that cannot be set aside, and writes again when there is space', async (t) => {
    const place = smallDisk(t);
    if (place === null) return t.skip('this machine does not allow it');
    const { folder } = place;
    const killed = await serveIn(t, folder);
    const token = await signUp(killed);
    assert.equal((await clientOf(killed, token).post('Before')).status, 201);
    killed.command.kill('SIGKILL');
    await killed.command.ended;
    const torn = '{"seq":4,"time":';
    appendFileSync(`${folder}/jot.jsonl`, torn);
    const content = readFileSync(`${folder}/jot.jsonl`, 'utf8');
    const ballast = openSync(`${folder}/ballast`, 'w');
    assert.throws(() => writeFileSync(ballast, Buffer.alloc(1024 * KIBIBYTE)), { code: 'ENOSPC' });
    closeSync(ballast);

    const { post, ready, titles } = clientOf(await serveIn(t, folder), token);
    assert.deepEqual(await titles(), ['Before']);
    assert.equal((await post('Refused')).status, 503);
    assert.equal((await ready()).status, 503);
    assert.equal(readFileSync(`${folder}/jot.jsonl`, 'utf8'), content);

    place.giveBack(0);
    while ((await ready()).status !== 200);
    assert.equal((await post('After')).status, 201);
    assert.deepEqual(await titles(), ['Before', 'After']);
    const aside = readdirSync(folder).find((name) => name.includes('.torn-')) ?? '';
    assert.equal(readFileSync(`${folder}/${aside}`, 'utf8'), torn);
  });
});

function serveIn(t: Cleanup, folder: string): Promise<Served> {
  const env = {
    PORT: '0',
    DATABASE_URL: `file:${folder}/jot.jsonl`,
    PASSWORD_COST: 'ln=1,r=1,p=1',
    LOG: 'off',
    RATE_LIMIT: 'off',
  };
  return serve(t, { cwd: folder, env });
}

async function useUp(t: Cleanup, { folder, ...room }: Place): Promise<void> {
  const path = `${folder}/jot.jsonl`;
  const served = await serveIn(t, folder);
  const { pid } = served.command;
  const client = clientOf(served, await signUp(served));
  room.take(pid);

  const { titles, refusal } = await fill(client);
  assert.deepEqual([refusal.status, refusal.headers['retry-after']], [503, '5']);
  assert.ok(titles.length >= 5, `${titles.length}`);
  const { status, json } = await client.ready();
  assert.deepEqual([status, json.description], [503, IN_TROUBLE]);
  await poll(client);
  assert.deepEqual(await client.titles(), titles);
  const full = readFileSync(path, 'utf8');
  assert.ok(full.endsWith('"}\n'), 'nothing torn is left');

  room.takeMore(pid);
  const refused = await callHolder(path, 'compact');
  assert.match(refused?.response ?? '', /^no The data file was not compacted: E(NOSPC|FBIG)/);
  assert.equal(readFileSync(path, 'utf8'), full, 'a compaction that does not fit changes nothing');
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.endsWith('.new')),
    [],
  );
  assert.deepEqual(await client.titles(), titles);

  room.giveBack(pid);
  while ((await client.ready()).status !== 200);
  assert.equal((await client.post('After')).status, 201);
  assert.match((await callHolder(path, 'compact'))?.response ?? '', /^ok /);
  served.command.kill('SIGKILL');
  await served.command.ended;
  const again = await openFor(t, `file:${path}`);
  assert.deepEqual(await namesIn(again), ['matt']);
  const { rows } = await again.posts.list({ owner: 1, after: 0, limit: 200, order: 'asc' });
  assert.deepEqual(
    rows.map(({ title }) => title),
    [...titles, 'After'],
  );
  assert.ok(rows.every(({ body }) => body === TEXT));
  await again.close();
}
