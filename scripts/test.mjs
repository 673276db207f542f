// All tests: C++ (doctest), then TypeScript, end to end and Python (jest). Arguments go to jest.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');

function run(args) {
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' });
  return status === 0;
}

const args = process.argv.slice(2);
const native = args.length > 0 || run([join('scripts', 'test-native.mjs')]);
const jest = run([join('node_modules', 'jest', 'bin', 'jest.js'), ...args]);
process.exitCode = native && jest ? 0 : 1;
