// Reads the body of a request. `Content-Length` may lie or be absent, so the limit applies to the
// bytes that arrive. The head determines whether there is a body, and where it ends.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { JotError } from '../lib/errors.ts';
import { HEADERS_MAX } from './incoming.ts';

/**
 * Returns whether the request has a body (RFC 9112 §6.3). An empty body counts if its length is not
 * announced.
 */
export function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/**
 * Returns whether any proxy must agree with this server on the end of the request. If not, the next
 * bytes on the connection may belong to this request or to another client's (RFC 9112 §11.2).
 */
export function hasCertainEnd({ headers, rawHeaders, httpVersionMinor }: IncomingMessage): boolean {
  // Node may have dropped headers that determine the end.
  if (rawHeaders.length > 2 * HEADERS_MAX) return false;
  // Node's parser stops at the end of a request that asks for another protocol, and drops the rest of the packet.
  if (headers.upgrade !== undefined) return false;
  const coding = headers['transfer-encoding'];
  if (coding === undefined) return true;
  return (
    httpVersionMinor > 0 && coding.toLowerCase() === 'chunked' && headers['content-length'] === undefined
  );
}

/**
 * Returns whether the client waits for `100 Continue` before it sends the body (RFC 9110 §10.1.1).
 * No HTTP/1.0 client does.
 */
export function awaitsContinue({ headers, httpVersionMinor }: IncomingMessage): boolean {
  return httpVersionMinor > 0 && headers.expect?.toLowerCase() === '100-continue';
}

/**
 * Reads the whole body.
 *
 * @throws JotError `content_too_large` as soon as the body exceeds the limit; `bad_request` if the
 * client disconnected.
 */
export async function readBody(
  request: IncomingMessage,
  response: ServerResponse,
  bytesMax: number,
): Promise<Buffer> {
  const tooLarge = () => new JotError('content_too_large', `The body is larger than ${bytesMax} bytes`);
  if (Number(request.headers['content-length'] ?? 0) > bytesMax) throw tooLarge();
  if (awaitsContinue(request)) response.writeContinue();
  return new Promise((resolve, reject) => {
    const body = new Body();
    const settle = (outcome: () => void) => {
      request.off('data', onData).off('end', onEnd).off('close', onClose);
      outcome();
    };
    const onData = (chunk: Buffer) => {
      if (body.length + chunk.length > bytesMax) settle(() => reject(tooLarge()));
      else body.append(chunk);
    };
    const onEnd = () => settle(() => resolve(body.bytes));
    const onClose = () => settle(() => reject(new JotError('bad_request', 'The body ended too early')));
    request.on('data', onData).on('end', onEnd).on('close', onClose);
  });
}

// The chunks are copied into one buffer as they arrive. A list of chunks would hold an object of
// some 190 bytes for each, and a client may send chunks of one byte.
class Body {
  length = 0;
  #buffer: Buffer = Buffer.alloc(0);

  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.length);
  }

  append(chunk: Buffer): void {
    const length = this.length + chunk.length;
    if (length > this.#buffer.length) {
      const grown = Buffer.allocUnsafe(Math.max(length, 2 * this.#buffer.length));
      this.#buffer.copy(grown);
      this.#buffer = grown;
    }
    chunk.copy(this.#buffer, this.length);
    this.length = length;
  }
}
