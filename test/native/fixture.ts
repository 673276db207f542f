import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import type { Libtorch } from '../../lib/native/libtorch';

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

export function write(path: string, content = ''): string {
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

/** What findLibtorch would say of a LibTorch of this version. */
export function libtorchOf(version: string, root = '/somewhere/torch'): Libtorch {
  return { root, version, variant: 'cpu', source: 'LIBTORCH', reason: 'a test names it' };
}

/** A PATH that holds these shell scripts and the few tools they use, and nothing else. */
export function fakePath(scripts: Record<string, string>): string {
  const folder = newFolder();
  for (const tool of ['sh', 'cat', 'mkdir', 'sleep', 'touch', 'rm']) {
    symlinkSync(join('/bin', tool), join(folder, tool));
  }
  for (const [name, body] of Object.entries(scripts)) {
    chmodSync(write(join(folder, name), `#!/bin/sh\n${body}\n`), 0o755);
  }
  return folder;
}
