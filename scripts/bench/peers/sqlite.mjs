// Posts in SQLite, synced on every write, so as durable as in Jot. Only creating posts is measured.

import Database from 'better-sqlite3';

const database = new Database('posts.sqlite');
database.pragma('journal_mode = WAL');
database.pragma('synchronous = FULL');
database.exec(`
  CREATE TABLE posts (id INTEGER PRIMARY KEY, user_id INTEGER, title TEXT, body TEXT, created INTEGER, updated INTEGER);
  CREATE INDEX posts_of_user ON posts (user_id, id);
`);
const insert = database.prepare(
  'INSERT INTO posts (user_id, title, body, created, updated) VALUES (@user_id, @title, @body, @created, @updated)',
);

export function addPost(values) {
  return { id: Number(insert.run(values).lastInsertRowid), ...values };
}
