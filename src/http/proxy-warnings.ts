// Warnings about a `TRUST_PROXY` that does not match the requests. With the wrong setting, nothing
// fails: all clients of the proxy only share its address, and thus one bucket, until the busiest of
// them locks the others out. A warning for each such request would fill the log, since any client can
// send `X-Forwarded-For`. So each of the two is logged once in the life of the process.

import type { IncomingMessage } from 'node:http';
import type { Log } from '../lib/log.ts';
import type { TrustedProxies } from './address.ts';

const UNTRUSTED = 'X-Forwarded-For is ignored, since TRUST_PROXY does not name its sender';
const SILENT =
  'an address in TRUST_PROXY sends no X-Forwarded-For; if it is a proxy, its clients share one rate limit';

/** Returns a function that checks a request whose client, as `clientAddress` returned it, is charged. */
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
