// What can be typed, in words: of all commands, of those that begin with the same word, or of one. Whoever mistypes one of them
// has no use for the others.

import type { Command } from './command.ts';

const LINE_LENGTH_MAX = 80;

/** Several commands, a line for each. */
export function usageOf(commands: readonly Command[], synopsis: string): string {
  const rows = commands.map((command) => [typed(command), command.summary] as const);
  return `Usage: jot ${synopsis}\n\n${table(rows)}`;
}

/** One command, as much as it takes to type it. */
export function usageOfOne(command: Command): string {
  return `Usage: jot ${typed(command)}\n\n  ${command.summary}\n`;
}

/** One command, whole: its parameters, what it does to what, and its exit codes. */
export function helpOf(command: Command): string {
  const { parameters = {}, details = '', failure } = command;
  const codes = ['0: done', `1: ${failure ?? 'it failed'}`, '2: wrong usage'];
  if (failure === undefined) codes.push('65: the data file is damaged, or is not one');
  return [
    usageOfOne(command),
    table(Object.entries(parameters)),
    wrapped(details),
    wrapped(`Exit codes: ${codes.join('; ')}.`),
  ]
    .filter((part) => part !== '')
    .join('\n');
}

/** The commands whose names have this first word and another one. */
export function groupOf(commands: readonly Command[], word: string): Command[] {
  return commands.filter(({ name }) => name.startsWith(`${word} `));
}

/** Whether the arguments ask what can be typed. Behind `--` there are no options. */
export function asksForHelp(args: readonly string[]): boolean {
  const end = args.indexOf('--');
  const options = end === -1 ? args : args.slice(0, end);
  return options.includes('--help') || options.includes('-h');
}

function typed({ name, parameters = {} }: Command): string {
  return [name, ...Object.keys(parameters)].join(' ');
}

function wrapped(text: string): string {
  let lines = '';
  let line = '';
  for (const word of text.split(/\s+/)) {
    const longer = line === '' ? word : `${line} ${word}`;
    const isTooLong = longer.length > LINE_LENGTH_MAX;
    if (isTooLong) lines += `${line}\n`;
    line = isTooLong ? word : longer;
  }
  return line === '' ? lines : `${lines}${line}\n`;
}

function table(rows: readonly (readonly [text: string, meaning: string])[]): string {
  const width = Math.max(...rows.map(([text]) => text.length));
  return rows.map(([text, meaning]) => `  ${text.padEnd(width)}   ${meaning}\n`).join('');
}
