#!/usr/bin/env node
// The `jot` command as it is built: all of the program is one script, and beside it lies the code that V8 has made of it, which
// saves a fifth of the time until the first answer. CommonJS, since Node's loader of modules takes time of its own.

const { createHash } = require('node:crypto');
const { readFileSync } = require('node:fs');
const { Script } = require('node:vm');

const DIGEST_BYTES = 32;

const filename = `${__dirname}/bundle.js`;
const source = readFileSync(filename);

// Of the source V8 compares the length alone, and what it is handed it trusts: the code of another script would run in place of
// this one, and damaged code ends the process. So the SHA-256 of both stands in front. What another V8 has made it refuses itself.
function codeCache() {
  let file;
  try {
    file = readFileSync(`${__dirname}/bundle.${process.version}-${process.arch}.cache`);
  } catch {
    // It was built elsewhere, or can't be read here: V8 compiles.
    return undefined;
  }
  const code = file.subarray(DIGEST_BYTES);
  const digest = createHash('sha256').update(source).update(code).digest();
  return digest.equals(file.subarray(0, DIGEST_BYTES)) ? code : undefined;
}

// The bundle is ASCII but for its comments, and this is the quickest way to read that.
const script = new Script(source.toString('latin1'), { filename, cachedData: codeCache() });
script.runInThisContext()(require);
