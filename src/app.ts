// The wiring: every part is created here and receives its dependencies, and no part looks up
// another. One call creates one server; several can run in one process without knowing of each
// other.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Endpoint } from './api/endpoint.ts';
import { apiGauges, serverGauges } from './api/gauges.ts';
import type { ResponseCache } from './api/handle.ts';
import { createIdentify } from './api/identify.ts';
import { createReplies, REPLIES_MAX, repliesBounds } from './api/marshal.ts';
import { Metrics } from './api/metrics.ts';
import { openApiText } from './api/openapi.ts';
import { type CommonOptions, Pipeline, WITHOUT_STORE } from './api/pipeline.ts';
import { type AppOptions, completeOptions } from './app-options.ts';
import { Gate } from './auth/gate.ts';
import { openKeys } from './auth/key-file.ts';
import { Tokens } from './auth/tokens.ts';
import { TtlCache } from './cache/ttl-cache.ts';
import { keyRequests } from './commands/key-requests.ts';
import { userRequests } from './commands/user-requests.ts';
import { type Config, keyFileOf, parseConfig } from './config.ts';
import { Backlog, type Holding } from './http/backlog.ts';
import { HttpServer } from './http/server.ts';
import { TurnQueue } from './http/turn-queue.ts';
import { JotError } from './lib/errors.ts';
import { warnOfExposure } from './lib/exposure.ts';
import { createLog } from './lib/log.ts';
import { createLimiters } from './limit/limiter.ts';
import { LoginGuard } from './limit/login-guard.ts';
import { auth } from './resources/auth.ts';
import { posts } from './resources/posts.ts';
import { startSweeping } from './resources/session-sweep.ts';
import { sessions } from './resources/sessions.ts';
import { openPasswords } from './resources/stored-hashes.ts';
import { system } from './resources/system.ts';
import { users } from './resources/users.ts';
import type { CollectionName, Id } from './store/collections.ts';
import { filePath, openStore } from './store/open.ts';
import type { ControlHandlers, Store, StoreStatus } from './store/store.ts';
import { VERSION } from './version.ts';

// Maximum number of requests, and total length of long bodies and of long responses, that start in
// one event-loop turn.
const REQUESTS_AT_ONCE_MAX = 64;
const LENGTH_AT_ONCE_MAX = 64 * 1024;
// Maximum wait for a password hash once the server is closing. Requests in progress end after ten
// seconds (`shutdownMs`).
const HASH_WAIT_CLOSING_MS_MAX = 5_000;
const STARTING = 'Jot is starting';
const CLOSING = 'Jot is shutting down';

export type { AppOptions } from './app-options.ts';
export type { Settings } from './config.ts';
export type { Timeouts } from './http/server.ts';
export { JotError } from './lib/errors.ts';

/**
 * Creates a server that does nothing yet.
 *
 * @throws JotError `validation_failed`, which lists all wrong settings; TypeError for any other
 * wrong option.
 */
export function createApp(options: AppOptions = {}): App {
  return new App(options);
}

export class App {
  readonly config: Config;
  readonly #common: CommonOptions;
  readonly #server: HttpServer;
  readonly #systemEndpoints: readonly Endpoint[];
  readonly #shutdownMs: number;
  /** The documented endpoints. */
  #endpoints: readonly Endpoint[] = [];
  #pipeline: Pipeline;
  #answers: ControlHandlers = {};
  #store: Store | null = null;
  #gate: Gate | null = null;
  #stopSweeping: () => void = () => undefined;
  #opening: Promise<void> | null = null;
  #closing: Promise<void> | null = null;

