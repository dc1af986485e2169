// A reply: a response as a value. Only this file writes replies to sockets, so headers cannot be
// sent twice.

import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { hasBody, hasCertainEnd } from './body.ts';
import { DISCARDED_BYTES_MAX, DISCARDED_MS_MAX } from './discard.ts';

/** Headers as name, value, name, value: the cheapest form for Node. */
export type HeaderList = readonly string[];

// A body this long is written as bytes outside V8's heap, which clients that do not read would
// fill. As a string, it could also take twice the memory: a single `Ā` doubles a string but not its
// UTF-8. A shorter body is written faster as a string.
const LONG_LENGTH = 64 * 1024;

export interface Reply {
  readonly status: number;
  readonly headers: HeaderList;
  /** Null for a response without content (204, 304). */
  readonly body: string | null;
  /** Length of the body in bytes, if already known. */
  readonly length?: number;
  /** Id of the user whom the request identified, for the log. */
  readonly user?: number | undefined;
}

export interface SendOptions {
  /** All headers except those about the body and the connection, which `send` appends to this list. */
  readonly headers: string[];
  /** Whether to close the connection after the reply. */
  readonly close: boolean;
  /** Maximum length of an unread body that is discarded to keep the connection. */
  readonly bodyBytesMax: number;
}

/** Returns a JSON reply; the newline keeps a shell's prompt clean. */
export function jsonReply(status: number, content: unknown, headers: HeaderList = []): Reply {
  const body = `${JSON.stringify(content)}\n`;
  return { status, headers: ['Content-Type', 'application/json; charset=utf-8', ...headers], body };
}

/** Writes the reply, unless a reply was already written or the client has disconnected. */
export function send(
  request: IncomingMessage,
  response: ServerResponse,
  reply: Omit<Reply, 'headers'>,
  options: SendOptions,
): void {
  if (response.headersSent || response.destroyed) return;
  const discard = mustDiscard(request, options.bodyBytesMax);
  const { headers } = options;
  const { status, body, length = Buffer.byteLength(body ?? '') } = reply;
  if (body !== null) headers.push('Content-Length', String(length));
  if (options.close || discard || !hasCertainEnd(request)) headers.push('Connection', 'close');
  response.writeHead(status, headers);
  const content = request.method === 'HEAD' ? '' : (body ?? '');
  // Declaring ASCII spares Node the search for longer characters: 2 of the 50 µs for a list of 9
  // KB.
  if (content !== '') writeWithHead(response, content, length === content.length ? 'latin1' : 'utf8');
  if (!discard) {
    response.end();
    return;
  }
  response.flushHeaders();
  endAfterBody(request, response);
}

// Discards the body, for a while: with unread data the kernel would send a reset (see `discard.ts`).
function endAfterBody(request: IncomingMessage, response: ServerResponse): void {
  let bytes = 0;
  const end = () => {
    clearTimeout(timer);
    response.end();
  };
  const timer = setTimeout(end, DISCARDED_MS_MAX);
  request
    .on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > DISCARDED_BYTES_MAX) end();
    })
    .once('end', end)
    .once('close', end);
}

// A string is sent together with its head in one piece. `end(content)` would add an empty piece,
// and two pieces are first copied into one buffer: 1.3 of the 17 µs for a small response.
function writeWithHead(response: ServerResponse, content: string, encoding: BufferEncoding): void {
  const { socket } = response;
  // By itself `write` corks the socket until the next tick, after all others of this turn.
  socket?.cork();
  response.write(content.length < LONG_LENGTH ? content : Buffer.from(content, encoding), encoding);
  socket?.uncork();
}

/**
 * Writes the reply to a socket without a parsed request, unless a reply was already written, and
 * closes the socket.
 */
export function sendRaw(socket: Socket, reply: Omit<Reply, 'headers'>, headers: HeaderList): void {
  if (!socket.writable) return;
  const lines = [
    `HTTP/1.1 ${reply.status} ${STATUS_CODES[reply.status]}`,
    `Date: ${new Date().toUTCString()}`,
  ];
  for (let index = 0; index < headers.length; index += 2) {
    lines.push(`${headers[index]}: ${headers[index + 1]}`);
  }
  const body = reply.body ?? '';
  lines.push(`Content-Length: ${Buffer.byteLength(body)}`, 'Connection: close');
  socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`, () => socket.destroySoon());
}

// Reading a small announced body is worth keeping the connection. But a client that sent `Expect`
// and got no `100 Continue` may or may not send its body, and the server cannot tell whether the
// next bytes are the body.
function mustDiscard(request: IncomingMessage, bodyBytesMax: number): boolean {
  if (request.readableEnded || !hasBody(request)) return false;
  const length = Number(request.headers['content-length'] ?? Number.POSITIVE_INFINITY);
  return request.headers.expect !== undefined || length > bodyBytesMax;
}
