// For comparing how the cost of two things grows, which tells more than how long one of them takes.

const RUNS = 5;

/** The shortest of a few runs: the one that the machine disturbed least. Milliseconds. */
export function fastestMs(work: () => unknown): number {
  const times = Array.from({ length: RUNS }, () => {
    const startMs = performance.now();
    work();
    return performance.now() - startMs;
  });
  return Math.min(...times);
}
