import { mkdir, open, readFile, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

import { CmirError, messageOf } from '../errors';

/** A file of a folder, whole. */
export interface FileContent {
  readonly name: string;
  readonly content: string | Uint8Array;
}

/**
 * Writes files so that each holds its old content, or the whole new one, whatever happens: to temporary files beside
 * them, flushed, then renamed in the order given. A failure before the renames leaves all as they were.
 * Throws ERR_CMIR_IO, naming the file; no temporary file is left.
 */
export async function writeFiles(folder: string, files: readonly FileContent[]): Promise<void> {
  const parts = files.map(({ name, content }) => {
    const path = join(folder, name);
    return { path, temporary: `${path}.${String(process.pid)}.tmp`, content };
  });
  try {
    // Together: file systems flush many files at once about as fast as one.
    const written = await Promise.allSettled(
      parts.map(({ path, temporary, content }) =>
        naming(path, () => writeFlushed(temporary, content)),
      ),
    );
    const failure = written.find(({ status }) => status === 'rejected');
    if (failure !== undefined) throw (failure as PromiseRejectedResult).reason;
    for (const { path, temporary } of parts) await naming(path, () => rename(temporary, path));
    // A rename is only lasting once its folder is flushed too.
    await naming(folder, () => syncFolder(folder));
  } catch (error) {
    for (const { temporary } of parts) await rm(temporary, { force: true }).catch(() => undefined);
    throw error;
  }
}

/** The same of one file. */
export async function writeAtomically(path: string, content: string | Uint8Array): Promise<void> {
  await writeFiles(dirname(path), [{ name: basename(path), content }]);
}

/** The same of the files that hold something else, or are absent: those up to date are left untouched. */
export async function updateFiles(folder: string, files: readonly FileContent[]): Promise<void> {
  const isCurrent = await Promise.all(
    files.map(async ({ name, content }) => {
      const found = await readFile(join(folder, name)).catch(() => undefined);
      return found?.equals(typeof content === 'string' ? Buffer.from(content) : content) ?? false;
    }),
  );
  const stale = files.filter((_, i) => isCurrent[i] === false);
  if (stale.length > 0) await writeFiles(folder, stale);
}

/**
 * Adds to the end of a file, without waiting for the disk: what a loss of power takes must be in other files too.
 * Throws ERR_CMIR_IO and leaves nothing half-written.
 */
export async function appendTo(path: string, content: Uint8Array): Promise<void> {
  await naming(path, async () => {
    const file = await open(path, 'a');
    try {
      const { size } = await file.stat();
      await file.writeFile(content).catch(async (error: unknown) => {
        await file.truncate(size).catch(() => undefined);
        throw error;
      });
    } finally {
      await file.close();
    }
  });
}

/** Makes a run folder that may be there, with its parents. Throws ERR_CMIR_IO. */
export async function makeFolder(path: string): Promise<void> {
  const make = async (): Promise<void> => {
    await mkdir(dirname(path), { recursive: true });
    // Apart: where it may not be made, node's recursive way says that it is not there.
    await mkdir(path).catch((cause: unknown) => {
      if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause;
      return mkdir(path, { recursive: true }); // Fails for a file.
    });
  };
  await naming(path, make, 'make the run folder');
}

/** Removes a file that may be absent. Throws ERR_CMIR_IO. */
export async function removeFile(path: string): Promise<void> {
  await naming(path, () => rm(path, { force: true }), 'remove');
}

/** What files that killed writes left in a run folder are called. */
const UNFINISHED = /\.(json|jsonl|safetensors|tfevents\.cmir)\.\d+\.tmp$/;

export function isUnfinished(name: string): boolean {
  return UNFINISHED.test(name);
}

/** Removes what writes into a run folder left there when their process was killed. */
export async function removeUnfinished(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (isUnfinished(name)) await removeFile(join(folder, name));
  }
}

async function writeFlushed(path: string, content: string | Uint8Array): Promise<void> {
  const file = await open(path, 'w');
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** What to do, by the system's code. */
const ADVICE: Readonly<Record<string, string>> = {
  ENOSPC: 'free some space on its disk',
  EDQUOT: 'free some of your quota on its disk',
  EFBIG: 'allow larger files (ulimit -f)',
  EROFS: 'write to a disk that is not read-only',
  EACCES: 'make the folder writable',
  EPERM: 'make the folder writable',
};

async function naming(path: string, work: () => Promise<void>, verb = 'write'): Promise<void> {
  try {
    await work();
  } catch (cause) {
    const advice = ADVICE[(cause as NodeJS.ErrnoException).code ?? ''];
    const message = `cannot ${verb} ${path}: ${messageOf(cause)}`;
    throw new CmirError('ERR_CMIR_IO', advice === undefined ? message : `${message}; ${advice}`, {
      cause,
    });
  }
}
