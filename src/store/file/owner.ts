// What is said over the socket of the process that has the data file. The owner says who it is as soon as somebody connects;
// that is all that a lock needs. Whoever connected may ask for one thing, in a word, and ends its side; the owner answers
// in a line, `ok` or `no` in front, and ends its own:
//
//   owner  process 4711
//   asker  compact
//   owner  ok {"bytesBefore":5242880,"bytesAfter":1048576}

import { connect, createServer, type Server } from 'node:net';
import { JotError } from '../../lib/errors.ts';

const REQUEST_LENGTH_MAX = 100;
const SAID_LENGTH_MAX = 2_000;
const GREETING_MS_MAX = 1_000;
const REQUEST_MS_MAX = 5_000;
const CONNECTIONS_MAX = 100;

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
    socket.on('data', (data) => {
      request = (request + data).slice(0, REQUEST_LENGTH_MAX);
    });
    socket.once('end', async () => {
      clearTimeout(deadline);
      socket.end(request === '' ? '' : await answerTo(request.trim(), answerer));
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
    socket.on('data', (data) => {
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

async function answerTo(request: string, answerer: Answerer): Promise<string> {
  try {
    return `ok ${await answerer(request)}\n`;
  } catch (error) {
    return `no ${(error as Error).message}\n`;
  }
}

function parseSaid(said: string): Said {
  const [owner = '', answer = ''] = said.split('\n');
  return { owner: owner === '' ? 'another process' : owner, answer: answer === '' ? null : answer };
}

function cantTell(cause: Error): JotError {
  return new JotError('unavailable', `Can't tell who uses the data file: ${cause.message}`, { cause });
}
