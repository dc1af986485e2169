// What can be typed besides starting the server.

import { check } from './check.ts';
import type { Command } from './command.ts';
import { compact } from './compact.ts';
import { exportRows } from './export.ts';
import { importRows } from './import.ts';
import { listKeys, retireKeys, rotateKeys } from './keys.ts';
import { repair } from './repair.ts';
import { changePassword, createUser, deleteUser } from './user.ts';
import { listUsers } from './user-list.ts';

export const commands: readonly Command[] = [
  ...[check, repair, compact, exportRows, importRows],
  ...[listKeys, rotateKeys, retireKeys],
  ...[listUsers, createUser, changePassword, deleteUser],
];
