// What whoever runs the server may ask of it about its signing keys. The key file is changed by the command; the server only
// reads it again. If it can't, it goes on with the keys that it has, and whoever asked is told.

import { readKeyFile } from '../auth/key-file.ts';
import type { Tokens } from '../auth/tokens.ts';
import { JotError } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import { array, object, text } from '../schema/schema.ts';
import type { ControlHandlers } from '../store/store.ts';

export interface KeyRequestsOptions {
  readonly tokens: Tokens;
  /** Null when the keys are not in a file. */
  readonly keyFile: string | null;
  readonly log: Log;
}

/** The keys in use, the one that signs first. */
export const keysInUse = object({ kids: array(text()) });

export function keyRequests({ tokens, keyFile, log }: KeyRequestsOptions): ControlHandlers {
  const requireFile = () => {
    if (keyFile !== null) return keyFile;
    throw new JotError('unavailable', 'JWT_SECRET_KEY is set for the server, so it uses no key file');
  };
  const inUse = () => keysInUse.marshal({ kids: tokens.kids });
  return {
    async 'keys list'() {
      requireFile();
      return inUse();
    },

    async 'keys reload'() {
      const path = requireFile();
      try {
        tokens.useKeys(await readKeyFile(path));
      } catch (error) {
        const { message: reason } = error as Error;
        log.error('the key file could not be read again; the keys stay as they are', { reason });
        throw error;
      }
      log.info('the key file was read again', { kids: tokens.kids });
      return inUse();
    },
  };
}
