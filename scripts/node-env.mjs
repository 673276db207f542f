// Prepares another version of Node for the tests: `node scripts/node-env.mjs MAJOR` installs the pinned release from npm
// into build/node-MAJOR and prints the program's path, or, exiting with 1, why there is none.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const PINNED = { 20: '20.20.2', 22: '22.23.3', 24: '24.21.0' };
const root = join(import.meta.dirname, '..');

/** npm checks what it fetches against the registry's hashes; the rename leaves nothing half-made. */
function install(name, version, target) {
  const partial = `${target}.${process.pid}.partial`;
  mkdirSync(partial, { recursive: true });
  const quiet = [
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--no-package-lock',
    '--loglevel=error',
  ];
  const args = ['install', '--prefix', partial, ...quiet, `${name}@${version}`];
  try {
    const { status, stderr, error } = spawnSync('npm', args, { encoding: 'utf8', cwd: partial });
    if (status !== 0) {
      const reason = error?.message ?? stderr.trim().split('\n').slice(0, 2).join(' ');
      throw new Error(`npm cannot install ${name}@${version}: ${reason}`);
    }
    rmSync(target, { recursive: true, force: true });
    renameSync(partial, target);
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
}

/** The path of the program, whose version is tried; throws an error that says what is missing. */
function prepare(major) {
  const version = PINNED[major];
  if (version === undefined) {
    throw new Error(
      `expected a major version of ${Object.keys(PINNED).join(', ')}, found '${major}'`,
    );
  }
  const name = `node-${process.platform}-${process.arch}`;
  const target = join(root, 'build', `node-${major}`);
  const program = join(target, 'node_modules', name, 'bin', 'node');
  const found = () => spawnSync(program, ['--version'], { encoding: 'utf8' }).stdout?.trim();
  if (!existsSync(program) || found() !== `v${version}`) install(name, version, target);
  if (found() !== `v${version}`) throw new Error(`Node ${version} does not run: ${program}`);
  return program;
}

try {
  console.log(prepare(process.argv[2]));
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
