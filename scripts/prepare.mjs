// Run by npm in a clone after `npm ci`: compiles the TypeScript, then does what `cmir setup` does.
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const require = createRequire(import.meta.url);
const root = join(import.meta.dirname, '..');

/** Runs one stage and says how long it took; a failure ends everything with its own message. */
function stage(name, args, env = {}) {
  const start = Date.now();
  const { status } = spawnSync(process.execPath, args, {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, ...env },
  });
  if (status !== 0) {
    console.error(`cmir: ${name} failed`);
    process.exit(1);
  }
  console.error(`cmir: ${name} (${((Date.now() - start) / 1000).toFixed(0)} s)`);
}

stage('TypeScript compiled', [join(root, 'scripts', 'compile.mjs')]);

if (process.env.CMIR_SKIP_NATIVE === '1') {
  console.error(
    'cmir: CMIR_SKIP_NATIVE=1, the native addon is not built; later: npm run -s cmir -- setup',
  );
} else {
  stage('LibTorch found and native addon built', [
    require.resolve('../dist/cli/main.js'),
    'setup',
    '--no-prebuilt',
  ]);
}
