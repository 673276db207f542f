import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const STAMP = 'cmir-requirements.txt';

/**
 * Fills the folder `target` by `install(folder)` unless it was filled for the same `content`. The work is done in a
 * folder of its own, which is renamed: a killed or a second installation leaves nothing half-made.
 */
export function installOnce(target, content, install) {
  const stamp = join(target, STAMP);
  const isPrepared = () => existsSync(stamp) && readFileSync(stamp, 'utf8') === content;
  if (isPrepared()) return;
  const partial = `${target}.${process.pid}.partial`;
  mkdirSync(dirname(target), { recursive: true });
  try {
    install(partial);
    writeFileSync(join(partial, STAMP), content);
    rmSync(target, { recursive: true, force: true });
    renameSync(partial, target);
  } catch (error) {
    if (!isPrepared()) throw error;
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
}
