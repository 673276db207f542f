import { stat } from 'node:fs/promises';
import { basename } from 'node:path';

import { problemError } from '../problem';
import { hashError, sha256Of } from './hash';
import { fileName } from './obtain';
import type { PinnedBuild } from './pinned';

/** What given files hold, once their hashes are known to be right. */
export interface GivenBuild {
  readonly version: string;
  readonly variant: string;
  readonly unpackedBytes: number;
}

export interface GivenOptions {
  /** SHA-256 of files that are not pinned. */
  readonly sha256: readonly string[];
  readonly version: string | undefined;
  readonly variant: string | undefined;
  readonly builds: readonly PinnedBuild[];
}

/** How much larger than its archive a LibTorch that is not pinned can be expected to be. */
const UNPACKED = 4;

/**
 * Verifies given wheels or archives of LibTorch: each has a pinned hash, or one of `sha256`. Throws
 * ERR_CMIR_SETUP that names the hash that was found.
 */
export async function verifyGiven(
  files: readonly string[],
  { sha256, version, variant, builds }: GivenOptions,
): Promise<GivenBuild> {
  const wanted = new Set(sha256.map((hash) => hash.toLowerCase()));
  const found = new Map<string, string>();
  for (const file of files) found.set(await hashOf(file), file);
  const unused = [...wanted].find((hash) => !found.has(hash));
  if (unused !== undefined) {
    const [[hash, file] = ['', '']] = [...found];
    throw hashError(file, hash, unused, 'get the file again, or give the right --sha256');
  }
  const build = builds.find((one) => one.files.some((file) => found.has(file.sha256)));
  for (const [hash, file] of found) {
    if (wanted.has(hash) || build?.files.some((pinned) => pinned.sha256 === hash) === true)
      continue;
    throw unknownHash(file, hash, builds);
  }
  if (build === undefined) return unpinned(files, version, variant);
  checkBuild(build, found, version, variant);
  return build;
}

async function hashOf(file: string): Promise<string> {
  const isFile = await stat(file).then(
    (status) => status.isFile(),
    () => false,
  );
  if (isFile) return sha256Of(file);
  throw problemError('ERR_CMIR_SETUP', {
    what: `--file ${file}: no such file`,
    fix: 'give a wheel of torch or an archive of LibTorch',
  });
}

function unknownHash(file: string, hash: string, builds: readonly PinnedBuild[]) {
  const pinned = builds
    .flatMap((build) => build.files)
    .find((one) => fileName(one) === basename(file));
  if (pinned !== undefined) {
    const fix = 'it is damaged or was changed; get it again';
    return hashError(file, hash, pinned.sha256, fix);
  }
  return problemError('ERR_CMIR_SETUP', {
    what: `${basename(file)} is no file that cmir knows: its SHA-256 is ${hash}`,
    fix: 'compare that with what its publisher states; if it is the same, give it with --sha256',
  });
}

/** Refuses a pinned build that is for another machine, incomplete, or not the one that was asked for. */
function checkBuild(
  build: PinnedBuild,
  found: ReadonlyMap<string, string>,
  version: string | undefined,
  variant: string | undefined,
): void {
  const name = `LibTorch ${build.version} (${build.variant}) for ${build.platform}`;
  const asked = [version ?? build.version, variant ?? build.variant];
  if (asked[0] !== build.version || asked[1] !== build.variant) {
    const what = `the given file is ${name}, not ${asked[0] ?? ''} (${asked[1] ?? ''})`;
    throw problemError('ERR_CMIR_SETUP', { what, fix: 'leave out --version and --variant' });
  }
  const platform = `${process.platform}-${process.arch}`;
  if (build.platform !== platform) {
    const what = `the given file is ${name}, but this machine is ${platform}`;
    throw problemError('ERR_CMIR_SETUP', { what, fix: 'give a file for this machine' });
  }
  const missing = build.files.filter(({ sha256 }) => !found.has(sha256));
  if (missing.length > 0) {
    const list = missing.map(({ url }) => `\n  ${url}`).join('');
    const what = `${name} needs ${String(missing.length)} more files`;
    throw problemError('ERR_CMIR_SETUP', { what, fix: `give each with --file too:${list}` });
  }
}

async function unpinned(
  files: readonly string[],
  version: string | undefined,
  variant: string | undefined,
): Promise<GivenBuild> {
  const names = files.map((file) =>
    /(\d+\.\d+\.\d+)(?:(?:\+|%2B)(cpu|cu\d{3}))?/i.exec(basename(file)),
  );
  const said = names.find((match) => match?.[2] !== undefined) ?? names[0];
  const [given, kind] = [version ?? said?.[1], variant ?? said?.[2]];
  if (given === undefined || kind === undefined) {
    throw problemError('ERR_CMIR_SETUP', {
      what: `the name of ${basename(files[0] ?? '')} does not tell what it holds`,
      fix: 'say it with --version and --variant',
    });
  }
  const sizes = await Promise.all(files.map(async (file) => (await stat(file)).size));
  const unpackedBytes = UNPACKED * sizes.reduce((sum, size) => sum + size, 0);
  return { version: given, variant: kind, unpackedBytes };
}
