// Writes log lines to standard output: a terminal, a file or a pipe. The obvious solution,
// `process.stdout`, fails in three ways. Its stream for a file is destroyed by its first error, so
// a disk that is full for a moment ends the log. Its queue for a pipe has no bound. And
// `process.exit` discards that queue.
//
// So this file writes to the descriptor. The lines of one event-loop turn share a system call,
// since a call costs more than the request that a line describes. If a pipe is full, lines wait in
// a buffer of fixed size, and further lines are dropped. After any other error, the waiting lines
// are dropped and the next lines are tried. Dropped lines are counted, and a line in the log
// reports them as soon as a write succeeds.
//
// Left out: a terminal that is stopped with Ctrl-S. It blocks the process, as it does with
// `process.stdout`.

import { setTimeout as delay } from 'node:timers/promises';

// Pages of the buffer that were never used take no memory.
const WAITING_BYTES_MAX = 4 * 1024 * 1024;
// Interval of attempts while a pipe is full.
const RETRY_MS = 5;
const NEWLINE = 0x0a;

export interface LineOutputOptions {
  /**
   * Writes without waiting, as `fs.writeSync` to a non-blocking descriptor: returns the number of
   * bytes written, or throws `EAGAIN` if a pipe is full.
   */
  readonly write: (bytes: Uint8Array) => number;
  /** Called when a write succeeds after lines were dropped; may add a line. */
  readonly onResume: () => void;
}

export class LineOutput {
  readonly #options: LineOutputOptions;
  /** Lines of the current turn. */
  #text = '';
  readonly #buffer = Buffer.allocUnsafeSlow(WAITING_BYTES_MAX);
  /** Number of bytes in the buffer. */
  #waiting = 0;
  /** Whether the beginning of the first line has been written. */
  #isTorn = false;
  #retry: NodeJS.Timeout | null = null;
  #linesLost = 0;
  #isLossReported = true;

  constructor(options: LineOutputOptions) {
    this.#options = options;
  }

  /** Number of lines dropped. */
  get linesLost(): number {
    return this.#linesLost;
  }

  /** Adds a line, its newline included. */
  readonly add = (line: string): void => {
    if (this.#text === '') setImmediate(this.flush);
    this.#text += line;
  };

  /** Writes the added lines, unless older lines wait. Must be called before the process ends. */
  readonly flush = (): void => {
    const text = this.#text;
    this.#text = '';
    if (Buffer.byteLength(text) > WAITING_BYTES_MAX - this.#waiting) this.#lose(Buffer.from(text));
    else this.#waiting += this.#buffer.write(text, this.#waiting);
    if (this.#retry === null) this.#write();
  };

  /** Resolves when every line has been written, or after about this time. */
  async drain(timeoutMs: number): Promise<void> {
    this.flush();
    for (let ms = 0; ms < timeoutMs && (this.#waiting > 0 || this.#text !== ''); ms += RETRY_MS) {
      await delay(RETRY_MS);
      this.flush();
    }
  }

  #write(): void {
    this.#retry = null;
    while (this.#waiting > 0) {
      try {
        const written = this.#options.write(this.#buffer.subarray(0, this.#waiting));
        this.#isTorn = this.#buffer[written - 1] !== NEWLINE;
        this.#buffer.copyWithin(0, written, this.#waiting);
        this.#waiting -= written;
      } catch (error) {
        this.#onFailure(error as NodeJS.ErrnoException);
        return;
      }
      if (!this.#isLossReported) {
        this.#isLossReported = true;
        this.#options.onResume();
      }
    }
  }

  // A line whose beginning has been written is kept, since its end belongs before the next line.
  // The next reader of a closed pipe cannot use the rest of such a line.
  #onFailure({ code }: NodeJS.ErrnoException): void {
    if (code === 'EAGAIN') {
      this.#retry = setTimeout(() => this.#write(), RETRY_MS);
      return;
    }
    if (code === 'EPIPE') this.#isTorn = false;
    const kept = this.#isTorn ? this.#buffer.indexOf(NEWLINE) + 1 : 0;
    this.#lose(this.#buffer.subarray(kept, this.#waiting));
    this.#waiting = kept;
  }

  #lose(lines: Uint8Array): void {
    for (let at = lines.indexOf(NEWLINE); at !== -1; at = lines.indexOf(NEWLINE, at + 1)) {
      this.#linesLost++;
      this.#isLossReported = false;
    }
  }
}
