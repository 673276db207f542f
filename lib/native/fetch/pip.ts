import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { CmirError } from '../../errors';
import { problemError, type Problem } from '../problem';
import { run } from '../run';
import { diskProblem } from './disk';
import { FetchFailure } from './failure';

const PIP = ['-m', 'pip', '--disable-pip-version-check', '--no-input'];

/** pip works in our folder too, and obeys no setting that contradicts where to install. */
async function environment(folder: string, env: NodeJS.ProcessEnv): Promise<NodeJS.ProcessEnv> {
  const temporary = join(folder, 'tmp');
  await mkdir(temporary, { recursive: true });
  return { ...env, TMPDIR: temporary, PIP_USER: '0', PIP_REQUIRE_VIRTUALENV: '0' };
}

/** Runs pip on the sources it is configured with, then on PyTorch's own index; the output of a failure. */
async function runPip(
  args: readonly string[],
  variant: string,
  env: NodeJS.ProcessEnv,
  clean: () => Promise<void>,
): Promise<string | undefined> {
  let output = '';
  for (const source of [[], ['--index-url', `https://download.pytorch.org/whl/${variant}`]]) {
    await clean();
    const finished = await run('python3', [...PIP, ...args, ...source], { env });
    if (finished.status === 0) return undefined;
    output = finished.output;
  }
  return output;
}

/**
 * Brings the wheel of this file name to `path` with pip, which knows mirrors, proxies and other places to look.
 * Its hash is the caller's to check. Throws a FetchFailure with pip's words.
 */
export async function downloadWithPip(
  wheel: string,
  variant: string,
  path: string,
  env: NodeJS.ProcessEnv,
): Promise<void> {
  const folder = `${path}.pip`;
  const [name = '', version = '', python = '', abi = '', platforms = ''] = wheel
    .replace(/\.whl$/, '')
    .split('-');
  const interpreter = /^cp3(\d+)$/.exec(python)?.[1];
  const args = [
    ...['download', '--no-deps', '--only-binary=:all:', '--dest', folder],
    ...(interpreter === undefined
      ? []
      : ['--python-version', `3.${interpreter}`, '--implementation', 'cp', '--abi', abi]),
    ...platforms.split('.').flatMap((platform) => ['--platform', platform]),
    `${name.replaceAll('_', '-')}==${version}`,
  ];
  try {
    const clean = (): Promise<void> => rm(folder, { recursive: true, force: true });
    await clean();
    const output = await runPip(args, variant, await environment(`${folder}.tmp`, env), clean);
    if (output !== undefined) throw new FetchFailure(`pip says: ${lastError(output)}`, true);
    const [found] = (await readdir(folder)).filter((file) => file.endsWith('.whl'));
    if (found === undefined) throw new FetchFailure('pip brought no wheel', true);
    await rename(join(folder, found), path);
  } finally {
    await rm(folder, { recursive: true, force: true });
    await rm(`${folder}.tmp`, { recursive: true, force: true });
  }
}

/**
 * Installs a LibTorch that is not pinned into `folder`: pip checks it against the hash of the index that it
 * takes it from. Throws ERR_CMIR_SETUP.
 */
export async function installWithPip(
  version: string,
  variant: string,
  folder: string,
  env: NodeJS.ProcessEnv,
): Promise<void> {
  // PyTorch's builds for macOS have no variants.
  const local = process.platform === 'darwin' ? '' : `+${variant}`;
  const requirement = `torch==${version}${local}`;
  // A CUDA build needs NVIDIA's packages beside it; the CPU build needs nothing but itself.
  const dependencies = variant === 'cpu' ? ['--no-deps'] : [];
  const args = ['install', ...dependencies, '--target', folder, requirement];
  const clean = (): Promise<void> => rm(folder, { recursive: true, force: true });
  try {
    const output = await runPip(args, variant, await environment(`${folder}.tmp`, env), clean);
    if (output !== undefined) throw installError(requirement, folder, output);
  } finally {
    await rm(`${folder}.tmp`, { recursive: true, force: true });
  }
}

/** Words by which pip's output tells what went wrong, the first that fits, with what mends it. */
function installError(requirement: string, folder: string, output: string): CmirError {
  const instead = 'or point LIBTORCH at a LibTorch you have';
  let problem: Problem = {
    what: `pip cannot install ${requirement}`,
    fix: `mend what it says, then run: npx cmir setup, ${instead}`,
  };
  if (output.includes('No space left on device')) {
    problem = diskProblem(folder);
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
  return problemError('ERR_CMIR_SETUP', {
    what: problem.what,
    fix: `${problem.fix}. pip says: ${lastError(output)}`,
  });
}

function lastError(output: string): string {
  const lines = output.trim().split('\n');
  return (lines.filter((line) => /error/i.test(line)).at(-1) ?? lines.at(-1) ?? '').trim();
}
