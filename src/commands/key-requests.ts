// The request on which a running server reads its key file again, after a command has changed the
// file. If the file is unusable, the server keeps its keys, and the command reports the reason.

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

/** The ids of the keys in use; the first key signs. */
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
        log.error('cannot reload the key file; the keys stay unchanged', { reason });
        throw error;
      }
      log.info('reloaded the key file', { kids: tokens.kids });
      return keysInUse.marshal({ kids: tokens.kids });
    },
  };
}
