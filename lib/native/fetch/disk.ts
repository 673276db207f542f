import { statfs } from 'node:fs/promises';

import type { CmirError } from '../../errors';
import { problemError, type Problem } from '../problem';

/** Bytes free on the disk of a folder for whoever asks. */
export async function bytesFree(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

export function diskProblem(folder: string, numbers = ''): Problem {
  return {
    what: `not enough disk space for LibTorch in ${folder}${numbers}`,
    fix: 'free some, or choose a larger disk with --folder or XDG_CACHE_HOME',
  };
}

/** Throws ERR_CMIR_SETUP unless `needed` bytes are free. */
export function checkDisk(folder: string, free: number, needed: number): void {
  if (free >= needed) return;
  const numbers = `: found ${gigabytes(free)}, expected ${gigabytes(needed)}`;
  throw problemError('ERR_CMIR_SETUP', diskProblem(folder, numbers));
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}

/** What a failure of the disk means for whoever chose `folder`; undefined for any other error. */
export function diskError(folder: string, error: unknown): CmirError | undefined {
  const { code = '', syscall } = error as NodeJS.ErrnoException;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return problemError('ERR_CMIR_SETUP', diskProblem(folder), error);
  }
  // Node's recursive mkdir says ENOENT on a disk that is read-only.
  const isUnmade = code === 'ENOENT' && syscall === 'mkdir';
  const isDisk = ['EROFS', 'EACCES', 'EPERM', 'EEXIST', 'ENOTDIR', 'EIO'].includes(code);
  if (!isDisk && !isUnmade) return undefined;
  const fix =
    'make it writable, or choose a folder that is, with --folder or with XDG_CACHE_HOME for the cache';
  return problemError('ERR_CMIR_SETUP', { what: `cannot write ${folder} (${code})`, fix }, error);
}
