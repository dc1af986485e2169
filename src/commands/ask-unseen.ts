// Reads a password: at a terminal without showing it, or from a pipe, as the only line.
//
// At a terminal, `node:readline` edits the line. It puts the terminal in raw mode, where the kernel does not echo keys, and
// redraws the line itself; without an output it redraws nothing. Closing it restores the terminal, and Node does so when a
// signal ends the process. Ctrl-C is a key in raw mode, and closes the interface.

import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { JotError } from '../lib/errors.ts';
import type { World } from './command.ts';

const INPUT_BYTES_MAX = 8_192;
// At a dumb terminal readline does not edit, and a backspace is a character. Bytes that are not UTF-8 become U+FFFD.
const NOT_TYPED = /[\p{Cc}\ufffd]/u;

/**
 * Asks the questions one after the other.
 *
 * @returns the line typed after each question.
 * @throws JotError `bad_request` after Ctrl-C, Ctrl-D or the end of the input, or if a line has control characters.
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

/** Returns the line typed at a terminal, which shows it; empty at the end of the input. */
export async function readLine(stdin: Readable): Promise<string> {
  const reader = createInterface({ input: stdin });
  const [line = ''] = await Promise.race([once(reader, 'line'), once(reader, 'close')]);
  reader.close();
  return line;
}

/**
 * Reads the only line, which empty ones may follow: of two lines, either might be the password.
 *
 * @throws JotError `bad_request` if there is another line, or the input is too long or not UTF-8.
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
    throw new JotError('bad_request', 'It is not UTF-8; nothing was changed');
  }
}
