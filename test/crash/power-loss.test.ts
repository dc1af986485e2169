import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Log } from '../../src/lib/log.ts';
import { openFileStore } from '../../src/store/file/file-store.ts';
import type { FileSystem } from '../../src/store/file/file-system.ts';
import type { Id } from '../../src/store/open.ts';
import {
  afterPowerCut,
  type Image,
  type Luck,
  PowerLossDisk,
  type Recorded,
} from '../support/disk/power-loss-disk.ts';
import { TIME } from '../support/disk/records.ts';
import { userNamed } from '../support/disk/stores.ts';
import { folderInMemory } from '../support/disk/temporary-folder.ts';
import { run, shownBy } from '../support/disk/workload.ts';
import { seededRandom } from '../support/model/random.ts';

const SEED = 20_261_124;
const RANDOM_CUTS = 10;
const silent: Log = { info: () => undefined, warn: () => undefined, error: () => undefined };
const EMPTY: Image = new Map();

const nothingKept: Luck = { isKept: () => false, isSectorKept: () => false };
const everythingKept: Luck = { isKept: () => true, isSectorKept: () => true };

/** Much is kept or little, and most of that whole or hardly anything. */
function lucksOf(random: () => number, count: number): Luck[] {
  const drawn = Array.from({ length: count }, (): Luck => {
    const [share, shareOfSectors] = [0.1 + 0.8 * random(), random() < 0.5 ? 1 : random()];
    return { isKept: () => random() < share, isSectorKept: () => random() < shareOfSectors };
  });
  return [nothingKept, everythingKept, ...drawn];
}

// What is set aside is named after the time, so it passes.
let time = TIME;

function open(path: string, fileSystem: FileSystem) {
  return openFileStore(path, { now: () => time++, log: silent, fileSystem });
}

/** What reads showed after a start, and the id that the next user was given. */
async function started(path: string, disk: PowerLossDisk): Promise<{ shown: string; nextId: Id }> {
  const store = await open(path, disk.fileSystem);
  try {
    const shown = await shownBy(store);
    return { shown, nextId: (await store.users.create(userNamed('after'))).id };
  } finally {
    await store.close();
  }
}

interface Recording {
  readonly path: string;
  readonly recorded: readonly Recorded[];
  /** For each number of things recorded: the first of the states that a start may find then. */
  readonly from: readonly number[];
  readonly states: readonly string[];
  readonly nextIds: readonly Id[];
}

/** The workload, with what reads showed at any time: that must not be lost any more. */
async function record(
  path: string,
  fileSystemOf = (disk: PowerLossDisk) => disk.fileSystem,
): Promise<Recording> {
  const disk = new PowerLossDisk();
  let show = async () => '';
  const shows: Promise<string>[] = [];
  disk.onRecord = () => shows.push(show());
  const store = await open(path, fileSystemOf(disk));
  show = () => shownBy(store);
  const { states, nextIds } = await run(store, (isFull) => {
    disk.isFull = isFull;
  });
  await store.close();
  let at = 0;
  const from = (await Promise.all([...shows, shownBy(store)])).map((shown) => {
    at = shown === '' ? 0 : states.indexOf(shown, at);
    assert.notEqual(at, -1, 'reads show what was acknowledged by and by, and nothing else');
    return at;
  });
  return { path, recorded: disk.recorded, from, states, nextIds };
}

/** What is wrong with what a start found; null: nothing. */
function wrongWith(recording: Recording, cut: number, found: { shown: string; nextId: Id }): string | null {
  const { from, states, nextIds } = recording;
  const possible = states.flatMap((state, index) => (state === found.shown ? [index] : []));
  if (!possible.some((index) => index >= (from[cut] ?? 0))) return `cut ${cut}: ${found.shown.slice(0, 300)}`;
  if (possible.some((index) => nextIds[index] === found.nextId)) return null;
  return `cut ${cut}: id ${found.nextId} is given out again`;
}

interface Checked {
  readonly wrong: readonly string[];
  readonly cuts: number;
}

