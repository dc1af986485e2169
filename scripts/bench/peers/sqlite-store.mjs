// The same store in SQLite, as durable as Jot's: a write-ahead log, and a sync before a write counts.

import Database from 'better-sqlite3';

export class SqliteStore {
  #statements;

  constructor(path) {
    const database = new Database(path);
    database.pragma('journal_mode = WAL');
    database.pragma('synchronous = FULL');
    database.exec(`
      CREATE TABLE users (id INTEGER PRIMARY KEY, username TEXT UNIQUE, salt TEXT, hash TEXT);
      CREATE TABLE posts (id INTEGER PRIMARY KEY, user_id INTEGER, title TEXT, body TEXT, created INTEGER, updated INTEGER);
      CREATE INDEX posts_of_user ON posts (user_id, id);
    `);
    this.#statements = {
      addUser: database.prepare('INSERT INTO users (username, salt, hash) VALUES (@username, @salt, @hash)'),
      user: database.prepare('SELECT * FROM users WHERE id = ?'),
      userNamed: database.prepare('SELECT * FROM users WHERE username = ?'),
      addPost: database.prepare(
        'INSERT INTO posts (user_id, title, body, created, updated) VALUES (@user_id, @title, @body, @created, @updated)',
      ),
      post: database.prepare('SELECT * FROM posts WHERE id = ?'),
      postsOf: database.prepare('SELECT * FROM posts WHERE user_id = ? ORDER BY id LIMIT ?'),
    };
  }

  addUser(values) {
    return { id: Number(this.#statements.addUser.run(values).lastInsertRowid), ...values };
  }

  user(id) {
    return this.#statements.user.get(id);
  }

  userNamed(username) {
    return this.#statements.userNamed.get(username);
  }

  addPost(values) {
    return { id: Number(this.#statements.addPost.run(values).lastInsertRowid), ...values };
  }

  post(id) {
    return this.#statements.post.get(id);
  }

  postsOf(userId, limit) {
    return this.#statements.postsOf.all(userId, limit);
  }
}
