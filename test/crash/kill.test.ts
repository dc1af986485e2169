import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { Agent } from 'node:http';
import { describe, it } from 'node:test';
import { KillClient, type Ledger } from '../support/disk/kill-client.ts';
import { type Cleanup, folderInMemory } from '../support/disk/temporary-folder.ts';
import { seededRandom } from '../support/model/random.ts';
import { type Command, type Served, start } from '../support/process/command.ts';
import { builtProject } from '../support/process/scratch-project.ts';
import { send } from '../support/server/server.ts';

const SEED = 20_261_124;
const ROUNDS = 50;
const CLIENTS = 6;
// A third of what is usual: where a kill falls is up to the machine.
const INTERRUPTED_MIN = 10;
const SETTINGS = {
  PORT: '0',
  PASSWORD_COST: 'ln=1,r=1,p=1',
  RATE_LIMIT: 'off',
  RATE_LIMIT_AUTH: 'off',
  RATE_LIMIT_LOGIN: 'off',
  LOG: 'json',
  JWT_EXPIRATION_DELTA: '1d',
  JWT_REFRESH_REUSE_LEEWAY: '1d',
};

interface Scene {
  readonly main: string;
  readonly folder: string;
  readonly clients: readonly KillClient[];
  readonly ledger: Ledger;
  readonly random: () => number;
}

async function setScene(t: Cleanup): Promise<Scene> {
  const ledger: Ledger = { ids: { users: new Set(), posts: new Set() }, onAnswer: () => undefined };
  const clients = Array.from({ length: CLIENTS }, (_, index) => {
    return new KillClient(`client-${index}`, seededRandom(SEED + index), ledger);
  });
  return {
    // Built, since that starts in a third of the time.
    main: `${await builtProject(t)}/jot.cjs`,
    folder: folderInMemory(t),
    clients,
    ledger,
    random: seededRandom(SEED - 1),
  };
}

async function serve(t: Cleanup, { main, folder }: Scene): Promise<Served> {
  const env = { ...SETTINGS, DATABASE_URL: `file:${folder}/jot.jsonl` };
  const command: Command = start(t, [main], { cwd: folder, env });
  const url = /http:\/\/[^"]+/.exec(await command.line(/"message":"ready"/))?.[0] ?? '';
  return { command, url, port: Number(new URL(url).port) };
}

/** What was answered before the last kill is there, and nobody else. */
async function check({ clients }: Scene, { port }: Served, agent: Agent): Promise<void> {
  await Promise.all(clients.map((client) => client.check({ port, agent })));
  const { json } = await send(port, 'GET', '/users?limit=200', { agent });
  const names = json.map(({ username }: { username: string }) => username).sort();
  assert.deepEqual(names, clients.flatMap(({ username }) => username ?? []).sort());
}

/** Starts, checks, and kills after so many answers, in the middle of the next requests. @returns what was logged. */
async function round(t: Cleanup, scene: Scene): Promise<string> {
  const served = await serve(t, scene);
  const agent = new Agent({ keepAlive: true });
  await check(scene, served, agent);
  let answersLeft = 10 + Math.floor(scene.random() * 80);
  let isDead = false;
  scene.ledger.onAnswer = () => {
    answersLeft--;
    if (answersLeft > 0 || isDead) return;
    isDead = true;
    served.command.kill('SIGKILL');
  };
  const use = async (client: KillClient) => {
    while (!isDead) await client.step({ port: served.port, agent });
  };
  // Whoever is waiting for an answer then gets none; anything else is a failure.
  const lost = await Promise.all(scene.clients.map((client) => use(client).catch((error) => error)));
  scene.ledger.onAnswer = () => undefined;
  agent.destroy();
  // It lives on where a client found something wrong.
  served.command.kill('SIGKILL');
  const { signal, stdout, stderr } = await served.command.ended;
  assert.deepEqual([signal, stderr], ['SIGKILL', '']);
  for (const error of lost.filter((each) => each !== undefined)) {
    if (error.code !== 'ECONNRESET' && error.code !== 'EPIPE' && error.code !== 'ECONNREFUSED') throw error;
  }
  return stdout;
}

describe('a server that is killed under load', () => {
  it(`has everything that was answered after each of ${ROUNDS} starts`, async (t) => {
    const scene = await setScene(t);
    let compactions = 0;
    let interrupted = 0;
    let aside = 0;
    for (let count = 0; count < ROUNDS; count++) {
      const log = await round(t, scene);
      compactions += log.split('the data file was compacted').length - 1;
      aside += log.split('is set aside').length - 1;
      if (existsSync(`${scene.folder}/.jot.jsonl.new`)) interrupted++;
    }
    const { command } = await serve(t, scene).then(async (served) => {
      const agent = new Agent();
      await check(scene, served, agent);
      return served;
    });
    command.kill('SIGTERM');
    assert.equal((await command.ended).code, 0);
    const { users, posts } = scene.ledger.ids;
    t.diagnostic(`${compactions} compactions, ${interrupted} killed in one, ${aside} torn ends`);
    t.diagnostic(`${users.size} users and ${posts.size} posts were made`);
    assert.ok(
      compactions >= 10 && interrupted >= INTERRUPTED_MIN && users.size > CLIENTS && posts.size > 100,
    );
  });

  it('would be found to have lost the last writes', async (t) => {
    const scene = await setScene(t);
    await round(t, scene);
    // More lines than there were clients whose write was not answered.
    const path = `${scene.folder}/jot.jsonl`;
    const lines = readFileSync(path, 'utf8').split(/(?<=\n)/);
    writeFileSync(path, lines.slice(0, -2 * CLIENTS).join(''));
    await assert.rejects(async () => check(scene, await serve(t, scene), new Agent()));
  });
});