/** Cuts the power at every moment, in many ways, and starts again. */
async function cutEverywhere(recording: Recording, wrongMax = 20): Promise<Checked> {
  const { path, recorded } = recording;
  const random = seededRandom(SEED);
  const wrong: string[] = [];
  let cuts = 0;
  for (let cut = 0; cut <= recorded.length && wrong.length < wrongMax; cut++) {
    for (const luck of lucksOf(random, RANDOM_CUTS)) {
      const image = afterPowerCut(EMPTY, recorded.slice(0, cut), luck);
      cuts++;
      const found = await started(path, new PowerLossDisk(image)).catch((error: Error) => error);
      const what = found instanceof Error ? `cut ${cut}: ${found.message}` : wrongWith(recording, cut, found);
      if (what !== null) wrong.push(what);
    }
  }
  return { wrong, cuts };
}

/** The same file system, of which one kind of sync says that it was done and does nothing. */
function lying(what: 'sync' | 'syncFolder'): (disk: PowerLossDisk) => FileSystem {
  const nothing = async () => undefined;
  return (disk) => {
    const real = disk.fileSystem;
    disk.isLying = what === 'syncFolder';
    if (disk.isLying) return { ...real, syncFolder: nothing };
    const open: FileSystem['open'] = async (path, access) => ({
      ...(await real.open(path, access)),
      sync: nothing,
    });
    return { ...real, open };
  };
}

describe('openFileStore after a power cut at any moment', () => {
  it('loses nothing that reads have returned, and keeps writes whole or not at all', async (t) => {
    const { wrong, cuts } = await cutEverywhere(await record(`${folderInMemory(t)}/jot.jsonl`));
    assert.deepEqual(wrong, []);
    t.diagnostic(`${cuts} power cuts`);
  });

  for (const what of ['sync', 'syncFolder'] as const) {
    it(`would be found to lose rows if ${what} did nothing`, async (t) => {
      const recording = await record(`${folderInMemory(t)}/jot.jsonl`, lying(what));
      assert.notDeepEqual((await cutEverywhere(recording, 1)).wrong, []);
    });
  }

  it('returns the same rows after another power cut during the start', async (t) => {
    const path = `${folderInMemory(t)}/jot.jsonl`;
    const { recorded } = await record(path);
    const random = seededRandom(SEED);
    let cuts = 0;
    for (let cut = 0; cut <= recorded.length; cut++) {
      for (const luck of lucksOf(random, 1)) {
        const image = afterPowerCut(EMPTY, recorded.slice(0, cut), luck);
        const disk = new PowerLossDisk(image);
        const store = await open(path, disk.fileSystem);
        const shown = await shownBy(store);
        await store.close();
        for (let again = 0; again <= disk.recorded.length; again++) {
          for (const luckAgain of lucksOf(random, 1)) {
            const imageAgain = afterPowerCut(image, disk.recorded.slice(0, again), luckAgain);
            cuts++;
            const found = await started(path, new PowerLossDisk(imageAgain));
            assert.equal(found.shown, shown, `cut ${cut}, and ${again} of the start after it`);
          }
        }
      }
    }
    t.diagnostic(`${cuts} power cuts`);
  });
});

describe('openFileStore after a kill, a start and a power cut', () => {
  it('loses nothing that the new process has returned, though the old one had not synced it', async (t) => {
    const path = `${folderInMemory(t)}/jot.jsonl`;
    const recording = await record(path);
    const random = seededRandom(SEED);
    for (let cut = 0; cut <= recording.recorded.length; cut++) {
      const disk = new PowerLossDisk(EMPTY, recording.recorded.slice(0, cut));
      const store = await open(path, disk.fileSystem);
      const shown = await shownBy(store);
      const opened = disk.recorded.length;
      await store.users.create(userNamed('new'));
      const shownThen = await shownBy(store);
      await store.close();
      for (const luck of lucksOf(random, 2)) {
        const early = afterPowerCut(EMPTY, disk.recorded.slice(0, opened), luck);
        const found = await started(path, new PowerLossDisk(early));
        assert.equal(found.shown, shown, `killed at ${cut}, cut after the start`);
        assert.equal(wrongWith(recording, cut, found), null);
        const late = afterPowerCut(EMPTY, disk.recorded, luck);
        const foundThen = await started(path, new PowerLossDisk(late));
        assert.equal(foundThen.shown, shownThen, `killed at ${cut}, cut after a write`);
      }
    }
  });
});
