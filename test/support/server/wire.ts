// A client that writes the bytes of HTTP itself, on one connection: stands in for pipelining, slow, malformed and hostile
// clients, none of which Node's own client can be. Responses are parsed one by one.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type IncomingHttpHeaders, STATUS_CODES } from 'node:http';
import { connect, type Socket } from 'node:net';

export interface WireAnswer {
  readonly status: number;
  /** By lower-case name; repeated ones joined with a comma. */
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  /** The parsed body; undefined if it is empty or not JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: tests assert what is in it.
  readonly json: any;
}

export class Wire {
  /** How the connection ended: `end`, or the code of the socket's error, such as `ECONNRESET`. */
  readonly closed: Promise<string>;
  readonly #socket: Socket;
  #unread: Buffer = Buffer.alloc(0);
  #ended: string | null = null;
  #onChange: () => void = () => undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    let outcome = 'end';
    socket.on('data', (chunk) => {
      this.#unread = Buffer.concat([this.#unread, chunk]);
      this.#onChange();
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      outcome = error.code ?? error.message;
    });
    this.closed = new Promise((resolve) => {
      socket.on('close', () => {
        this.#ended = outcome;
        this.#onChange();
        resolve(outcome);
      });
    });
  }

  static async open(port: number, ...pieces: (string | Uint8Array)[]): Promise<Wire> {
    const socket = connect(port, '127.0.0.1');
    const wire = new Wire(socket);
    await once(socket, 'connect');
    wire.write(...pieces);
    return wire;
  }

  write(...pieces: (string | Uint8Array)[]): void {
    for (const piece of pieces) this.#socket.write(piece);
  }

  /**
   * Writes the bytes; resolves once the kernel has accepted them, or to false if the connection
   * broke.
   */
  flush(piece: string | Uint8Array): Promise<boolean> {
    return new Promise((resolve) => this.#socket.write(piece, (error) => resolve(!error)));
  }

  /** Stops reading until `resume`, so that the server's send buffer fills up. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Half-closes the connection; reading continues. */
  end(): void {
    this.#socket.end();
  }

  /** Breaks the connection with a reset. */
  reset(): void {
    this.#socket.resetAndDestroy();
  }

  /** Resolves to the next response, interim ones included; the response to a HEAD has no body. */
  async answer(method = 'GET'): Promise<WireAnswer> {
    for (;;) {
      const taken = takeAnswer(this.#unread, method);
      if (taken !== null) {
        this.#unread = taken.rest;
        return taken.answer;
      }
      if (this.#ended !== null) {
        throw new Error(`No answer, ${this.#ended}: ${JSON.stringify(this.#unread.toString('latin1'))}`);
      }
      await new Promise<void>((resolve) => {
        this.#onChange = resolve;
      });
    }
  }

  /** Bytes received after the last parsed response. */
  get unread(): string {
    return this.#unread.toString('latin1');
  }
}

/** Asserts that the response is an error in the one shape, with the headers of every response. */
export function assertError(
  { status, headers, text, json }: Omit<WireAnswer, 'headers'> & { headers: IncomingHttpHeaders },
  expected: number,
  error = expected === 413 ? 'Content Too Large' : STATUS_CODES[expected],
): void {
  assert.equal(status, expected, text);
  assert.deepEqual([json.status_code, json.error], [expected, error]);
  assert.match(json.description, /^[ -~]{8,}$/);
  assert.match(text, /^[^\n]+\n$/);
  assert.equal(headers['content-type'], 'application/json; charset=utf-8');
  assert.equal(headers['content-length'], String(Buffer.byteLength(text)));
  assert.equal(headers['x-content-type-options'], 'nosniff');
  assert.match(String(headers['x-request-id']), /^[A-Za-z0-9._-]{1,64}$/);
}

function takeAnswer(bytes: Buffer, method: string): { answer: WireAnswer; rest: Buffer } | null {
  const headEnd = bytes.indexOf('\r\n\r\n');
  if (headEnd === -1) return null;
  const [statusLine = '', ...lines] = bytes.subarray(0, headEnd).toString('latin1').split('\r\n');
  const parts = /^HTTP\/1\.1 (\d{3}) [ -~]+$/.exec(statusLine);
  if (parts === null) throw new Error(`Not a status line: ${statusLine}`);
  const status = Number(parts[1]);
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const [, name = '', value = ''] = /^([\w-]+): ?(.*)$/.exec(line) ?? [];
    if (name === '') throw new Error(`Not a header: ${line}`);
    const key = name.toLowerCase();
    headers[key] = headers[key] === undefined ? value : `${headers[key]}, ${value}`;
  }
  const isBare = method === 'HEAD' || status < 200 || status === 204 || status === 304;
  const bodyEnd = headEnd + 4 + (isBare ? 0 : Number(headers['content-length']));
  if (bytes.length < bodyEnd) return null;
  const text = bytes.subarray(headEnd + 4, bodyEnd).toString();
  const isJson = text !== '' && headers['content-type']?.startsWith('application/json');
  const json = isJson ? JSON.parse(text) : undefined;
  return { answer: { status, headers, text, json }, rest: bytes.subarray(bodyEnd) };
}
