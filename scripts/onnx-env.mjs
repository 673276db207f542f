// Prepares the ONNX runtime that the tests compare with: what test/onnx/package-lock.json pins goes to build/onnx. Its
// install script is not run: it downloads CUDA's libraries, which the CPU does without. Prints { onnxruntime }, the
// folder to import, as JSON, or, exiting with 1, why there is none.
import { spawnSync } from 'node:child_process';
import { cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { installOnce } from './install-once.mjs';

const root = join(import.meta.dirname, '..');
const source = join(root, 'test', 'onnx');
const target = join(root, 'build', 'onnx');

/** Runs a program in `folder`; `purpose` begins the message of a failure. */
function run(purpose, folder, program, args) {
  const { status, stderr, error } = spawnSync(program, args, { cwd: folder, encoding: 'utf8' });
  if (status !== 0)
    throw new Error(`${purpose}: ${error?.message ?? stderr.trim().split('\n')[0]}`);
}

function install(folder) {
  for (const file of ['package.json', 'package-lock.json']) {
    cpSync(join(source, file), join(folder, file));
  }
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund'];
  run('npm cannot install test/onnx/package-lock.json', folder, 'npm', args);
}

try {
  installOnce(target, readFileSync(join(source, 'package-lock.json'), 'utf8'), install);
  run('onnxruntime-node does not load', target, process.execPath, [
    ...['-e', "require('onnxruntime-node')"],
  ]);
  const onnxruntime = join(target, 'node_modules', 'onnxruntime-node');
  console.log(JSON.stringify({ onnxruntime }));
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
