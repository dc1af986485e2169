// A data file with many posts of 300 bytes, all of one user, written with Jot's own encoder and without a server.

import { closeSync, openSync, writeSync } from 'node:fs';
import { encodeChange, encodeHeader } from '../../src/store/file/record.ts';

const BODY = 'x'.repeat(300);
const LINES_PER_WRITE = 2_000;
const TIME = Date.UTC(2026, 10, 23);

export function writeDataFile(path: string, posts: number): void {
  const file = openSync(path, 'w', 0o600);
  const user = { id: 1, version: 1, username: 'janey', password_hash: 'none', created: TIME };
  writeSync(file, encodeHeader({ seq: 0, next: { users: 1, posts: 1, sessions: 1 } }));
  writeSync(file, encodeChange({ seq: 1, time: TIME, changes: [{ put: 'users', row: user }] }));
  for (let first = 1; first <= posts; first += LINES_PER_WRITE) {
    const count = Math.min(LINES_PER_WRITE, posts - first + 1);
    writeSync(file, Array.from({ length: count }, (_, index) => postLine(first + index)).join(''));
  }
  closeSync(file);
}

function postLine(id: number): string {
  const row = { id, version: 1, user_id: 1, title: `Post ${id}`, body: BODY, created: TIME, updated: TIME };
  return encodeChange({ seq: id + 1, time: TIME, changes: [{ put: 'posts', row }] });
}