  constructor(options: AppOptions) {
    const { settings, now, elapsedMs, writeLog, linesDropped, ...limits } = completeOptions(options);
    this.config = parseConfig(settings);
    this.#shutdownMs = limits.timeouts.shutdownMs;
    const { logFormat, connectionsMax, basePath, warnings } = this.config;
    const log = createLog({ format: logFormat, write: writeLog, linesDropped, now });
    const onCut = ({ address, bytes }: Holding) =>
      log.warn('too much was held for a client', { address, bytes });
    const backlog = new Backlog({ bytesMax: limits.backlogBytesMax, onCut });
    this.#common = {
      ...this.config,
      log,
      backlog,
      bodyTurns: new TurnQueue(LENGTH_AT_ONCE_MAX),
      responseTurns: new TurnQueue(LENGTH_AT_ONCE_MAX),
      metrics: new Metrics(),
      now,
      elapsedMs,
      isClosing: () => this.#closing !== null,
    };
    const startMs = elapsedMs();
    const readiness = () => this.#readiness();
    this.#systemEndpoints = system({
      version: VERSION,
      endpoints: () => this.#endpoints,
      document: openApiText({ version: VERSION, prefixes: this.config.authPrefixes, basePath }),
      basePath,
      readiness,
      metrics: this.#common.metrics,
      uptimeSeconds: () => (elapsedMs() - startMs) / 1000,
    });
    this.#pipeline = this.#systemPipeline(STARTING);
    this.#server = new HttpServer({
      handle: this.handle,
      onParserFailure: (failure) => this.#pipeline.handleParserFailure(failure),
      onAcceptFailure: ({ message: reason }) => log.error('a connection could not be accepted', { reason }),
      connectionsMax,
      onConnectionsLowered: (connections) =>
        log.warn('MAX_CONNECTIONS is lowered, since `ulimit -n` or the heap allows fewer', { connections }),
      waitingBytesMax: limits.waitingBytesMax,
      turns: new TurnQueue(REQUESTS_AT_ONCE_MAX),
      timeouts: limits.timeouts,
    });
    this.#common.metrics.add(serverGauges({ log, backlog, server: this.#server, readiness }));
    for (const warning of warnings) log.warn(warning);
  }

  // The four are values, not methods, so that `createServer(app.handle)` works.
  /** Responds to one request; for use in a server of your own. */
  readonly handle = (request: IncomingMessage, response: ServerResponse): void => {
    void this.#pipeline.handle(request, response);
  };

  /** Opens the store and the keys. Before `open` and after `close`, requests get 503. */
  readonly open = async (): Promise<void> => {
    if (this.#closing !== null) throw new JotError('unavailable', CLOSING);
    this.#opening ??= this.#open().catch((error) => {
      this.#opening = null;
      throw error;
    });
    await this.#opening;
  };

  /**
   * Listens on the host and port of the settings, then calls `open`. Resolves to a URL that works
   * on this machine, `http://127.0.0.1:3000`, or `http://localhost:3000` if it listens on every
   * address.
   */
  readonly listen = async (): Promise<string> => {
    if (this.#closing !== null) throw new JotError('unavailable', CLOSING);
    const { address, port, family } = await this.#server.listen(this.config.port, this.config.host);
    await this.open().catch(async (error) => {
      await this.#server.close();
      throw error;
    });
    if (this.#closing !== null) throw new JotError('unavailable', 'Jot was closed while it started');
    // A client cannot portably connect to the unspecified address.
    const name = family === 'IPv6' ? `[${address}]` : address;
    return `http://${isUnspecified(address) ? 'localhost' : name}:${port}`;
  };

  /**
   * Finishes requests in progress (for ten seconds at most), flushes, and releases the port and the data file.
   *
   * @param signal The reason, for the log.
   */
  readonly close = (signal?: string): Promise<void> => {
    this.#closing ??= this.#close(signal);
    return this.#closing;
  };

  async #open(): Promise<void> {
    const { config } = this;
    const { now, log, metrics } = this.#common;
    const answers = async () => {
      await this.open();
      return this.#answers;
    };
    const store = await openStore(config.databaseUrl, { now, log, answers, capacity: config.capacity });
    const api = await createApi(config, store, this.#common).catch(async (error) => {
      await store.close();
      throw error;
    });
    this.#store = store;
    this.#gate = api.gate;
    this.#answers = {
      ...userRequests({ ...config, store, now, log }),
      ...keyRequests({ tokens: api.tokens, keyFile: keyFileOf(config), log }),
    };
    const endpoints = [...api.endpoints, ...this.#systemEndpoints];
    this.#endpoints = endpoints.filter(({ access }) => access.kind !== 'closed');
    metrics.add(apiGauges(api));
    this.#pipeline = new Pipeline({ ...this.#common, ...api, endpoints, elsewhere: null });
    this.#stopSweeping = startSweeping({ store, now, log });
  }

  // While the store is not open, every endpoint but the system ones responds with 503.
  #systemPipeline(reason: string): Pipeline {
    const elsewhere = new JotError('unavailable', reason);
    return new Pipeline({ ...this.#common, ...WITHOUT_STORE, endpoints: this.#systemEndpoints, elsewhere });
  }

  async #close(signal: string | undefined): Promise<void> {
    const { log } = this.#common;
    log.info('shutting down', { signal, requests: this.#server.requests });
    this.#gate?.hurry(CLOSING, HASH_WAIT_CLOSING_MS_MAX);
    const opened = settlesWithin(this.#opening ?? Promise.resolve(), this.#shutdownMs);
    const cut = await this.#server.close();
    if (!(await opened)) {
      log.warn('the start did not finish in time and was abandoned');
      this.#opening?.then(this.#release).catch(() => undefined);
    }
    await this.#release();
    log.info('stopped', { connections_cut: cut });
  }

  readonly #release = async (): Promise<void> => {
    this.#pipeline = this.#systemPipeline(CLOSING);
    this.#stopSweeping();
    await this.#store?.close();
  };

  async #readiness(): Promise<StoreStatus> {
    if (this.#closing !== null) return { ok: false, reason: CLOSING };
    return (await this.#store?.status()) ?? { ok: false, reason: STARTING };
  }
}

async function createApi(config: Config, store: Store, { now, log }: Pick<CommonOptions, 'now' | 'log'>) {
  const keys = await openKeys(config.secrets, keyFileOf(config), now, async (file) => {
    const sessions = await store.sessions.count();
    if (sessions === 0) return;
    log.warn('the key file was missing, so the tokens of all sessions are invalid', { file, sessions });
  });
  await warnOfExposure([filePath(config.databaseUrl), keyFileOf(config)], log);
  const { expirationMs, refreshExpirationMs } = config.tokens;
  const gate = new Gate({ concurrency: config.hashConcurrency });
  const parts = {
    store,
    now,
    gate,
    tokens: new Tokens(keys, config.tokens, now),
    passwords: await openPasswords({ store, cost: config.passwordCost, gate, log }),
    limiters: createLimiters(config.rates, now),
    loginGuard: new LoginGuard(config.rates.login, now),
    cache: createCache(config.cacheTtlMs, now),
    kept: createReplies(),
    signup: config.signup,
    passwordLengthMin: config.passwordLengthMin,
    authPrefixes: config.authPrefixes,
    expirationMs,
    lifetimeMs: Math.max(refreshExpirationMs, expirationMs),
    reuseLeewayMs: config.refreshReuseLeewayMs,
  };
  const endpoints = [
    // In the order of the documentation.
    ...auth(parts),
    ...sessions(parts),
    ...users(parts),
    ...posts(parts),
  ];
  const findRow = (name: CollectionName, id: Id) => store[name].find(id);
  return { ...parts, endpoints, identify: createIdentify(parts), findRow };
}

function isUnspecified(address: string): boolean {
  return address === '0.0.0.0' || address === '::';
}

/** Resolves to whether the work settles within this time. */
function settlesWithin(work: Promise<unknown>, ms: number): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms, false);
    const settle = () => {
      clearTimeout(timer);
      resolve(true);
    };
    work.then(settle, settle);
  });
}

function createCache(ttlMs: number | null, now: () => number): ResponseCache | null {
  return ttlMs === null ? null : new TtlCache({ ttlMs, max: REPLIES_MAX, now, ...repliesBounds });
}
