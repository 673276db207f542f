import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { prebuildsFolder } from '../../lib/native/binary';
import { buildFiles, builtFor } from '../../lib/native/build';
import { findLibtorch, type Libtorch } from '../../lib/native/libtorch';
import { ROOT } from '../helpers/program';

export { errorOf } from '../training/fixture';

const created: string[] = [];

/** A new empty folder, gone after `removeFolders`. */
export function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'cmir-native-'));
  created.push(folder);
  return folder;
}

export function removeFolders(): void {
  for (const folder of created.splice(0)) rmSync(folder, { recursive: true, force: true });
}

export function write(path: string, content: string | Uint8Array = ''): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  return path;
}

const LIBRARY = process.platform === 'darwin' ? 'libtorch.dylib' : 'libtorch.so';

/** Makes `root` look like the LibTorch of a wheel; `cuda` as version.py has it. */
export function fakeLibtorch(root: string, version = '2.13.0+cpu', cuda = 'None'): string {
  write(join(root, 'include/torch/library.h'));
  write(join(root, 'lib', LIBRARY));
  write(join(root, 'version.py'), `__version__ = '${version}'\ncuda: Optional[str] = ${cuda}\n`);
  return root;
}

/** The LibTorch of this machine, whatever a test's own environment says. */
export function realLibtorch(): Libtorch {
  const found = findLibtorch();
  if (found === undefined) throw new Error('LibTorch is not found; run: npm ci');
  return found;
}

/** A supported version that the addon is not built for. */
export function otherVersion(): string {
  return builtFor(ROOT)?.startsWith('2.12.') === true ? '2.11.0+cpu' : '2.12.1+cpu';
}

/** Damages the addon so that loading it ends the process. */
export function breakAddon(root: string): void {
  const { addon } = buildFiles(root);
  truncateSync(addon, Math.floor(statSync(addon).size / 2));
}

/** What findLibtorch would say of a LibTorch of this version. */
export function libtorchOf(version: string, root = '/somewhere/torch'): Libtorch {
  return { root, version, variant: 'cpu', source: 'LIBTORCH', reason: 'a test names it' };
}

/** A PATH that holds these shell scripts and the few tools they use, and nothing else. */
export function fakePath(scripts: Record<string, string>): string {
  const folder = newFolder();
  for (const tool of ['sh', 'cat', 'mkdir', 'sleep', 'touch', 'rm', 'cp']) {
    symlinkSync(join('/bin', tool), join(folder, tool));
  }
  for (const [name, body] of Object.entries(scripts)) {
    chmodSync(write(join(folder, name), `#!/bin/sh\n${body}\n`), 0o755);
  }
  return folder;
}

/** The package as it is installed elsewhere, with its native build but stubs for the sources of that. */
export function installPackage(): string {
  const root = newFolder();
  write(join(root, 'CMakeLists.txt'));
  write(join(root, 'native', 'addon.cc'));
  for (const name of ['package.json', 'dist']) {
    cpSync(join(ROOT, name), join(root, name), { recursive: true });
  }
  symlinkSync(join(ROOT, 'node_modules'), join(root, 'node_modules'));
  cpSync(buildFiles(ROOT).release, buildFiles(root).release, { recursive: true });
  return root;
}

/** The name that scripts/prebuild.mjs gives an addon. */
export function prebuiltName(torch: string, variant: string, buildId = '0123456789ab'): string {
  return `cmir-torch${torch}-${variant}-${buildId}.glibc.node`;
}

/** A package that came with binaries, and has built none: this machine's, under each of these names. */
export function prebuiltPackage(...names: string[]): string {
  const root = installPackage();
  const { addon, loader, build } = buildFiles(root);
  const folder = prebuildsFolder(root);
  mkdirSync(folder, { recursive: true });
  for (const name of names) cpSync(addon, join(folder, name));
  cpSync(loader, join(folder, 'cmir_loader.glibc.node'));
  rmSync(build, { recursive: true });
  return root;
}

/** Tools that build nothing and tell of each call; `build` is what `cmake --build` does with the folder $release. */
export function buildTools(build = `cp ${buildFiles(ROOT).release}/*.node $release`) {
  const log = join(newFolder(), 'calls.log');
  const cmake = `
    case "$1" in
      --version) echo 'cmake version 3.25.1' ;;
      --build) echo build >> ${log}; release=$2/Release; mkdir -p $release; ${build} ;;
      -E) exit 1 ;;
      *) echo configure "$@" >> ${log}; touch CMakeCache.txt build.ninja ;;
    esac`;
  const compiler = '[ "$1" != --version ] || echo 12.2.0';
  const tools = {
    cmake,
    ninja: 'echo 1.11.1',
    'c++': compiler,
    python3: `echo python3 >> ${log}; exit 1`,
  };
  const env: NodeJS.ProcessEnv = {
    PATH: fakePath(tools),
    LIBTORCH: realLibtorch().root,
    XDG_CACHE_HOME: newFolder(),
  };
  return {
    env,
    /** What was called so far. */
    calls: () => (existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : []),
  };
}
