// Runs the program in this process and keeps what V8 has made of it by the time it has answered something: functions that were
// never called are not in it, as they would only make it longer to read. `code-cache.cjs <bundle> <cache>`; the parent, which
// hears from the program's log where to ask, says when.

const { readFileSync, writeFileSync } = require('node:fs');
const { dirname } = require('node:path');
const { Script } = require('node:vm');

const [filename, cache] = process.argv.splice(2);
const script = new Script(readFileSync(filename, 'latin1'), { filename });
process.once('message', () => {
  writeFileSync(cache, script.createCachedData());
  process.exit();
});
script.runInThisContext()(require, dirname(filename));
