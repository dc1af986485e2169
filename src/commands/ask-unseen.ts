// Reads a password: at a terminal without echo, or as the only line of a pipe.
//
// At a terminal, `node:readline` edits the line. It puts the terminal in raw mode, in which the
// kernel does not echo keys; without an output it does not redraw the line either. Closing the
// interface restores the terminal, and Node does the same when a signal ends the process. In raw
// mode Ctrl-C is an ordinary key, on which readline closes the interface.

import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { JotError } from '../lib/errors.ts';
import type { World } from './command.ts';

const INPUT_BYTES_MAX = 8_192;
// On a dumb terminal readline does not edit, so a backspace stays in the line. Bytes that are not
// UTF-8 become U+FFFD.
const NOT_TYPED = /[\p{Cc}\ufffd]/u;

/**
 * Asks the questions in order.
 *
 * @returns the line typed after each question.
 * @throws JotError `bad_request` after Ctrl-C, Ctrl-D or the end of the input, or if a line has
 * control characters.
 */
export async function askUnseen(
  { stdin, stderr }: Pick<World, 'stdin' | 'stderr'>,
  questions: readonly string[],
): Promise<string[]> {
  const reader = createInterface({ input: stdin, terminal: true, historySize: 0 });
  const typed = reader[Symbol.asyncIterator]();
  const lines: string[] = [];
  try {
    for (const question of questions) {
      stderr.write(question);
      const { value: line, done } = await typed.next();
      stderr.write('\n');
      if (done) throw new JotError('bad_request', 'Cancelled; nothing was changed');
      if (NOT_TYPED.test(line)) {
        throw new JotError('bad_request', 'The line holds control characters or is not UTF-8');
      }
      lines.push(line);
    }
    return lines;
  } finally {
    reader.close();
  }
}

/** Returns a line typed at a terminal, with echo; empty at the end of the input. */
export async function readLine(stdin: Readable): Promise<string> {
  const reader = createInterface({ input: stdin });
  const [line = ''] = await Promise.race([once(reader, 'line'), once(reader, 'close')]);
  reader.close();
  return line;
}

/**
 * Reads the only line; empty lines may follow. With two lines, either could be the password.
 *
 * @throws JotError `bad_request` if there is another line, or if the input is too long or not
 * UTF-8.
 */
export async function readOnlyLine(stdin: Readable): Promise<string> {
  let bytes = Buffer.alloc(0);
  for await (const piece of stdin) {
    bytes = Buffer.concat([bytes, piece]);
    if (bytes.length > INPUT_BYTES_MAX) throw new JotError('bad_request', 'The line is too long');
  }
  const [line = '', ...rest] = decode(bytes).split(/\r?\n/);
  if (rest.every((other) => other === '')) return line;
  throw new JotError('bad_request', 'There is more than one line on standard input; nothing was changed');
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new JotError('bad_request', 'The line is not UTF-8; nothing was changed');
  }
}
