// The endpoints about the server itself: the list of endpoints, the documentation, liveness,
// readiness and metrics.

import { anyone, type Endpoint, endpoint, operator } from '../api/endpoint.ts';
import type { Metrics } from '../api/metrics.ts';
import { JotError } from '../lib/errors.ts';
import { anything, array, integer, object, text } from '../schema/schema.ts';
import type { StoreStatus } from '../store/store.ts';

export interface SystemOptions {
  readonly version: string;
  /** All documented endpoints. */
  readonly endpoints: () => readonly Endpoint[];
  /** Returns the OpenAPI document as JSON. */
  readonly document: (endpoints: readonly Endpoint[]) => string;
  /** Whether the store serves requests, and the reason if not. */
  readonly readiness: () => Promise<StoreStatus>;
  readonly metrics: Metrics;
  /** Put before every path in the index; default: '', for none. */
  readonly basePath?: string;
  /** Seconds since the start. */
  readonly uptimeSeconds: () => number;
}

const common = { method: 'GET', group: 'system', access: anyone, limits: [] } as const;
const status = text({ example: 'ok' });

export function system(options: SystemOptions): Endpoint[] {
  const { version, endpoints, document, readiness, metrics, uptimeSeconds, basePath = '' } = options;
  return [
    endpoint({
      ...common,
      path: '/',
      summary: 'See what is here',
      response: object({
        name: text({ example: 'jot' }),
        version: text({ example: '0.1.0' }),
        documentation: text({ example: '/openapi.json' }),
        endpoints: array(object({ method: text(), path: text(), summary: text() })),
      }),
      handle: async () => ({
        name: 'jot',
        version,
        documentation: `${basePath}/openapi.json`,
        endpoints: endpoints().map((each) => ({ ...each, path: basePath + each.path })),
      }),
    }),

    endpoint({
      ...common,
      path: '/openapi.json',
      summary: 'Read this documentation',
      // It is JSON already.
      response: anything({ description: 'An OpenAPI 3.1 document.' }),
      handle: async () => document(endpoints()),
    }),

    endpoint({
      ...common,
      path: '/healthz',
      summary: 'Is the process alive?',
      response: object({ status, version: text(), uptime_seconds: integer({ min: 0 }) }),
      handle: async () => ({ status: 'ok', version, uptime_seconds: Math.floor(uptimeSeconds()) }),
    }),

    endpoint({
      ...common,
      path: '/readyz',
      summary: 'Would a request be served?',
      response: object({ status }),
      async handle() {
        const readied = await readiness();
        if (!readied.ok) throw new JotError('unavailable', readied.reason);
        return { status: 'ok' };
      },
    }),

    endpoint({
      ...common,
      path: '/metrics',
      summary: 'Read the counts, for Prometheus',
      access: operator,
      response: text(),
      contentType: 'text/plain; version=0.0.4; charset=utf-8',
      handle: () => metrics.render(),
    }),
  ];
}
