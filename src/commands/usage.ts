// Formats the usage of one command, or of all.

import type { Command } from './command.ts';
import { tableOf } from './text-table.ts';

/** Returns the usage of all commands, one line each. */
export function usageOf(commands: readonly Command[]): string {
  const rows = commands.map((command) => [typed(command), command.summary] as const);
  return `Usage: jot [command]\n\n${table(rows)}`;
}

/** Returns the usage of one command, without its details. */
export function usageOfOne(command: Command): string {
  return `Usage: jot ${typed(command)}\n\n  ${command.summary}\n`;
}

/** Returns the usage of one command, with its parameters and details. */
export function helpOf(command: Command): string {
  const { parameters = {}, details } = command;
  const rows = Object.entries(parameters);
  const tables = rows.length === 0 ? '' : `\n${table(rows)}`;
  return usageOfOne(command) + tables + (details === undefined ? '' : `${details}\n`);
}

function typed({ name, parameters = {} }: Command): string {
  return [name, ...Object.keys(parameters)].join(' ');
}

function table(rows: readonly (readonly [text: string, meaning: string])[]): string {
  return tableOf(rows.map(([text, meaning]) => [`  ${text} `, meaning]));
}
