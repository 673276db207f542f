import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { Options } from '../../config';
import { CmirError, messageOf } from '../../errors';
import { FILES } from '../search/trials';

/**
 * What a search found for a method: best.json of its folder under `folder`.
 * Throws ERR_CMIR_CHECKPOINT, with the command that makes it, where there is none.
 */
export async function readTuned(folder: string, method: string): Promise<Options> {
  const path = join(folder, method, FILES.best);
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Options;
  } catch (cause) {
    throw new CmirError(
      'ERR_CMIR_CHECKPOINT',
      `${path}: ${messageOf(cause)}; make it with: cmir search DATASET --methods ${method} --out ${folder}`,
      { cause },
    );
  }
}
