// What a scenario is, and what it is given.

import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import type { Contender } from './contender.ts';
import type { Cores } from './machine.ts';
import type { Options } from './options.ts';
import type { Built } from './scratch.ts';
import type { Comparison } from './statistics.ts';

/** Where servers are started. */
export interface Site extends Built {
  /** The folder for what the run needs. */
  readonly work: string;
  readonly cores: Cores | null;
}

export interface Bench extends Site {
  readonly options: Options;
  readonly peers: readonly Contender[];
  progress(text: string): void;
}

export interface Scenario {
  readonly name: string;
  readonly summary: string;
  run(bench: Bench): Promise<readonly Comparison[]>;
}

/** A new folder, for one server or for all of a scenario. */
export function newFolder({ work }: Pick<Site, 'work'>, name: string): string {
  return mkdtempSync(join(work, `${name.replaceAll(/\W+/g, '-')}-`));
}

/** Runs each of them in turn, round after round, so that a machine that changes its pace does so for all of them. */
export async function alternate<Subject, Figures>(
  { options, progress }: Bench,
  subjects: ReadonlyMap<string, Subject>,
  measure: (subject: Subject, name: string) => Promise<Figures>,
): Promise<Map<string, Figures[]>> {
  const found = new Map([...subjects.keys()].map((name): [string, Figures[]] => [name, []]));
  for (let round = 1; round <= options.rounds; round++) {
    for (const [name, subject] of subjects) {
      progress(`round ${round} of ${options.rounds}: ${name}`);
      found.get(name)?.push(await measure(subject, name));
    }
  }
  return found;
}
