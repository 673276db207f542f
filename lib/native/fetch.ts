import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm, statfs } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

import { CmirError } from '../errors';
import { PINNED_VERSION, cachedWheel, findLibtorch, torchVariant, type Libtorch } from './libtorch';
import { run } from './run';

/** Bytes that an unpacked wheel and its download take together, with room to spare. */
const NEEDED_BYTES = { cpu: 2.5e9, cuda: 12e9 };

/**
 * Downloads the pinned LibTorch wheel into the cache with pip and returns it. What is half-made stays in a
 * temporary folder beside its final place, which only a finished download takes, by one rename.
 */
export async function fetchLibtorch(
  log: (line: string) => void,
  env: NodeJS.ProcessEnv = process.env,
): Promise<Libtorch> {
  const target = cachedWheel(env);
  const variant = torchVariant(env);
  await mkdir(dirname(target), { recursive: true }).catch((cause: unknown) => {
    throw new CmirError('ERR_CMIR_SETUP', `cannot write the cache ${dirname(target)}`, { cause });
  });
  await removeLeftovers(target);
  await checkDisk(dirname(target), variant);
  await checkPip(env);

  const temporary = `${target}.${String(process.pid)}.partial`;
  log(`fetching LibTorch ${PINNED_VERSION} (${variant}) into ${target}`);
  try {
    await install(temporary, variant, env);
    await rename(temporary, target).catch((error: unknown) => {
      // Another process was faster: its copy is as good.
      if (!existsSync(join(target, 'torch'))) throw error;
    });
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
  const { LIBTORCH: _folder, LIBTORCH_USE_PYTORCH: _python, ...cacheOnly } = env;
  const found = findLibtorch(cacheOnly);
  if (found === undefined) {
    throw new CmirError('ERR_CMIR_SETUP', `pip finished, but there is no LibTorch in ${target}`);
  }
  return found;
}

/** Folders that processes no longer alive left behind. */
async function removeLeftovers(target: string): Promise<void> {
  for (const name of await readdir(dirname(target))) {
    const pid = /^(.+)\.(\d+)\.partial$/.exec(name);
    if (pid?.[1] === basename(target) && !isAlive(Number(pid[2]))) {
      await rm(join(dirname(target), name), { recursive: true, force: true });
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

async function checkDisk(folder: string, variant: string): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const needed = variant === 'cpu' ? NEEDED_BYTES.cpu : NEEDED_BYTES.cuda;
  if (bavail * bsize < needed) {
    throw new CmirError(
      'ERR_CMIR_SETUP',
      `not enough disk space for LibTorch in ${folder}: found ${(bavail * bsize / 1e9).toFixed(1)} GB free, ` +
        `expected ${String(needed / 1e9)} GB; free some, or set XDG_CACHE_HOME to a folder on a larger disk`,
    );
  }
}

async function checkPip(env: NodeJS.ProcessEnv): Promise<void> {
  const { status, output } = await run('python3', ['-m', 'pip', '--version'], { env });
  if (status === 0) return;
  throw new CmirError(
    'ERR_CMIR_SETUP',
    status === null
      ? 'python3 is needed once, to fetch LibTorch: install it (Debian: apt-get install python3 python3-pip), ' +
          'or point LIBTORCH at a LibTorch you have'
      : 'python3 has no pip, which fetches LibTorch: install it (Debian: apt-get install python3-pip; ' +
          `elsewhere: python3 -m ensurepip), or point LIBTORCH at a LibTorch you have (${lastLine(output)})`,
  );
}

/** Tries the sources pip is configured with, then PyTorch's own index of wheels. */
async function install(folder: string, variant: string, env: NodeJS.ProcessEnv): Promise<void> {
  // A CUDA build needs NVIDIA's packages beside it; the CPU build needs nothing but itself.
  const dependencies = variant === 'cpu' ? ['--no-deps'] : [];
  const attempt = (source: string[]): ReturnType<typeof run> =>
    run(
      'python3',
      [
        ...['-m', 'pip', 'install', '--disable-pip-version-check', '--no-input', '--root-user-action=ignore'],
        ...[...dependencies, ...source, '--target', folder, `torch==${PINNED_VERSION}+${variant}`],
      ],
      { env },
    );
  const configured = await attempt([]);
  if (configured.status === 0) return;
  await rm(folder, { recursive: true, force: true });
  const index = await attempt(['--index-url', `https://download.pytorch.org/whl/${variant}`]);
  if (index.status === 0) return;
  throw new CmirError(
    'ERR_CMIR_SETUP',
    `cannot download LibTorch ${PINNED_VERSION}+${variant}: check the network (a proxy is set by HTTPS_PROXY), ` +
      'then run: npx cmir setup; or point LIBTORCH at a LibTorch you have. pip says: ' +
      lastLine(index.output),
  );
}

function lastLine(output: string): string {
  const lines = output.split('\n').filter((line) => /error/i.test(line));
  return (lines.at(-1) ?? output.trim().split('\n').at(-1) ?? '').trim();
}
