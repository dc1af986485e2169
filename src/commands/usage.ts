// What can be typed, in words: of all commands, of those that begin with the same word, or of one. Whoever mistypes one of them
// has no use for the others.

import type { Command } from './command.ts';

/** Several commands, a line for each. */
export function usageOf(commands: readonly Command[], synopsis: string): string {
  const rows = commands.map((command) => [typed(command), command.summary]);
  const width = Math.max(...rows.map(([text = '']) => text.length));
  const lines = rows.map(([text = '', summary]) => `  ${text.padEnd(width)}   ${summary}\n`);
  return `Usage: jot ${synopsis}\n\n${lines.join('')}`;
}

/** One command. */
export function usageOfOne(command: Command): string {
  return `Usage: jot ${typed(command)}\n\n  ${command.summary}\n`;
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

function typed({ name, parameters = '' }: Command): string {
  return `${name} ${parameters}`.trim();
}
