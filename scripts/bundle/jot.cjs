#!/usr/bin/env node
// The `jot` command as it is built: all of the program is one script, and beside it lies the code that V8 has made of it, which
// saves a fifth of the time until the first answer. CommonJS, since Node's loader of modules takes time of its own.

const { readFileSync } = require('node:fs');
const { Script } = require('node:vm');

const filename = `${__dirname}/bundle.js`;

// V8 takes back only what the same version of it has made with the same flags; anything else it compiles itself.
function codeCache() {
  try {
    return readFileSync(`${__dirname}/bundle.${process.version}-${process.arch}.cache`);
  } catch {
    // It was built elsewhere.
    return undefined;
  }
}

const script = new Script(readFileSync(filename, 'latin1'), { filename, cachedData: codeCache() });
script.runInThisContext()(require, __dirname);
