// Builds the C++ tests against the LibTorch that the addon uses, and runs them. --asan adds the sanitizers.
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const { findLibtorch } = createRequire(import.meta.url)('../dist/native/libtorch.js');
const libtorch = findLibtorch();
if (libtorch === undefined) {
  console.error('LibTorch is not found; run: npm ci');
  process.exit(1);
}
const preset = process.argv.includes('--asan') ? 'asan' : 'test';
const commands = [
  ['cmake', ['--preset', preset, `-DCMIR_LIBTORCH=${libtorch.root}`]],
  ['cmake', ['--build', '--preset', preset, '--parallel', '2']],
  ['ctest', ['--preset', preset]],
];
for (const [program, args] of commands) {
  const { status, error } = spawnSync(program, args, {
    cwd: root,
    stdio: 'inherit',
    env: {
      ...process.env,
      // LibTorch itself is not built with the sanitizers: it keeps some memory to the end. A test asks for more
      // memory than there is.
      ASAN_OPTIONS: 'detect_leaks=0:allocator_may_return_null=1',
    },
  });
  if (status !== 0) {
    console.error(error?.message ?? `${program} ${args.join(' ')} failed`);
    process.exit(1);
  }
}
