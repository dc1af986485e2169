// Reads what `node --cpu-prof` writes: samples of which function was running, and the time between one sample and the next.
// A function's self time is the time of the samples in which it was at the top of the stack.

import { readFileSync } from 'node:fs';
import { median } from './statistics.ts';

/** A function, or a file, and the time that was spent in it. */
export interface Share {
  readonly name: string;
  readonly place: string;
  readonly ms: number;
  /** Of the time in which anything ran. */
  readonly share: number;
}

interface Frame {
  readonly functionName: string;
  readonly url: string;
  readonly lineNumber: number;
}

export interface Profile {
  readonly nodes: readonly { readonly id: number; readonly callFrame: Frame }[];
  /** The node that each sample was in. */
  readonly samples: readonly number[];
  /** Microseconds since the sample before. */
  readonly timeDeltas: readonly number[];
}

// After a longer gap than so many usual ones the process was not running, whoever was on top of its stack.
const GAPS_MAX = 4;

const IDLE = new Set(['(idle)', '(program)', '(root)']);

export function readProfile(path: string): Profile {
  return JSON.parse(readFileSync(path, 'utf8'));
}

/** The functions with the most self time first. */
export function byFunction(profile: Profile, sourceFolder: string): Share[] {
  return shares(profile, ({ functionName, url, lineNumber }) => ({
    name: functionName === '' ? '(anonymous)' : functionName,
    place: url === '' ? '' : `${placeOf(url, sourceFolder)}:${lineNumber + 1}`,
  }));
}

/** The same by file; what has none is native code. */
export function byFile(profile: Profile, sourceFolder: string): Share[] {
  return shares(profile, ({ functionName, url }) => ({
    name: url === '' ? nativeName(functionName) : placeOf(url, sourceFolder),
    place: '',
  }));
}

function shares(profile: Profile, label: (frame: Frame) => Pick<Share, 'name' | 'place'>): Share[] {
  const frames = new Map(profile.nodes.map(({ id, callFrame }) => [id, callFrame]));
  const found = new Map<string, Pick<Share, 'name' | 'place'> & { micros: number }>();
  const gapMax = GAPS_MAX * median(profile.timeDeltas);
  let total = 0;
  profile.samples.forEach((id, index) => {
    const frame = frames.get(id);
    if (frame === undefined || IDLE.has(frame.functionName)) return;
    // A sample's time is what passes until the next one.
    const micros = Math.min(profile.timeDeltas[index + 1] ?? 0, gapMax);
    const { name, place } = label(frame);
    const key = `${name} ${place}`;
    const entry = found.get(key) ?? { name, place, micros: 0 };
    entry.micros += micros;
    found.set(key, entry);
    total += micros;
  });
  return [...found.values()]
    .sort((a, b) => b.micros - a.micros)
    .map(({ name, place, micros }) => ({ name, place, ms: micros / 1000, share: micros / total }));
}

function placeOf(url: string, sourceFolder: string): string {
  const start = url.indexOf(sourceFolder);
  return start === -1 ? url : url.slice(start + sourceFolder.length).replace(/^\//, '');
}

function nativeName(functionName: string): string {
  return functionName === '(garbage collector)' ? functionName : '(native code)';
}
