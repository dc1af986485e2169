import type { ConnectionOptions, TlsOptions } from 'node:tls';

export const serverTls: TlsOptions;
export const clientTls: ConnectionOptions;
