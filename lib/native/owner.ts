import { stat } from 'node:fs/promises';
import { hostname } from 'node:os';

/** Names this process, in the names of files that only it may write: `<pid>-<host>`. */
export const OWNER = `${String(process.pid)}-${hostname()}`;

/** A cache may lie on a disk shared between machines, whose processes cannot be asked: these are given a day. */
const FOREIGN_LIFE_MS = 24 * 60 * 60 * 1000;

/** True when the process `owner` that made the file or folder `path` can no longer be at work on it. */
export async function isAbandoned(path: string, owner: string): Promise<boolean> {
  const [, pid = '', host] = /^(\d+)-(.*)$/.exec(owner) ?? [];
  const { mtimeMs } = await stat(path);
  if (host !== hostname()) return Date.now() - mtimeMs > FOREIGN_LIFE_MS;
  // In containers every process has the same number: one of before this one is gone.
  if (owner === OWNER) return mtimeMs < Date.now() - process.uptime() * 1000;
  return !isAlive(Number(pid));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
