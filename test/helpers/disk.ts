import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';

/** A disk in memory, mounted at a path of its own. */
export interface SmallDisk {
  readonly path: string;
  setReadOnly(readOnly: boolean): void;
  remove(): void;
}

function mount(args: readonly string[]): string | undefined {
  const { status, stderr, error } = spawnSync('mount', args, { encoding: 'utf8' });
  return status === 0 ? undefined : (error?.message ?? stderr.trim());
}

/** Mounts one of so many bytes; undefined, after a message, where this process may not mount. */
export function smallDisk(path: string, bytes: number): SmallDisk | undefined {
  mkdirSync(path);
  const problem = mount(['-t', 'tmpfs', '-o', `size=${String(bytes)}`, 'tmpfs', path]);
  if (problem !== undefined) {
    console.warn(`skipped: no disk can be mounted to fill (only root may): ${problem}`);
    return undefined;
  }
  return {
    path,
    setReadOnly(readOnly) {
      const failed = mount(['-o', `remount,${readOnly ? 'ro' : 'rw'}`, path]);
      if (failed !== undefined) throw new Error(failed);
    },
    remove() {
      spawnSync('umount', ['--lazy', path]);
      rmSync(path, { recursive: true, force: true });
    },
  };
}
