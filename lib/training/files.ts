import { open, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { CmirError, messageOf } from '../errors';

/**
 * Writes a file so that its old content, or the whole new one, is there whatever happens: to a temporary file
 * beside it, flushed, then renamed. Throws ERR_CMIR_IO and leaves the old file as it was.
 */
export async function writeAtomically(path: string, content: string | Uint8Array): Promise<void> {
  const temporary = `${path}.${String(process.pid)}.tmp`;
  try {
    const file = await open(temporary, 'w');
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    await syncFolder(dirname(path));
  } catch (cause) {
    await rm(temporary, { force: true });
    throw new CmirError('ERR_CMIR_IO', `cannot write ${path}: ${messageOf(cause)}`, { cause });
  }
}

/** Removes what writes into a run folder left there when their process was killed. */
export async function removeUnfinished(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (/\.(json|jsonl|safetensors)\.\d+\.tmp$/.test(name)) {
      await rm(join(folder, name), { force: true });
    }
  }
}

/** A rename is only lasting once its folder is flushed too. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
