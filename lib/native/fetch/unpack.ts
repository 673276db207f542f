import { mkdir, open, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { openPromise, type Entry, type ZipFile } from 'yauzl';

import { messageOf } from '../../errors';
import { problemError } from '../problem';
import { isDiskError } from './failure';

/** What a LibTorch is used for needs; of the wheel's Python, nothing. */
const KEPT = [
  /^torch\/(include\/|lib\/(?!libtorch_python\.)|version\.py$|build-version$)/,
  /^nvidia\/(?!.*\.py$)/,
  /^[^/]+\.dist-info\/(licenses\/|LICEN[CS]E)/,
];

/** Files from this size on are written in pieces and brought to the disk before they are used. */
const LARGE = 1 << 20;

/**
 * Unpacks the LibTorch of a wheel, or of the archive that PyTorch offers (whose folder is named libtorch),
 * into `folder`: libraries and headers below torch/ and nvidia/, and the licences. Only regular files with
 * paths below `folder` are ever written, each once. Throws ERR_CMIR_SETUP for a damaged archive.
 */
export async function unpack(archive: string, folder: string): Promise<void> {
  try {
    const zip = await openPromise(archive, { lazyEntries: true, autoClose: false });
    try {
      await unpackEntries(zip, folder);
    } finally {
      zip.close();
    }
  } catch (cause) {
    if (isDiskError(cause)) throw cause;
    const what = `${basename(archive)} is no archive that can be unpacked: ${messageOf(cause)}`;
    throw problemError('ERR_CMIR_SETUP', { what, fix: 'give a wheel of torch, or fetch it anew' });
  }
}

async function unpackEntries(zip: ZipFile, folder: string): Promise<void> {
  const made = new Set<string>();
  // yauzl refuses names that are absolute, lead upwards or have backslashes.
  for await (const entry of zip.eachEntry()) {
    const name = entry.fileName.replace(/^libtorch\//, 'torch/');
    if (name.endsWith('/') || !KEPT.some((pattern) => pattern.test(name))) continue;
    if (isLink(entry)) throw new Error(`${entry.fileName} is a link`);
    const path = join(folder, name);
    const parent = dirname(path);
    if (!made.has(parent)) await mkdir(parent, { recursive: true });
    made.add(parent);
    const content = await zip.openReadStreamPromise(entry);
    if (entry.uncompressedSize < LARGE) {
      await writeFile(path, await buffer(content), { flag: 'wx' });
      continue;
    }
    await using file = await open(path, 'wx');
    for await (const piece of content) await file.writeFile(piece as Buffer);
    await file.sync();
  }
}

/** True for an entry that a Unix machine packed as a symbolic link. */
function isLink({ externalFileAttributes }: Entry): boolean {
  return ((externalFileAttributes >>> 16) & 0o170000) === 0o120000;
}
