// Where the data file is, and what is said when the system does not let anybody get at it.

import { JotError } from '../../lib/errors.ts';

/**
 * Gives an error of the system a sentence.
 *
 * @param action What is done to the file meanwhile; `find` opens one that has to be there. Where these lie in each other, the inner one knows better.
 * @param path As it was given, which is how whoever reads the sentence knows the file.
 * @throws JotError `unavailable` with the error as its cause. A bug stays what it is.
 */
export async function explained<T>(
  action: 'find' | 'open' | 'read' | 'write',
  path: string,
  use: () => Promise<T>,
): Promise<T> {
  try {
    return await use();
  } catch (error) {
    if (!isOfSystem(error)) throw error;
    if (action === 'find' && 'code' in error && error.code === 'ENOENT') {
      const reason = `There is no data file ${path}; a start of the server makes the one that DATABASE_URL names`;
      throw new JotError('unavailable', reason, { cause: error });
    }
    const verb = action === 'find' ? 'open' : action;
    throw new JotError('unavailable', `Can't ${verb} the data file ${path}: ${error.message}`, {
      cause: error,
    });
  }
}

// Those of the system, a disk that takes no more bytes among them, are plain errors; a bug throws a `TypeError` or the like.
function isOfSystem(error: unknown): error is Error {
  return error instanceof Error && error.constructor === Error;
}
