// Prepares the Python that the tests compare with: what test/python/requirements.txt pins goes to build/python. Its torch
// is the package that LibTorch lies in, where that is one, else the same version in build/python-torch. Prints
// { python, PYTHONPATH } as JSON, bench/pytorch on the path too, or, exiting with 1, why there is none.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, delimiter, dirname, join } from 'node:path';

import { installOnce } from './install-once.mjs';

const root = join(import.meta.dirname, '..');
const { findLibtorch } = createRequire(import.meta.url)('../dist/native/libtorch.js');
const requirements = join(root, 'test', 'python', 'requirements.txt');
const target = join(root, 'build', 'python');

/** Runs python3 and returns what it prints; `purpose` begins the message of a failure. */
function python(purpose, args, env = {}) {
  const { status, stdout, stderr, error } = spawnSync('python3', args, {
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });
  if (status !== 0) {
    throw new Error(`${purpose}: ${error?.message ?? stderr.trim().split('\n').at(-1)}`);
  }
  return stdout;
}

function install(folder, ...what) {
  const pip = ['-m', 'pip', 'install', '--disable-pip-version-check', '--no-input', '--quiet'];
  const where = ['--root-user-action=ignore', '--target', folder];
  python(`pip cannot install ${what.join(' ')}`, [...pip, ...where, ...what]);
}

/** The folder that holds a Python package torch of the version of this LibTorch. */
function torchFolder({ root: libtorch, version, variant }, interpreter) {
  if (basename(libtorch) === 'torch' && existsSync(join(libtorch, '__init__.py'))) {
    return dirname(libtorch);
  }
  if (variant !== 'cpu') {
    throw new Error(`LibTorch ${version} in ${libtorch} is no Python package, and no CPU build`);
  }
  const folder = join(root, 'build', 'python-torch');
  // PyTorch's builds for macOS have no variants.
  const local = process.platform === 'darwin' ? '' : '+cpu';
  const requirement = `torch==${version.split('+')[0]}${local}`;
  installOnce(folder, `${interpreter}${requirement}\n`, (partial) => {
    const index = ['--index-url', 'https://download.pytorch.org/whl/cpu'];
    try {
      install(partial, '--no-deps', requirement);
    } catch {
      install(partial, '--no-deps', requirement, ...index);
    }
  });
  return folder;
}

/** The environment to run the tests' Python in; throws an error that says what is missing. */
function prepare() {
  const libtorch = findLibtorch();
  if (libtorch === undefined) throw new Error('LibTorch is not found; run: npm ci');
  const version = python('python3 does not run', ['-c', 'import sys; print(sys.version)']);
  const interpreter = `# Python ${version.replace(/\s+/g, ' ')}\n`;
  installOnce(target, `${interpreter}${readFileSync(requirements, 'utf8')}`, (partial) => {
    install(partial, '-r', requirements);
  });
  const torch = torchFolder(libtorch, interpreter);

  const reference = join(root, 'bench', 'pytorch');
  const PYTHONPATH = [reference, target, torch].join(delimiter);
  const modules = 'import numpy, pytest, safetensors, torch';
  python(`the torch in ${torch} does not run in python3`, ['-c', modules], { PYTHONPATH });
  return { python: 'python3', PYTHONPATH };
}

try {
  console.log(JSON.stringify(prepare()));
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
