// The reasons for which stored data is rejected. The caller adds the place.

/** The data is not as it was written. */
export class DamageError extends Error {
  override readonly name: string = 'DamageError';
}

/** The data was written by a newer Jot, so it may mean more than this one can read. */
export class NewerError extends DamageError {
  override readonly name = 'NewerError';
  /** Whether a checksum proves it; otherwise it may be damage. */
  readonly isCertain: boolean;

  constructor(message: string, isCertain = true) {
    super(message);
    this.isCertain = isCertain;
  }
}

/** The line is not whole, as a crash may have left it. */
export class TornError extends DamageError {
  override readonly name = 'TornError';
}

/** The file begins like no data file: it may be another program's. */
export class NotJotError extends DamageError {
  override readonly name = 'NotJotError';
}
