// The reasons for a response, step by step, in a `Server-Timing` header (W3C Server Timing). The
// network panel of a browser draws it, and `curl -i` prints it. For development only, since it
// reveals more than a stranger should see.

interface Entry {
  readonly name: string;
  readonly startMs: number;
  endMs: number;
  reason: string;
}

export class Trace {
  readonly #entries: Entry[] = [];
  readonly #elapsedMs: () => number;

  /** @param elapsedMs A clock that only runs forward, milliseconds. */
  constructor(elapsedMs: () => number) {
    this.#elapsedMs = elapsedMs;
  }

  /** Ends the current step and begins the next. */
  begin(name: string): void {
    this.#end();
    const startMs = this.#elapsedMs();
    this.#entries.push({ name, startMs, endMs: Number.NaN, reason: '' });
  }

  /** Records the reason for the result of the current step; never a secret. */
  because(reason: string): void {
    const entry = this.#entries.at(-1);
    if (entry !== undefined) entry.reason = reason;
  }

  /** Returns the header's value, and ends the last step. */
  toHeader(): string {
    this.#end();
    return this.#entries
      .map(({ name, startMs, endMs, reason }) => {
        const description = reason === '' ? '' : `;desc="${quotable(reason)}"`;
        return `${name};dur=${(endMs - startMs).toFixed(2)}${description}`;
      })
      .join(', ');
  }

  #end(): void {
    const entry = this.#entries.at(-1);
    if (entry !== undefined && Number.isNaN(entry.endMs)) entry.endMs = this.#elapsedMs();
  }
}

// RFC 9110 §5.6.4: a quoted string. The two characters that would end or escape it are replaced.
function quotable(text: string): string {
  return text
    .replaceAll('"', "'")
    .replaceAll('\\', '/')
    .replace(/[^\x20-\x7e]/g, '?');
}
