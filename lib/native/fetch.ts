import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';

import { CmirError } from '../errors';
import {
  PINNED_VERSION,
  cacheRoot,
  cachedWheel,
  inspectLibtorch,
  torchVariant,
  type Libtorch,
} from './libtorch';
import { OWNER, isAbandoned } from './owner';
import { problemError, type Problem } from './problem';
import { run } from './run';
import { pipProblem } from './tools';

/** Bytes that an unpacked wheel and its download take together, with room to spare. */
const NEEDED_BYTES = { cpu: 2.5e9, cuda: 12e9 };

/** A folder of the cache in which a process of `OWNER` downloads. */
const PARTIAL = /^partial-(.+)-\w{6}$/;

export interface FetchOptions {
  readonly env?: NodeJS.ProcessEnv;
  /** Takes a line about each thing that is done. */
  readonly log?: (line: string) => void;
  /** Bytes free on the disk of a folder; the file system's answer unless a test gives another. */
  readonly freeBytes?: (folder: string) => Promise<number>;
}

/**
 * Downloads the pinned LibTorch wheel into the cache with pip and returns it. Everything half-made stays in
 * a folder of this process beside its final place, which only a finished download takes, by one rename;
 * what a killed download left is removed by the next. Throws ERR_CMIR_SETUP with what mends it.
 */
export async function fetchLibtorch(options: FetchOptions = {}): Promise<Libtorch> {
  const { env = process.env, log = () => undefined, freeBytes = bytesFree } = options;
  const [cache, target, variant] = [cacheRoot(env), cachedWheel(env), torchVariant(env)];
  let partial: string;
  try {
    await mkdir(cache, { recursive: true });
    await removeAbandoned(cache);
    partial = await mkdtemp(join(cache, `partial-${OWNER}-`));
  } catch (cause) {
    const fix = 'make it writable, or set XDG_CACHE_HOME to a folder that is';
    throw problemError('ERR_CMIR_SETUP', { what: `cannot write the cache ${cache}`, fix }, cause);
  }
  try {
    await checkDisk(cache, variant, freeBytes);
    const problem = await pipProblem(env);
    if (problem !== undefined) throw problemError('ERR_CMIR_SETUP', problem);
    log(`fetching LibTorch ${PINNED_VERSION} (${variant}) into ${target}`);
    const wheel = join(partial, 'wheel');
    await install(wheel, variant, { ...env, ...(await pipEnvironment(partial)) });
    const found = inspectLibtorch(join(wheel, 'torch'), 'cache', 'pip installed it');
    await rename(wheel, target).catch((error: unknown) => {
      // Another process was faster: its copy is as good.
      if (!existsSync(join(target, 'torch'))) throw error;
    });
    return {
      ...found,
      root: join(target, 'torch'),
      reason: 'it was fetched into the cache just now',
    };
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

/** Removes what downloads that no longer run left behind; what cannot be removed now may stay. */
async function removeAbandoned(cache: string): Promise<void> {
  for (const name of await readdir(cache)) {
    const owner = PARTIAL.exec(name)?.[1];
    const folder = join(cache, name);
    if (owner !== undefined && (await isAbandoned(folder, owner).catch(() => false))) {
      await rm(folder, { recursive: true, force: true }).catch(() => undefined);
    }
  }
}

/** pip unpacks in our folder too, and obeys no setting that contradicts --target. */
async function pipEnvironment(partial: string): Promise<NodeJS.ProcessEnv> {
  const temporary = join(partial, 'tmp');
  await mkdir(temporary);
  return { TMPDIR: temporary, PIP_USER: '0', PIP_REQUIRE_VIRTUALENV: '0' };
}

async function bytesFree(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

async function checkDisk(
  folder: string,
  variant: string,
  freeBytes: (folder: string) => Promise<number>,
): Promise<void> {
  const free = await freeBytes(folder);
  const needed = variant === 'cpu' ? NEEDED_BYTES.cpu : NEEDED_BYTES.cuda;
  if (free < needed) {
    const found = `found ${(free / 1e9).toFixed(1)} GB, expected ${String(needed / 1e9)} GB`;
    throw problemError('ERR_CMIR_SETUP', diskProblem(folder, `: ${found}`));
  }
}

function diskProblem(folder: string, numbers = ''): Problem {
  return {
    what: `not enough disk space for LibTorch in ${folder}${numbers}`,
    fix: 'free some, or set XDG_CACHE_HOME to a folder on a larger disk',
  };
}

/** Tries the sources pip is configured with, then PyTorch's own index of wheels. */
async function install(folder: string, variant: string, env: NodeJS.ProcessEnv): Promise<void> {
  // PyTorch's builds for macOS have no variants.
  const local = process.platform === 'darwin' ? '' : `+${variant}`;
  const requirement = `torch==${PINNED_VERSION}${local}`;
  // A CUDA build needs NVIDIA's packages beside it; the CPU build needs nothing but itself.
  const dependencies = variant === 'cpu' ? ['--no-deps'] : [];
  const pip = ['-m', 'pip', 'install', '--disable-pip-version-check', '--no-input'];
  const sources = [[], ['--index-url', `https://download.pytorch.org/whl/${variant}`]];
  let output = '';
  for (const source of sources) {
    await rm(folder, { recursive: true, force: true });
    const args = [...pip, ...dependencies, ...source, '--target', folder, requirement];
    const finished = await run('python3', args, { env });
    if (finished.status === 0) return;
    output = finished.output;
  }
  throw downloadError(requirement, cacheRoot(env), output);
}

/** Words by which pip's output tells what went wrong, the first that fits, with what mends it. */
function downloadError(requirement: string, cache: string, output: string): CmirError {
  const instead = 'or point LIBTORCH at a LibTorch you have';
  let problem: Problem = {
    what: `pip cannot install ${requirement}`,
    fix: `mend what it says, then run: npx cmir setup, ${instead}`,
  };
  if (output.includes('No space left on device')) {
    problem = diskProblem(cache);
  } else if (/connection|resolution|timed out|ProxyError|SSLError|unreachable/i.test(output)) {
    problem = {
      what: `cannot download ${requirement}: the network does not answer`,
      fix: `check it (HTTPS_PROXY names a proxy), then run: npx cmir setup, ${instead}`,
    };
  } else if (output.includes('No matching distribution')) {
    problem = {
      what: `PyTorch has no ${requirement} for this python3 and machine`,
      fix: `put a python3 it supports (3.10 to 3.14) first in PATH, then run: npx cmir setup, ${instead}`,
    };
  }
  const lines = output.trim().split('\n');
  const last = lines.filter((line) => /error/i.test(line)).at(-1) ?? lines.at(-1) ?? '';
  return problemError('ERR_CMIR_SETUP', {
    what: problem.what,
    fix: `${problem.fix}. pip says: ${last.trim()}`,
  });
}
