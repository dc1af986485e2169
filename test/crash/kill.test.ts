// A real server is killed with SIGKILL under load fifty times, and restarted on the same file.
//
// Clients write over HTTP and record the responses that they received. After each restart, every
// acknowledged write must be there, and each client's one unacknowledged write completely or not at
// all. Ended sessions stay ended, and no id is assigned twice. SIGKILL does not affect the page
// cache of the kernel: power loss is tested in power-loss.test.ts.

import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { Agent } from 'node:http';
import { describe, it } from 'node:test';
import { type Cleanup, folderInMemory } from '../support/disk/temporary-folder.ts';
import { seededRandom } from '../support/model/random.ts';
import { type Command, type Served, start } from '../support/process/command.ts';
import { builtProject } from '../support/process/scratch-project.ts';
import { nextOf } from '../support/server/answers.ts';
import { type Answer, type CallOptions, send } from '../support/server/server.ts';

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

const POSTS_MAX = 8;
const PASSWORD = 'secret';

/** The state that all clients share. */
interface Ledger {
  /** Every id seen so far, with the title or username that it was assigned to. */
  readonly ids: { readonly users: Map<number, string>; readonly posts: Map<number, string> };
  /** Called after every acknowledged write. */
  onAnswer: () => void;
}

interface Where {
  readonly port: number;
  readonly agent: Agent;
}

/** Titles and bodies of posts. Titles are unique, so they identify posts whose id was never received. */
type Posts = ReadonlyMap<string, string>;

interface Session {
  readonly access: string;
  readonly refresh: string;
}

class Client {
  username: string | null = null;
  /** The user that this client created or removed without a response. */
  doubtful: string | null = null;
  /** Users created without a response; no client uses them any more. */
  readonly abandoned: string[] = [];
  readonly #name: string;
  readonly #random: () => number;
  readonly #ledger: Ledger;
  #id = 0;
  #names = 0;
  #session: Session | null = null;
  #ended: readonly Session[] = [];
  #posts: Posts = new Map();
  /** The posts if the unacknowledged write took place. */
  #attempted: Posts = new Map();
  readonly #postIds = new Map<string, number>();

  constructor(name: string, random: () => number, ledger: Ledger) {
    this.#name = name;
    this.#random = random;
    this.#ledger = ledger;
  }

  /** Makes one write. */
  async step(where: Where): Promise<void> {
    if (this.username === null) return this.#signUp(where);
    if (this.#session === null) return this.#signIn(where);
    const kind = this.#random();
    if (kind < 0.02) return this.#removeUser(where);
    if (kind < 0.08) return this.#signOut(where, this.#session);
    if (kind < 0.16) return this.#refresh(where, this.#session);
    const titles = [...this.#posts.keys()];
    if (titles.length < 3 || (kind < 0.24 && titles.length < POSTS_MAX)) return this.#createPost(where);
    const title = titles[Math.floor(this.#random() * titles.length)] ?? '';
    if (kind < 0.34) return this.#removePost(where, title);
    return this.#changePost(where, title);
  }

  /** Throws unless all acknowledged writes are there; resolves the unacknowledged one. */
  async check(where: Where, usernames: ReadonlySet<string>): Promise<void> {
    if (this.username !== null && !usernames.has(this.username)) {
      assert.equal(this.doubtful, this.username, `${this.username} is lost`);
      this.#forget();
    } else if (this.username === null && this.doubtful !== null) this.abandoned.push(this.doubtful);
    this.doubtful = null;
    for (const { access, refresh } of this.#ended) {
      assert.equal(
        (await this.#call(where, 'GET', '/auth', { token: access })).status,
        401,
        'an ended session',
      );
      const { status } = await this.#call(where, 'POST', '/auth/refresh', {
        json: { refresh_token: refresh },
      });
      assert.equal(status, 401, 'a refresh token of an ended session');
    }
    if (this.username === null) return;
    if (this.#session === null) await this.#signIn(where);
    else await this.#refresh(where, this.#session);
    const found = await this.#postsThere(where);
    const isOld = isSame(found, this.#posts);
    assert.ok(isOld || isSame(found, this.#attempted), `the posts of ${this.username}`);
    this.#posts = this.#attempted = found;
  }

  async #signUp(where: Where): Promise<void> {
    const username = `${this.#name}-${++this.#names}`;
    this.doubtful = username;
    const { json } = await this.#write(where, 201, 'POST', '/users', {
      json: { username, password: PASSWORD },
    });
    this.doubtful = null;
    this.username = username;
    this.#id = json.id;
    this.#note('users', json.id, username);
    this.#posts = this.#attempted = new Map();
  }

  async #signIn(where: Where): Promise<void> {
    const json = { username: this.username, password: PASSWORD };
    const answer = await this.#write(where, 200, 'POST', '/auth', { json });
    this.#session = { access: answer.json.access_token, refresh: answer.json.refresh_token };
  }

  async #signOut(where: Where, session: Session): Promise<void> {
    this.#session = null;
    await this.#write(where, 204, 'POST', '/auth/logout', { token: session.access });
    this.#ended = [...this.#ended, session].slice(-POSTS_MAX);
  }

  // Within the leeway, a refresh token that was spent without a response works once more.
  async #refresh(where: Where, { access, refresh }: Session): Promise<void> {
    const { json } = await this.#write(where, 200, 'POST', '/auth/refresh', {
      json: { refresh_token: refresh },
    });
    this.#session = { access, refresh: json.refresh_token };
  }

  async #removeUser(where: Where): Promise<void> {
    this.doubtful = this.username;
    await this.#write(where, 204, 'DELETE', `/users/${this.#id}`);
    this.doubtful = null;
    this.#forget();
  }

  #forget(): void {
    this.username = null;
    if (this.#session !== null) this.#ended = [...this.#ended, this.#session].slice(-POSTS_MAX);
    this.#session = null;
  }

  async #createPost(where: Where): Promise<void> {
    const title = `${this.#name} ${this.#random()}`;
    const body = this.#body();
    this.#attempted = new Map([...this.#posts, [title, body]]);
    const { json } = await this.#write(where, 201, 'POST', this.#path(), { json: { title, body } });
    this.#note('posts', json.id, title);
    this.#posts = this.#attempted;
  }

  async #changePost(where: Where, title: string): Promise<void> {
    const body = this.#body();
    this.#attempted = new Map([...this.#posts, [title, body]]);
    await this.#write(where, 200, 'PATCH', this.#path(title), { json: { body } });
    this.#posts = this.#attempted;
  }

  async #removePost(where: Where, title: string): Promise<void> {
    this.#attempted = new Map([...this.#posts].filter(([each]) => each !== title));
    await this.#write(where, 204, 'DELETE', this.#path(title));
    this.#posts = this.#attempted;
  }

  async #postsThere(where: Where): Promise<Posts> {
    const posts = new Map<string, string>();
    for (let next: string | null = this.#path(); next !== null; ) {
      const page: Answer = await this.#call(where, 'GET', next);
      assert.equal(page.status, 200);
      for (const { id, title, body } of page.json) {
        posts.set(title, body);
        this.#note('posts', id, title);
      }
      next = nextOf(page);
    }
    return posts;
  }

  async #write(where: Where, status: number, ...request: Request): Promise<Answer> {
    const answer = await this.#call(where, ...request);
    assert.equal(answer.status, status, `${request[0]} ${request[1]}: ${answer.text}`);
    this.#ledger.onAnswer();
    return answer;
  }

  #call({ port, agent }: Where, ...[method, path, options = {}]: Request): Promise<Answer> {
    const token = this.#session === null ? {} : { token: this.#session.access };
    return send(port, method, path, { ...token, ...options, agent });
  }

  #note(name: 'users' | 'posts', id: number, title: string): void {
    assert.equal(this.#ledger.ids[name].get(id) ?? title, title, `id ${id} of ${name} is assigned twice`);
    this.#ledger.ids[name].set(id, title);
    if (name === 'posts') this.#postIds.set(title, id);
  }

  #path(title?: string): string {
    return `/users/${this.#id}/posts${title === undefined ? '' : `/${this.#postIds.get(title)}`}`;
  }

  // Tens of thousands of bytes, so that most of the file is soon dead and compaction is frequent.
  #body(): string {
    return String(this.#random()).repeat(Math.ceil(600 + this.#random() * 2_500));
  }
}

