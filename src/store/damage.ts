// The reasons to reject stored data. The caller adds the line and byte.

/** The data differs from what was written. */
export class DamageError extends Error {
  override readonly name: string = 'DamageError';
}

/** A newer Jot wrote the data, so it may hold things that this Jot cannot interpret. */
export class NewerError extends DamageError {
  override readonly name = 'NewerError';
  /** Whether a checksum proves it; otherwise the cause may be damage. */
  readonly isCertain: boolean;

  constructor(message: string, isCertain = true) {
    super(message);
    this.isCertain = isCertain;
  }
}

/** The line is incomplete, as a crash may leave it. */
export class TornError extends DamageError {
  override readonly name = 'TornError';
}

/** The file does not begin like a data file, so it may belong to another program. */
export class NotJotError extends DamageError {
  override readonly name = 'NotJotError';
}
