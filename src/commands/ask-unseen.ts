// Asking a person for something that nobody else should see. The terminal is switched to raw mode: it shows nothing, and gives
// every key as it is pressed, so the little editing that a line needs is done here. Whatever happens, it is switched back;
// where a signal ends the process, Node does that.
//
// From a pipe it is one line.

import type { Readable } from 'node:stream';
import { JotError } from '../lib/errors.ts';
import type { Terminal, World } from './command.ts';

const LINE_LENGTH_MAX = 4_096;

const CTRL_C = '\u0003';
const CTRL_D = '\u0004';
const CTRL_U = '\u0015';
const ENTER = ['\r', '\n'];
const ERASE = ['\b', '\u007f'];
// What arrows and function keys send (ECMA-48 §5.4), which is no part of any password.
const SEQUENCE = /\u001b(?:\[[0-?]*[ -/]*[@-~]|O[@-~])/g;

/**
 * Asks the questions one after the other.
 *
 * @returns what was typed, one for each question.
 * @throws JotError `bad_request` when it was given up, or was not UTF-8.
 */
export async function askUnseen(
  { stdin, stderr }: Pick<World, 'stdin' | 'stderr'>,
  questions: readonly string[],
): Promise<string[]> {
  const form = new Form(questions, (text) => stderr.write(text));
  stdin.setRawMode?.(true);
  try {
    form.begin();
    const isWhole = await read(stdin, (text) =>
      [...text.replace(SEQUENCE, '')].some((key) => form.press(key)),
    );
    if (!isWhole || form.isGivenUp) throw new JotError('bad_request', 'Cancelled; nothing was changed');
    return form.answers;
  } finally {
    stdin.setRawMode?.(false);
    form.end();
  }
}

/**
 * Reads one line, without what ends it. At a terminal it is seen.
 *
 * @throws JotError `bad_request` when it is too long, or not UTF-8.
 */
export async function readLine(stdin: Terminal<Readable>): Promise<string> {
  let text = '';
  await read(stdin, (piece) => {
    text += piece;
    return text.includes('\n') || text.length > LINE_LENGTH_MAX;
  });
  const [line = ''] = text.split(/\r?\n/);
  if (line.length > LINE_LENGTH_MAX) throw new JotError('bad_request', 'The line is too long');
  return line;
}

/**
 * Reads the line that is all there is, up to empty ones behind it: of two, nobody can tell which was meant.
 *
 * @throws JotError `bad_request` when there is another one, or it is too long, or not UTF-8.
 */
export async function readOnlyLine(stdin: Readable): Promise<string> {
  let text = '';
  await read(stdin, (piece) => {
    text += piece;
    return text.length > 2 * LINE_LENGTH_MAX;
  });
  const [line = '', ...rest] = text.split(/\r?\n/);
  if (line.length > LINE_LENGTH_MAX) throw new JotError('bad_request', 'The line is too long');
  if (rest.every((other) => other === '')) return line;
  throw new JotError('bad_request', 'There is more than one line on standard input; nothing was changed');
}

class Form {
  readonly answers: string[] = [];
  readonly #questions: readonly string[];
  readonly #show: (text: string) => void;
  #line: string[] = [];
  #isOpen = false;
  isGivenUp = false;

  constructor(questions: readonly string[], show: (text: string) => void) {
    this.#questions = questions;
    this.#show = show;
  }

  begin(): void {
    this.#line = [];
    this.#isOpen = true;
    this.#show(this.#questions[this.answers.length] ?? '');
  }

  end(): void {
    if (this.#isOpen) this.#show('\n');
    this.#isOpen = false;
  }

  /** @returns whether there is nothing left to ask. */
  press(key: string): boolean {
    if (key === CTRL_C || (key === CTRL_D && this.#line.length === 0)) this.isGivenUp = true;
    else if (ENTER.includes(key)) return this.#enter();
    else if (ERASE.includes(key)) this.#line.pop();
    else if (key === CTRL_U) this.#line = [];
    else if (!/\p{Cc}/u.test(key) && this.#line.length < LINE_LENGTH_MAX) this.#line.push(key);
    return this.isGivenUp;
  }

  #enter(): boolean {
    this.answers.push(this.#line.join(''));
    this.end();
    if (this.answers.length === this.#questions.length) return true;
    this.begin();
    return false;
  }
}

// Gives text until it is enough, and says whether it was. `for await` would close the stream behind it.
function read(stdin: Readable, isEnough: (text: string) => boolean): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
    const settle = (act: () => void) => {
      stdin.off('data', onData).off('end', onEnd).off('error', onError).pause();
      act();
    };
    const decode = (piece?: Uint8Array) => {
      try {
        return piece === undefined ? decoder.decode() : decoder.decode(piece, { stream: true });
      } catch {
        settle(() => reject(new JotError('bad_request', 'It is not UTF-8; nothing was changed')));
        return null;
      }
    };
    const onData = (piece: Uint8Array) => {
      const text = decode(piece);
      if (text !== null && isEnough(text)) settle(() => resolve(true));
    };
    const onEnd = () => {
      const text = decode();
      if (text !== null) settle(() => resolve(isEnough(text)));
    };
    const onError = ({ message }: Error) => {
      settle(() => reject(new JotError('bad_request', `Can't read what is typed: ${message}`)));
    };
    stdin.on('data', onData).on('end', onEnd).on('error', onError);
  });
}