type Request = readonly [method: string, path: string, options?: CallOptions];

function isSame(one: Posts, other: Posts): boolean {
  return one.size === other.size && [...one].every(([title, body]) => other.get(title) === body);
}

interface Scene {
  readonly main: string;
  readonly folder: string;
  readonly clients: readonly Client[];
  readonly ledger: Ledger;
  readonly random: () => number;
}

async function setScene(t: Cleanup): Promise<Scene> {
  const ledger: Ledger = { ids: { users: new Map(), posts: new Map() }, onAnswer: () => undefined };
  const clients = Array.from({ length: CLIENTS }, (_, index) => {
    return new Client(`client-${index}`, seededRandom(SEED + index), ledger);
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

/** Throws unless all writes acknowledged before the last kill are there, and nothing else. */
async function check({ clients }: Scene, { port }: Served, agent: Agent): Promise<void> {
  const { json } = await send(port, 'GET', '/users?limit=200', { agent });
  const found = new Set<string>(json.map(({ username }: { username: string }) => username));
  const possible = new Set(
    clients.flatMap(({ username, doubtful, abandoned }) => [username, doubtful, ...abandoned]),
  );
  assert.deepEqual(
    [...found].filter((name) => !possible.has(name)),
    [],
  );
  await Promise.all(clients.map((client) => client.check({ port, agent }, found)));
}

/**
 * Starts the server, checks the data, and kills the server after a number of responses, in the
 * middle of the next requests. Resolves to the log.
 */
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
  const use = async (client: Client) => {
    while (!isDead) await client.step({ port: served.port, agent });
  };
  // Requests in progress lose their connection; any other error is a failure.
  const lost = await Promise.all(scene.clients.map((client) => use(client).catch((error) => error)));
  scene.ledger.onAnswer = () => undefined;
  agent.destroy();
  // The server is still running if the check of a client failed.
  served.command.kill('SIGKILL');
  const { signal, stdout, stderr } = await served.command.ended;
  assert.deepEqual([signal, stderr], ['SIGKILL', '']);
  for (const error of lost.filter((each) => each !== undefined)) {
    if (error.code !== 'ECONNRESET' && error.code !== 'EPIPE' && error.code !== 'ECONNREFUSED') throw error;
  }
  return stdout;
}

describe('jot serve killed under load', () => {
  it(`has every acknowledged write after each of ${ROUNDS} starts`, async (t) => {
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
    // More lines than there were clients without a response to their write.
    const path = `${scene.folder}/jot.jsonl`;
    const lines = readFileSync(path, 'utf8').split(/(?<=\n)/);
    writeFileSync(path, lines.slice(0, -2 * CLIENTS).join(''));
    await assert.rejects(async () => check(scene, await serve(t, scene), new Agent()));
  });
});
