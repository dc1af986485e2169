// Warnings about a `TRUST_PROXY` that does not match the requests. A wrong setting causes no error:
// all clients of the proxy share its address, and thus one bucket, until the busiest client locks
// the others out. A warning for each such request would fill the log, since any client can send
// `X-Forwarded-For`. So each of the two warnings is logged once per process.

import type { IncomingMessage } from 'node:http';
import type { Log } from '../lib/log.ts';
import type { TrustedProxies } from './address.ts';

const UNTRUSTED = 'X-Forwarded-For is ignored, since TRUST_PROXY does not name its sender';
const SILENT =
  'an address in TRUST_PROXY sends no X-Forwarded-For; if it is a proxy, its clients share one rate limit';

/** Returns a function that checks a request. `address` is the result of `clientAddress`. */
export function createProxyWarnings(trusted: TrustedProxies, log: Log) {
  const warned = new Set<string>();
  return ({ socket, headers }: IncomingMessage, address: string): void => {
    const isForwarded = headers['x-forwarded-for'] !== undefined;
    const isTrusted = trusted.has(socket.remoteAddress ?? address);
    if (isForwarded === isTrusted) return;
    const message = isForwarded ? UNTRUSTED : SILENT;
    if (warned.has(message)) return;
    warned.add(message);
    log.warn(message, { address });
  };
}
