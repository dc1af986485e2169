// What is said over the socket of the process that has the data file. The owner says who it is as soon as somebody connects;
// that is all that a lock needs. Whoever connected may ask for one thing, by name and perhaps with a value in JSON, and ends
// its side; the owner answers in a line, `ok` and JSON or `no` and the reason, and ends its own:
//
//   owner  process 4711
//   asker  user delete {"username":"matt"}
//   owner  ok {"id":1,"username":"matt"}
//
// There is no password to it: the socket has mode 0600, so only the same user and root get this far, and they could write into
// the data file itself.

import { connect, createServer, type Server } from 'node:net';
import { JotError } from '../../lib/errors.ts';

// A username of 64 characters, each escaped, and a password's hash are well below.
const REQUEST_LENGTH_MAX = 4_096;
const SAID_LENGTH_MAX = 16_384;
const GREETING_MS_MAX = 1_000;
const REQUEST_MS_MAX = 5_000;
const CONNECTIONS_MAX = 100;

/** An owner that did not say who it is. */
export const SOMEBODY = 'another process';

/** Does what another process asks for. */
export type Answerer = (request: string) => Promise<string>;

/** What came over the socket: who is there, and the answer. */
export interface Said {
  readonly owner: string;
  /** Null where nothing was asked, or nobody answered. */
  readonly answer: string | null;
}

/** The owner's side. An asker that asks for nothing is no reason to wait. */
export function createOwnerServer(answerer: Answerer): Server {
  // The answer is given when the asker's side has ended already.
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    let request = '';
    const deadline = setTimeout(() => socket.destroy(), REQUEST_MS_MAX).unref();
    socket.once('close', () => clearTimeout(deadline));
    socket.on('error', () => socket.destroy());
    // A character of several bytes may come in two pieces.
    socket.setEncoding('utf8').on('data', (data) => {
      request = (request + data).slice(0, REQUEST_LENGTH_MAX + 1);
    });
    socket.once('end', async () => {
      clearTimeout(deadline);
      socket.end(request === '' ? '' : await answerTo(request, answerer));
    });
    socket.write(`process ${process.pid}\n`);
  });
  server.maxConnections = CONNECTIONS_MAX;
  return server;
}

/**
 * The asker's side: who listens on this socket, and what it answers to a request.
 *
 * @param request Empty: only who it is.
 * @returns null when nobody does. Being accepted is enough to be somebody: a process that is stopped still owns the file.
 */
export function ask(path: string, request: string): Promise<Said | null> {
  return new Promise((resolve, reject) => {
    let said = '';
    const socket = connect(path, () => socket.end(request === '' ? '' : `${request}\n`));
    socket.once('connect', () => socket.setTimeout(GREETING_MS_MAX, () => socket.destroy()));
    socket.setEncoding('utf8').on('data', (data) => {
      said = (said + data).slice(0, SAID_LENGTH_MAX);
      // It lives: what it was asked for may take its time.
      socket.setTimeout(0);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') resolve(null);
      else if (error.code === 'ECONNRESET' || error.code === 'EPIPE') resolve(parseSaid(said));
      else reject(cantTell(error));
    });
    socket.once('close', (hadError) => !hadError && resolve(parseSaid(said)));
  });
}

/** A request as one line. */
export function formatRequest(name: string, value?: unknown): string {
  return value === undefined ? name : `${name} ${JSON.stringify(value)}`;
}

/** @throws JotError `bad_request` when it is no such line. */
export function parseRequest(line: string): { readonly name: string; readonly value: unknown } {
  const [, name = '', json] = /^([a-z ]*[a-z])(?: (\{.*\}))?$/.exec(line) ?? [];
  try {
    return { name, value: json === undefined ? undefined : JSON.parse(json) };
  } catch {
    // The parser's own message quotes the text, and there may be a hash in it.
    throw new JotError('bad_request', 'The request is not JSON');
  }
}

async function answerTo(request: string, answerer: Answerer): Promise<string> {
  if (request.length > REQUEST_LENGTH_MAX) return 'no The request is too long\n';
  try {
    return `ok ${await answerer(request.trim())}\n`;
  } catch (error) {
    return `no ${(error as Error).message.replace(/\s*\n\s*/g, ' ')}\n`;
  }
}

// A line without its end is not all of it.
function parseSaid(said: string): Said {
  const [owner = '', answer = '', ...end] = said.split('\n');
  const isWhole = end.length > 0;
  return { owner: owner === '' ? SOMEBODY : owner, answer: isWhole ? answer : null };
}

function cantTell(cause: Error): JotError {
  return new JotError('unavailable', `Can't tell who uses the data file: ${cause.message}`, { cause });
}
