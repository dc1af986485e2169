// The reasons for a response, step by step, as a `Server-Timing` header (W3C Server Timing): a browser's network panel
// draws it, `curl -i` prints it. For development only, since it shows more than a stranger should know.

export type StepName =
  | 'parse'
  | 'route'
  | 'identify'
  | 'admit'
  | 'authorize'
  | 'validate'
  | 'condition'
  | 'cache'
  | 'handle'
  | 'marshal';

interface Entry {
  readonly name: StepName;
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

  /** The next step begins, and with it ends the one before. */
  begin(name: StepName): void {
    this.#end();
    const startMs = this.#elapsedMs();
    this.#entries.push({ name, startMs, endMs: Number.NaN, reason: '' });
  }

  /** Why the current step came out as it did; never a secret. */
  because(reason: string): void {
    const entry = this.#entries.at(-1);
    if (entry !== undefined) entry.reason = reason;
  }

  /** The header's value; the last step ends here. */
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

// RFC 9110 §5.6.4: what a quoted string can hold, with the two characters that would end it replaced.
function quotable(text: string): string {
  return text
    .replaceAll('"', "'")
    .replaceAll('\\', '/')
    .replace(/[^\x20-\x7e]/g, '?');
}
