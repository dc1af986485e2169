// Times a loading and weighs what it left in memory, after the garbage is gone.

/** Prints milliseconds and bytes as JSON. @returns what was loaded. */
export async function report(loadAll) {
  const before = heldBytes();
  const startedMs = performance.now();
  const loaded = await loadAll();
  const ms = performance.now() - startedMs;
  process.stdout.write(`${JSON.stringify({ ms, bytes: heldBytes() - before })}\n`);
  return loaded;
}

function heldBytes() {
  globalThis.gc();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
