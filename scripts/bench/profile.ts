// Profiles Jot under load with V8's sampling profiler, which records the running function at
// intervals. The self time of a function is the sum of the intervals after the samples in which it
// was on top of the stack.

import { readdirSync, readFileSync } from 'node:fs';
import type { Profiler, Runtime } from 'node:inspector';
import { join } from 'node:path';
import { type Bench, load } from './bench.ts';
import { newFolder } from './process.ts';
import { type Route, startJot } from './servers.ts';
import { median } from './statistics.ts';
import { amount, markdownTable } from './table.ts';

const ROWS = 30;
// A gap of more than four usual intervals means that the process was not running.
const GAPS_MAX = 4;
const IDLE = ['(idle)', '(program)', '(root)'];

type Frame = Runtime.CallFrame;
/** Returns two tables: the self time of functions and of files. */
export async function profile(bench: Bench, route: Route): Promise<string> {
  const folder = newFolder(bench);
  const flags = ['--cpu-prof', `--cpu-prof-dir=${folder}`, '--cpu-prof-interval=500'];
  const server = await startJot(bench, {}, [...flags, join(bench.dist, 'main.js')]);
  const { measure } = load(bench, 'Jot', server, server.targets[route]);
  const { perSecond = 0 } = await measure(bench.options.seconds);
  await server.stop();

  const [file = ''] = readdirSync(folder);
  const found: Profiler.Profile = JSON.parse(readFileSync(join(folder, file), 'utf8'));
  const fileOf = ({ functionName, url }: Frame) => {
    if (url !== '') return url.split(`${bench.dist}/`).at(-1) ?? url;
    return functionName === '(garbage collector)' ? functionName : '(native code)';
  };
  const functionOf = (frame: Frame) =>
    `${frame.functionName || '(anonymous)'} ${frame.url && `${fileOf(frame)}:${frame.lineNumber + 1}`}`;
  const rate = `${route}: ${amount(perSecond, '/s')} with the profiler on`;
  return `${rate}\n\n${table('function', found, functionOf)}\n${table('file', found, fileOf)}`;
}

function table(heading: string, found: Profiler.Profile, label: (frame: Frame) => string): string {
  const times = [...selfTimes(found, label)].sort(([, a], [, b]) => b - a);
  const total = times.reduce((sum, [, ms]) => sum + ms, 0);
  const share = (ms: number) => `${((ms / total) * 100).toFixed(1)} %`;
  const rows = times.slice(0, ROWS).map(([name, ms]) => [name, share(ms), amount(ms, 'ms')]);
  return markdownTable([[heading, 'self', 'time'], ...rows], 1);
}

/** Returns the milliseconds of each label. */
export function selfTimes(profile: Profiler.Profile, label: (frame: Frame) => string): Map<string, number> {
  const { nodes, samples = [], timeDeltas = [] } = profile;
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]));
  const gapMax = GAPS_MAX * median(timeDeltas);
  const times = new Map<string, number>();
  samples.forEach((id, index) => {
    const frame = frames.get(id);
    if (frame === undefined || IDLE.includes(frame.functionName)) return;
    const micros = Math.min(timeDeltas[index + 1] ?? 0, gapMax);
    times.set(label(frame), (times.get(label(frame)) ?? 0) + micros / 1000);
  });
  return times;
}
