// A server with the real pipeline and endpoints that a test declares: stands in for the application
// if a test needs its own handlers, for example one that throws or never resolves.

import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { Endpoint } from '../../../src/api/endpoint.ts';
import { createIdentify } from '../../../src/api/identify.ts';
import { Metrics } from '../../../src/api/metrics.ts';
import { Pipeline, type PipelineOptions, WITHOUT_STORE } from '../../../src/api/pipeline.ts';
import { randomKey } from '../../../src/auth/keys.ts';
import { Tokens } from '../../../src/auth/tokens.ts';
import { parseConfig } from '../../../src/config.ts';
import { BACKLOG_BYTES_MAX, Backlog } from '../../../src/http/backlog.ts';
import { WAITING_BYTES_MAX } from '../../../src/http/connection.ts';
import { DEFAULT_TIMEOUTS, HttpServer } from '../../../src/http/server.ts';
import { TurnQueue } from '../../../src/http/turn-queue.ts';
import { createLog, type LogFormat } from '../../../src/lib/log.ts';
import { openStore } from '../../../src/store/open.ts';
import { type CallOptions, START_MS, send } from './server.ts';

export interface PipelineSettings extends Partial<PipelineOptions> {
  readonly turns?: TurnQueue;
  readonly logFormat?: LogFormat;
}

export async function startPipeline(
  t: Pick<TestContext, 'after'>,
  endpoints: readonly Endpoint[],
  { logFormat = 'json', turns = new TurnQueue(64), ...options }: PipelineSettings = {},
) {
  const clock = { ms: START_MS };
  const now = () => clock.ms;
  const log: string[] = [];
  const { bodyBytesMax, trustProxy, corsOrigin, authPrefixes, tokens: settings } = parseConfig({});
  const store = await openStore('memory:');
  const tokens = new Tokens([randomKey()], settings, now);
  const pipeline: Pipeline = new Pipeline({
    ...{ endpoints, bodyBytesMax, trustProxy, corsOrigin, now },
    ...WITHOUT_STORE,
    identify: createIdentify({ store, tokens, authPrefixes, now }),
    elsewhere: null,
    basePath: '',
    bodyTurns: new TurnQueue(64),
    responseTurns: new TurnQueue(64),
    backlog: new Backlog({ bytesMax: BACKLOG_BYTES_MAX, onCut: () => assert.fail('nobody reads') }),
    authPrefixes,
    metricsToken: null,
    explain: false,
    log: createLog({ format: logFormat, write: (line) => log.push(line), now }),
    metrics: new Metrics(),
    elapsedMs: () => performance.now(),
    isClosing: () => false,
    ...options,
  });
  const server = new HttpServer({
    handle: (request, response) => void pipeline.handle(request, response),
    onParserFailure: (failure) => pipeline.handleParserFailure(failure),
    onAcceptFailure: (error) => assert.fail(error),
    onConnectionsLowered: () => undefined,
    connectionsMax: 100,
    waitingBytesMax: WAITING_BYTES_MAX,
    turns,
    timeouts: DEFAULT_TIMEOUTS,
  });
  const { port } = await server.listen(0, '127.0.0.1');
  t.after(() => server.close());
  const call = (method: string, path: string, callOptions: CallOptions = {}) =>
    send(port, method, path, callOptions);
  return { clock, log, port, call };
}
