#!/usr/bin/env node
// What prebuildify calls instead of node-gyp: builds the addon with cmake-js as the rest of the project does, and puts
// it where prebuildify looks for it. scripts/prebuild.mjs names the variant of LibTorch by CMIR_PREBUILD, its minor
// version by CMIR_PREBUILD_TORCH.
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const require = createRequire(import.meta.url);
const variant = process.env.CMIR_PREBUILD;

/** The folder with the addon of this variant, up to date. */
async function build() {
  if (variant !== 'cpu') {
    // It compiles for CUDA 13.0, the one variant beside the CPU's.
    const { status } = spawnSync(process.execPath, [join(root, 'scripts', 'build-cuda.mjs')], {
      stdio: 'inherit',
    });
    if (status !== 0) process.exit(1);
    return join(root, 'build', 'cuda', 'Release');
  }
  const { findLibtorch, minorVersion } = require('../dist/native/libtorch.js');
  const { buildAddon, buildFiles } = require('../dist/native/build.js');
  const libtorch = findLibtorch({ ...process.env, CMIR_TORCH_VARIANT: variant });
  const wanted = process.env.CMIR_PREBUILD_TORCH;
  if (libtorch?.variant !== variant || minorVersion(libtorch.version) !== wanted) {
    const found = libtorch === undefined ? 'none' : `${libtorch.version} in ${libtorch.root}`;
    throw new Error(`expected LibTorch ${wanted} (${variant}), found ${found}; run: npm ci`);
  }
  await buildAddon(libtorch, { log: (line) => console.log(line) });
  return buildFiles().release;
}

const from = await build();
const to = join(process.cwd(), 'build', 'Release');
mkdirSync(to, { recursive: true });
for (const name of ['cmir.node', 'cmir_loader.node']) {
  if (!existsSync(join(from, name))) throw new Error(`${join(from, name)} was not built`);
  copyFileSync(join(from, name), join(to, name));
}
