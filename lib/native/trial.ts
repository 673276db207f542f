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
import { release } from 'node:os';
import { dirname, join } from 'node:path';

import type { ErrorCode } from '../errors';
import { PACKAGE_ROOT } from './build';
import { GLIBC, type Binary } from './binary';
import { cacheRoot, libraryFile, type Libtorch } from './libtorch';
import { OWNER } from './owner';

type NativeBuild = import('../../binding').NativeBuild;

/** What became of loading the addon: what it sees, or why it does not load. */
export type Probe =
  | { readonly engine: NativeBuild }
  | { readonly engine: null; readonly code: ErrorCode; readonly message: string };

/** An addon and the LibTorch that it is loaded with. */
export interface Pair {
  readonly binary: Binary;
  readonly libtorch: Libtorch;
}

/** The program that loads a pair and tells of it. */
const PROGRAM = join(PACKAGE_ROOT, 'dist', 'native', 'probe.js');
/** What it prints between LibTorch and the addon. */
export const LIBTORCH_OPEN = 'LibTorch is open';
/** Set in its environment: it tries nothing itself. */
const GUARD = 'CMIR_TRIAL';
/** A library that hangs must not hang the caller for ever. */
const LONGEST_MS = 120_000;

/** How the program is run: on Node itself, also where this program is Electron's, without the caller's flags. */
export function probeCommand(pair: Pair, env: NodeJS.ProcessEnv) {
  return {
    program: process.execPath,
    args: [PROGRAM, JSON.stringify(pair)],
    env: { ...env, NODE_OPTIONS: undefined, ELECTRON_RUN_AS_NODE: '1', [GUARD]: '1' },
  };
}

/** What the program printed, or how it ended. */
export function readProbe(
  status: number | null,
  stdout: string,
  output: string,
  pair: Pair,
): Probe {
  const lines = stdout.trim().split('\n');
  const probe = parse(lines.at(-1) ?? '');
  if (probe !== undefined && (status === 0 || probe.engine === null)) return probe;
  const { binary, libtorch } = pair;
  const words = output.trim().split('\n').slice(-3).join(' ');
  if (!lines.includes(LIBTORCH_OPEN)) {
    return {
      engine: null,
      code: 'ERR_CMIR_LIBTORCH',
      message: `LibTorch ${libtorch.version} in ${libtorch.root} ends the process that loads it: ${words}; ${otherLibtorch(libtorch)}`,
    };
  }
  return {
    engine: null,
    code: 'ERR_CMIR_NOT_BUILT',
    message:
      `the native addon ${binary.addon} ends its process with LibTorch ${libtorch.version} in ` +
      `${libtorch.root}: ${words}; run: npx cmir setup --rebuild, or set LIBTORCH to another`,
  };
}

/** What to do about a LibTorch that is damaged. */
export function otherLibtorch({ root, source }: Libtorch): string {
  return source === 'cache'
    ? `remove ${dirname(root)} and run: npx cmir setup`
    : `set LIBTORCH to another, or unset ${source} and run: npx cmir setup`;
}

function parse(line: string): Probe | undefined {
  try {
    const probe = JSON.parse(line) as Partial<Record<string, unknown>> | null;
    const { engine, code, message } = probe ?? {};
    if (engine === null && typeof code === 'string' && typeof message === 'string') {
      return probe as unknown as Probe;
    }
    const builtFor = (engine as Partial<NativeBuild> | undefined)?.builtFor;
    return typeof builtFor === 'string' ? (probe as unknown as Probe) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Loads a pair of addon and LibTorch in a process of its own before it is loaded in this one for the first time, since
 * a damaged library ends its process. Undefined when that went well, now or at an earlier time: it is remembered in
 * the cache as long as none of their files changes, nor the system.
 */
export function tryOnce(pair: Pair, env: NodeJS.ProcessEnv): Probe | undefined {
  if (env[GUARD] !== undefined) return undefined;
  const memory = memoryOf(pair, env);
  if (memory !== undefined && existsSync(memory)) return undefined;
  const child = runProbe(pair, env);
  // Where no process can be started, as under Node's permission model, nothing can be tried.
  if (child === undefined) return undefined;
  const ended = child.signal === null ? '' : `\nended by ${child.signal}`;
  const problem = child.error === undefined ? '' : `\n${child.error.message}`;
  const output = `${child.stderr}${problem}${ended}`;
  const probe = readProbe(child.status, child.stdout, output, pair);
  if (probe.engine === null) return probe;
  remember(memory, pair);
  return undefined;
}

function runProbe(pair: Pair, env: NodeJS.ProcessEnv): SpawnSyncReturns<string> | undefined {
  const { program, args, env: clean } = probeCommand(pair, env);
  const options = { env: clean, encoding: 'utf8', timeout: LONGEST_MS } as const;
  try {
    const child = spawnSync(program, args, options);
    // Without a number of its own it never ran.
    return child.pid === 0 ? undefined : child;
  } catch {
    return undefined;
  }
}

/** The file by which it is known that this pair loads; undefined where there is no cache. */
export function memoryOf(pair: Pair, env: NodeJS.ProcessEnv): string | undefined {
  try {
    return join(cacheRoot(env), 'tried', keyOf(pair));
  } catch {
    return undefined;
  }
}

const KEY_DIGITS = 32;

/** Changes when the addon, a library of LibTorch or beside it, Node or the system does: a cache may be shared. */
function keyOf({ binary, libtorch }: Pair): string {
  const files = [binary.addon, binary.loader, ...librariesOf(libtorch.root), ...GLIBC];
  const states = files.map((file) => {
    const state = statSync(file, { throwIfNoEntry: false });
    return `${file} ${String(state?.size)} ${String(state?.mtimeMs)} ${String(state?.ino)}`;
  });
  const system = `${process.version} ${process.arch} ${release()}`;
  const hash = createHash('sha256').update([system, ...states].join('\n'));
  return hash.digest('hex').slice(0, KEY_DIGITS);
}

/** All files that LibTorch loads: its own, and NVIDIA's in packages beside it. */
function librariesOf(root: string): string[] {
  const own = dirname(libraryFile(root, 'torch'));
  const nvidia = join(dirname(root), 'nvidia');
  const others = filesIn(nvidia).map((name) => join(nvidia, name, 'lib'));
  return [own, ...others].flatMap((folder) => filesIn(folder).map((name) => join(folder, name)));
}

function filesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}

/** Where the cache cannot be written, the next process tries again. */
export function remember(memory: string | undefined, { binary, libtorch }: Pair): void {
  if (memory === undefined) return;
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
  for (const name of readdirSync(folder).filter((name) => name.length === KEY_DIGITS)) {
    const file = join(folder, name);
    const paths = readFileSync(file, 'utf8').trim().split('\n');
    if (!paths.every((path) => existsSync(path))) rmSync(file, { force: true });
  }
}
