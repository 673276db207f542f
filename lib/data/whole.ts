import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import * as path from 'node:path';

import { CmirError, messageOf } from '../errors';

/**
 * Lets `write` fill a path beside `out`, a file or a folder, and renames it when that is done. `out` must be absent or
 * an empty folder; its parents are made. Throws ERR_CMIR_USAGE for a path that holds something, ERR_CMIR_IO when
 * writing fails.
 */
export async function writeWhole(
  out: string,
  write: (target: string) => Promise<void>,
): Promise<void> {
  await checkAbsent(out);
  const parent = path.dirname(path.resolve(out));
  let temporary: string | undefined;
  try {
    await mkdir(parent, { recursive: true });
    temporary = await mkdtemp(path.join(parent, `.${path.basename(out)}-`));
    const target = path.join(temporary, path.basename(out));
    await write(target);
    // An empty folder is in the way of a file.
    await rm(out, { recursive: true, force: true });
    await rename(target, out);
  } catch (cause) {
    if (cause instanceof CmirError) throw cause;
    throw new CmirError('ERR_CMIR_IO', `cannot write ${out}: ${messageOf(cause)}`, { cause });
  } finally {
    if (temporary !== undefined) await rm(temporary, { recursive: true, force: true });
  }
}

async function checkAbsent(out: string): Promise<void> {
  const content = await readdir(out).catch((error: unknown) =>
    (error as NodeJS.ErrnoException).code === 'ENOENT' ? [] : ['a file'],
  );
  if (content.length === 0) return;
  throw new CmirError(
    'ERR_CMIR_USAGE',
    `${out}: expected a path that is not there yet, or an empty folder, found ${content.slice(0, 3).join(', ')}`,
  );
}
