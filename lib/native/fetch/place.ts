import { existsSync } from 'node:fs';
import { mkdir, open, readdir, rename, rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { problemError } from '../problem';
import { whileLocked } from '../lock';

/** The one name below a target that is only there while it is filled: downloads and what is unpacked of them. */
const WORK = '.cmir-fetch';
const LOCK = '.cmir-lock';

export interface Place {
  /** Keeps what has been downloaded until all is there, also when the process ends. */
  readonly downloads: string;
  /** Empty at the beginning; its content becomes the target's. */
  readonly unpacked: string;
}

/** True when `target` holds a LibTorch; one that is being filled does not yet. */
export function isFilled(target: string): boolean {
  return existsSync(join(target, 'torch'));
}

/**
 * Fills the folder `target` by `work`, one process at a time; one that finds it filled has nothing to do.
 * Everything half-made stays in one folder of it. The LibTorch itself, `torch`, appears last and whole.
 */
export async function fill(
  target: string,
  onWait: (owner: string) => void,
  work: (place: Place) => Promise<void>,
): Promise<void> {
  if (isFilled(target)) return;
  const made = await mkdir(target, { recursive: true });
  try {
    await whileLocked(join(target, LOCK), onWait, () => fillLocked(target, work));
  } finally {
    // A folder of our own that nothing came to is empty.
    if (made !== undefined) await rmdir(target).catch(() => undefined);
  }
}

async function fillLocked(target: string, work: (place: Place) => Promise<void>): Promise<void> {
  if (isFilled(target)) return;
  const folder = join(target, WORK);
  const place = { downloads: join(folder, 'downloads'), unpacked: join(folder, 'unpacked') };
  try {
    await rm(place.unpacked, { recursive: true, force: true });
    for (const path of [place.downloads, place.unpacked]) await mkdir(path, { recursive: true });
    await work(place);
    await publish(place.unpacked, target);
    await rm(folder, { recursive: true, force: true });
  } catch (error) {
    await removeUseless(place).catch(() => undefined);
    throw error;
  }
}

/** Throws where a folder that a user names holds something: the cache's are ours to fill. */
export async function checkEmpty(target: string): Promise<void> {
  const names = existsSync(target) ? await readdir(target) : [];
  // What lies beside the folder of a fetch that was ended is a part of what that one moved.
  if (names.includes(WORK) || isFilled(target)) return;
  const other = names.find((name) => !name.startsWith(LOCK));
  if (other === undefined) return;
  throw problemError('ERR_CMIR_SETUP', {
    what: `${target} is not empty: found ${other}`,
    fix: 'name a new or an empty folder with --folder',
  });
}

async function publish(unpacked: string, target: string): Promise<void> {
  const names = (await readdir(unpacked)).filter((name) => name !== 'torch');
  for (const name of [...names, 'torch']) {
    await rm(join(target, name), { recursive: true, force: true });
    await rename(join(unpacked, name), join(target, name));
  }
  await using folder = await open(target, 'r');
  await folder.sync();
}

/** Leaves only downloads that another run goes on with. */
async function removeUseless({ downloads, unpacked }: Place): Promise<void> {
  await rm(unpacked, { recursive: true, force: true });
  await rmdir(downloads);
  await rmdir(dirname(downloads));
}
