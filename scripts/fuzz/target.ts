// The server that is asked: a whole one in this process, with the settings of production but for hashing, which would be
// most of the time, and with a clock that is moved by hand.

import { createApp } from '../../src/app.ts';
import type { Target } from './steps.ts';

const START_MS = Date.UTC(2026, 10, 23, 12, 0, 0);

export const SETTINGS: Readonly<Record<string, string>> = {
  NODE_ENV: 'production',
  DATABASE_URL: 'memory:',
  PASSWORD_COST: 'ln=1,r=1,p=1',
  LOG: 'off',
  JWT_EXPIRATION_DELTA: '60s',
  JWT_LEEWAY: '0',
  RATE_LIMIT_AUTH: '600/m',
};

export async function openTarget(): Promise<Target> {
  const clock = { ms: START_MS };
  const app = createApp({ settings: { ...SETTINGS, PORT: '0' }, now: () => clock.ms });
  const { port } = new URL(await app.listen());
  return {
    port: Number(port),
    pass(ms) {
      clock.ms += ms;
    },
    close: () => app.close(),
  };
}
