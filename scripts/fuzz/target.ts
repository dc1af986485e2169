// The server under test, in this process. It has the settings of production, except for cheap
// hashing, short-lived tokens and unlimited sign-ups. Its clock is advanced by the fuzzer.

import { createApp } from '../../src/app.ts';

export interface Target {
  readonly port: number;
  /** Advances its clock. */
  pass(ms: number): void;
  close(): Promise<void>;
}

export const SETTINGS = {
  NODE_ENV: 'production',
  DATABASE_URL: 'memory:',
  PASSWORD_COST: 'ln=1,r=1,p=1',
  LOG: 'off',
  RATE_LIMIT_SIGNUP: 'off',
  JWT_EXPIRATION_DELTA: '60s',
  JWT_LEEWAY: '0',
};

export async function openTarget(): Promise<Target> {
  let nowMs = Date.UTC(2026, 10, 23);
  const app = createApp({ settings: { ...SETTINGS, PORT: '0' }, now: () => nowMs });
  const { port } = new URL(await app.listen());
  return {
    port: Number(port),
    pass(ms) {
      nowMs += ms;
    },
    close: () => app.close(),
  };
}
