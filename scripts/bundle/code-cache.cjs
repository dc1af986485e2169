// Runs the program in this process and keeps what V8 has made of it by the time it has answered something: functions that were
// never called are not in it, as they would only make it longer to read. `code-cache.cjs <bundle> <cache>`; the parent, which
// hears from the program's log where to ask, says when. `jot.cjs` says what stands in front, and why.

const { createHash } = require('node:crypto');
const { readFileSync, writeFileSync } = require('node:fs');
const { Script } = require('node:vm');

const [filename, cache] = process.argv.splice(2);
const source = readFileSync(filename);
const script = new Script(source.toString('latin1'), { filename });
process.once('message', () => {
  const code = script.createCachedData();
  const digest = createHash('sha256').update(source).update(code).digest();
  writeFileSync(cache, Buffer.concat([digest, code]));
  process.exit(0);
});
process.once('disconnect', () => process.exit(1));
script.runInThisContext()(require);
