// What an operator can watch going up and down: what is stored, what is under way, what is remembered.

import type { Gate } from '../auth/gate.ts';
import type { Backlog } from '../http/backlog.ts';
import type { HttpServer } from '../http/server.ts';
import type { Limiter } from '../limit/limiter.ts';
import type { LoginGuard } from '../limit/login-guard.ts';
import type { Store } from '../store/store.ts';
import type { AdmitOptions } from './admit.ts';
import type { ResponseCache } from './handle.ts';
import type { Gauge } from './metrics.ts';

export interface Watched {
  readonly store: Store;
  readonly gate: Gate;
  readonly loginGuard: LoginGuard;
  readonly cache: ResponseCache | null;
}

export function gaugesOf({ store, gate, loginGuard, cache }: Watched): Gauge[] {
  return [
    { name: 'jot_users', help: 'Users.', read: () => store.users.count() },
    { name: 'jot_posts', help: 'Posts.', read: () => store.posts.count() },
    {
      name: 'jot_sessions',
      help: 'Sessions, the expired ones among them.',
      read: () => store.sessions.count(),
    },
    { name: 'jot_hashes_running', help: 'Passwords being hashed.', read: () => gate.running },
    { name: 'jot_hashes_queued', help: 'Passwords waiting to be hashed.', read: () => gate.queued },
    {
      name: 'jot_login_keys',
      help: 'Buckets of wrong passwords: one for each name, and one for each name and address.',
      read: () => loginGuard.size,
    },
    { name: 'jot_cache_entries', help: 'Responses in the cache.', read: () => cache?.size ?? 0 },
    { name: 'process_resident_memory_bytes', help: 'Memory in use.', read: () => process.memoryUsage.rss() },
  ];
}

interface Sockets {
  readonly log: { readonly linesLost: number };
  readonly backlog: Backlog;
  readonly server: HttpServer;
}

export function socketGauges({ log, backlog, server }: Sockets): Gauge[] {
  return [
    { name: 'jot_log_lines_lost', help: 'Lines that no log took.', read: () => log.linesLost },
    { name: 'jot_backlog_bytes', help: 'Held for clients that do not read.', read: () => backlog.bytes },
    { name: 'jot_backlog_cuts', help: 'Connections cut for that.', read: () => backlog.cuts },
    { name: 'jot_connections', help: 'Open sockets.', read: () => server.connections },
  ];
}

export function limiterGauge({ byCaller, byAddress }: AdmitOptions): Gauge {
  const sizeOf = (limiter: Limiter | null) => limiter?.size ?? 0;
  return {
    name: 'jot_limiter_keys',
    help: 'Buckets of callers: of RATE_LIMIT one for each user or address, of RATE_LIMIT_AUTH one for each address.',
    read: () => sizeOf(byCaller) + sizeOf(byAddress),
  };
}
