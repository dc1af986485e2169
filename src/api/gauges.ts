// The metrics of the parts of Jot: gauges, such as stored rows, queued work and open sockets, and
// counters that the parts keep.

import type { Gate } from '../auth/gate.ts';
import type { Backlog } from '../http/backlog.ts';
import type { HttpServer } from '../http/server.ts';
import type { Metric } from '../lib/metric.ts';
import type { Limiters } from '../limit/limiter.ts';
import type { LoginGuard } from '../limit/login-guard.ts';
import { collectionNames } from '../store/collections.ts';
import type { Store, StoreStatus } from '../store/store.ts';
import type { ResponseCache } from './handle.ts';
import type { Replies } from './marshal.ts';

interface ApiParts {
  readonly store: Store;
  readonly gate: Gate;
  readonly limiters: Limiters;
  readonly loginGuard: LoginGuard;
  readonly cache: ResponseCache | null;
  readonly kept: Replies;
}

export function apiGauges({ store, gate, limiters, loginGuard, cache, kept }: ApiParts): Metric[] {
  return [
    ...collectionNames.map((name) => ({
      name: `jot_${name}`,
      help: `Stored ${name}.`,
      read: () => store[name].count(),
    })),
    {
      name: 'jot_store_bytes',
      help: 'Memory of the stored rows.',
      read: async () => (await store.usage()).bytes.used,
    },
    {
      name: 'jot_store_bytes_max',
      help: 'Memory of the stored rows above which the store is full.',
      read: async () => (await store.usage()).bytes.max,
    },
    ...store.metrics,
    { name: 'jot_hashes_running', help: 'Passwords being hashed.', read: () => gate.running },
    { name: 'jot_hashes_queued', help: 'Passwords waiting to be hashed.', read: () => gate.queued },
    {
      name: 'jot_limiter_keys',
      help: 'Users, addresses and names with a bucket, by limit.',
      read: () => {
        const sizes = [...limiters].map(([name, { size }]) => [`limit="${name}"`, size]);
        return { ...Object.fromEntries(sizes), 'limit="login"': loginGuard.size };
      },
    },
    { name: 'jot_cache_entries', help: 'Responses stored.', read: () => kept.size + (cache?.size ?? 0) },
    {
      name: 'jot_cache_bytes',
      help: 'Bytes of the responses stored.',
      read: () => kept.bytes + (cache?.bytes ?? 0),
    },
  ];
}

interface ServerParts {
  readonly log: { readonly linesLost: number };
  readonly backlog: Backlog;
  readonly server: HttpServer;
  readonly readiness: () => Promise<StoreStatus>;
}

export function serverGauges({ log, backlog, server, readiness }: ServerParts): Metric[] {
  return [
    {
      name: 'jot_ready',
      help: 'Whether /readyz responds with 200: 1 or 0.',
      read: async () => Number((await readiness()).ok),
    },
    { name: 'jot_log_lines_lost_total', help: 'Log lines that were dropped.', read: () => log.linesLost },
    {
      name: 'jot_backlog_bytes',
      help: 'Bytes of unread responses and unfinished bodies.',
      read: () => backlog.bytes,
    },
    {
      name: 'jot_backlog_cuts_total',
      help: 'Connections cut for holding too many bytes.',
      read: () => backlog.cuts,
    },
    { name: 'jot_connections', help: 'Open sockets.', read: () => server.connections },
    {
      name: 'jot_connections_refused_total',
      help: 'Connections closed because there were too many.',
      read: () => server.refused,
    },
    { name: 'process_resident_memory_bytes', help: 'Memory in use.', read: () => process.memoryUsage.rss() },
    {
      name: 'process_start_time_seconds',
      help: 'Start of the process, in seconds since the Unix epoch.',
      read: () => performance.timeOrigin / 1000,
    },
  ];
}
