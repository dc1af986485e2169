// The request by which a running server reads its key file again, after a command has changed it. If it cannot, it keeps the
// keys that it has, and the operator sees why.

import { readKeyFile } from '../auth/key-file.ts';
import type { Tokens } from '../auth/tokens.ts';
import { JotError } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import { array, object, text } from '../schema/schema.ts';
import type { ControlHandlers } from '../store/store.ts';

export interface KeyRequestsOptions {
  readonly tokens: Tokens;
  /** Null if the keys are not in a file. */
  readonly keyFile: string | null;
  readonly log: Log;
}

/** The keys in use, the one that signs first. */
export const keysInUse = object({ kids: array(text()) });

export function keyRequests({ tokens, keyFile, log }: KeyRequestsOptions): ControlHandlers {
  return {
    async 'keys reload'() {
      if (keyFile === null) {
        throw new JotError('unavailable', 'JWT_SECRET_KEY is set for the server, so it uses no key file');
      }
      try {
        tokens.useKeys(await readKeyFile(keyFile));
      } catch (error) {
        const { message: reason } = error as Error;
        log.error('the key file could not be read again; the keys stay as they are', { reason });
        throw error;
      }
      log.info('the key file was read again', { kids: tokens.kids });
      return keysInUse.marshal({ kids: tokens.kids });
    },
  };
}
