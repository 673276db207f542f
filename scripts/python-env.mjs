// Prepares the Python that the tests compare with: what test/python/requirements.txt pins goes to build/python, and
// torch is the package that LibTorch lies in, so that nothing is downloaded twice. Prints { python, PYTHONPATH }
// as JSON, bench/pytorch on the path too, or, exiting with 1, why there is none.
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

function install(folder) {
  const pip = ['-m', 'pip', 'install', '--disable-pip-version-check', '--no-input'];
  const where = ['--root-user-action=ignore', '--quiet', '--target', folder, '-r', requirements];
  python('pip cannot install test/python/requirements.txt', [...pip, ...where]);
}

/** The environment to run the tests' Python in; throws an error that says what is missing. */
function prepare() {
  const libtorch = findLibtorch();
  if (libtorch === undefined) throw new Error('LibTorch is not found; run: npm ci');
  if (basename(libtorch.root) !== 'torch' || !existsSync(join(libtorch.root, '__init__.py'))) {
    throw new Error(
      `LibTorch in ${libtorch.root} is no Python package; unset LIBTORCH and run: npm run -s cmir -- setup`,
    );
  }
  const version = python('python3 does not run', ['-c', 'import sys; print(sys.version)']);
  const content = `# Python ${version.replace(/\s+/g, ' ')}\n${readFileSync(requirements, 'utf8')}`;
  installOnce(target, content, install);

  const reference = join(root, 'bench', 'pytorch');
  const PYTHONPATH = [reference, target, dirname(libtorch.root)].join(delimiter);
  const modules = 'import numpy, pytest, safetensors, torch';
  python(`the torch of ${libtorch.root} does not run in python3`, ['-c', modules], { PYTHONPATH });
  return { python: 'python3', PYTHONPATH };
}

try {
  console.log(JSON.stringify(prepare()));
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
