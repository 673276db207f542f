import { spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

import type { ErrorCode } from '../errors';
import { PACKAGE_ROOT } from './build';
import type { Binary } from './binary';
import { cacheRoot, libraryFile, type Libtorch } from './libtorch';
import { OWNER } from './owner';

type NativeBuild = import('../../binding').NativeBuild;

/** What became of loading the addon: what it sees, or why it does not load. */
export type Probe =
  | { readonly engine: NativeBuild }
  | { readonly engine: null; readonly code: ErrorCode; readonly message: string };

/** The program that loads an addon and tells of it: probe.ts, given what it tries as its argument. */
export const PROBE_PROGRAM = join(PACKAGE_ROOT, 'dist', 'native', 'probe.js');

export interface Pair {
  readonly binary: Binary;
  readonly libtorch: Libtorch;
}

/** What the probe printed, or how it ended. */
export function readProbe(stdout: string, output: string, { binary, libtorch }: Pair): Probe {
  try {
    return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Probe;
  } catch {
    const words = output.trim().split('\n').slice(-3).join(' ');
    return {
      engine: null,
      code: 'ERR_CMIR_NOT_BUILT',
      message:
        `the native addon ${binary.addon} ends its process with LibTorch ${libtorch.version} in ` +
        `${libtorch.root}: ${words}; run: npx cmir setup --rebuild, or set LIBTORCH to another`,
    };
  }
}

/**
 * Loads a pair of addon and LibTorch in a process of its own before it is loaded in this one for the first time, since
 * a damaged library ends its process. Undefined when that went well, now or at an earlier time: it is remembered in
 * the cache as long as neither changes.
 */
export function tryOnce(pair: Pair, env: NodeJS.ProcessEnv): Probe | undefined {
  const memory = join(cacheRoot(env), 'tried', keyOf(pair));
  if (existsSync(memory)) return undefined;
  const child = runProbe(pair, env);
  // Where no process can be started, as under Node's permission model, nothing can be tried.
  if (child === undefined) return undefined;
  const ended = child.signal === null ? '' : `\nended by ${child.signal}`;
  const probe = readProbe(child.stdout, `${child.stderr}${ended}`, pair);
  if (probe.engine === null) return probe;
  remember(memory, pair);
  return undefined;
}

function runProbe(pair: Pair, env: NodeJS.ProcessEnv): SpawnSyncReturns<string> | undefined {
  try {
    const program = [PROBE_PROGRAM, JSON.stringify(pair)];
    const child = spawnSync(process.execPath, program, { env, encoding: 'utf8' });
    return child.error === undefined ? child : undefined;
  } catch {
    return undefined;
  }
}

/** Remembers that this pair loads, as another process found out. */
export function rememberTried(pair: Pair, env: NodeJS.ProcessEnv): void {
  remember(join(cacheRoot(env), 'tried', keyOf(pair)), pair);
}

/** Where the cache cannot be written, the next process tries again. */
function remember(memory: string, { binary, libtorch }: Pair): void {
  const folder = dirname(memory);
  try {
    mkdirSync(folder, { recursive: true });
    forgetGone(folder);
    const partial = `${memory}.${OWNER}`;
    writeFileSync(partial, `${binary.addon}\n${libtorch.root}\n`);
    renameSync(partial, memory);
  } catch {
    return;
  }
}

/** Removes what is remembered of files that are no more. */
function forgetGone(folder: string): void {
  for (const name of readdirSync(folder)) {
    const file = join(folder, name);
    const paths = readFileSync(file, 'utf8').trim().split('\n');
    if (!paths.every((path) => existsSync(path))) rmSync(file, { force: true });
  }
}

/** Changes when the addon, a library of LibTorch or Node does. */
function keyOf({ binary, libtorch }: Pair): string {
  const libraries = ['c10', 'torch_cpu', 'torch_cuda', 'torch'];
  const files = [
    binary.addon,
    binary.loader,
    ...libraries.map((name) => libraryFile(libtorch.root, name)),
  ];
  const states = files.map((file) => {
    const state = statSync(file, { throwIfNoEntry: false });
    return `${file} ${String(state?.size)} ${String(state?.mtimeMs)} ${String(state?.ino)}`;
  });
  const hash = createHash('sha256').update([process.version, ...states].join('\n'));
  return hash.digest('hex').slice(0, 32);
}
