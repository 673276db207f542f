import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { threadId } from 'node:worker_threads';

import { OWNER, isAbandoned } from './owner';

const POLL_MS = 250;

/** Locks asked for by this thread so far: calls of one thread must not share a file either. */
let asked = 0;

/**
 * Does `work` while no other process or thread does work under the same lock file, which names its
 * owner; the lock of a process that died is taken over. `onWait` is called once when the lock is taken.
 */
export async function whileLocked<T>(
  file: string,
  onWait: (owner: string) => void,
  work: () => Promise<T>,
): Promise<T> {
  await mkdir(dirname(file), { recursive: true });
  asked += 1;
  const own = `${file}.${OWNER}-${String(threadId)}-${String(asked)}`;
  await writeFile(own, OWNER);
  try {
    for (let waited = false; !(await take(own, file));) {
      const owner = await ownerOf(file);
      if (owner === undefined) continue;
      if (await isAbandoned(file, owner).catch(() => false)) {
        await breakLock(file, owner, `${own}-broken`);
        continue;
      }
      if (!waited) onWait(owner);
      waited = true;
      await sleep(POLL_MS);
    }
  } finally {
    await rm(own, { force: true });
  }
  try {
    return await work();
  } finally {
    await rm(file, { force: true });
  }
}

/** A link appears with its content, so nobody ever reads a lock without an owner. */
async function take(own: string, file: string): Promise<boolean> {
  try {
    await link(own, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function ownerOf(file: string): Promise<string | undefined> {
  return readFile(file, 'utf8').catch(() => undefined);
}

/** Removes the lock of `owner`; one that another process took in the meantime is put back. */
async function breakLock(file: string, owner: string, aside: string): Promise<void> {
  const moved = await rename(file, aside).then(
    () => true,
    () => false,
  );
  if (moved && (await ownerOf(aside)) !== owner) await take(aside, file);
  await rm(aside, { force: true });
}
