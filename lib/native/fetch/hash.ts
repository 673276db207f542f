import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { basename } from 'node:path';
import { pipeline } from 'node:stream/promises';

import type { CmirError } from '../../errors';
import { problemError } from '../problem';

/** The SHA-256 of a file's content, in hexadecimal. */
export async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file, { highWaterMark: 1 << 20 }), hash);
  return hash.digest('hex');
}

export function hashError(file: string, found: string, expected: string, fix: string): CmirError {
  const what = `the content of ${basename(file)} is not what its publisher released`;
  const hashes = `found SHA-256 ${found}, expected ${expected}`;
  return problemError('ERR_CMIR_SETUP', { what: `${what}: ${hashes}`, fix });
}
