// Times a loading and weighs what it left in memory, after the garbage is gone.

/** Prints milliseconds, on the clock and of the processor, and bytes as JSON. @returns what was loaded. */
export async function report(loadAll) {
  const before = heldBytes();
  const cpuBefore = process.cpuUsage();
  const startedMs = performance.now();
  const loaded = await loadAll();
  const ms = performance.now() - startedMs;
  const { user, system } = process.cpuUsage(cpuBefore);
  const figures = { ms, cpuMs: (user + system) / 1000, bytes: heldBytes() - before };
  process.stdout.write(`${JSON.stringify(figures)}\n`);
  return loaded;
}

function heldBytes() {
  globalThis.gc();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
