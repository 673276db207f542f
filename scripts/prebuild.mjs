// Makes the binaries that the package holds, prebuilds/<system>/cmir-torch<version>-<variant>-<build id>.<libc>.node,
// with prebuildify and cmake-js, strips them, and checks that they run on systems as old as LibTorch does. Arguments
// name the variants, all unless given: node scripts/prebuild.mjs cpu cu130. --check only looks at what is there.
import { execFileSync, spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { basename, join } from 'node:path';

const require = createRequire(import.meta.url);
const root = join(import.meta.dirname, '..');
const { PREBUILT, prebuildsFolder } = require('../dist/native/binary.js');

/** Minor versions of LibTorch by variant. */
const VARIANTS = { cpu: '2.13', cu130: '2.11' };
/** The newest versions of symbols that LibTorch's own libraries ask for: older systems do not run it either. */
const OLDEST = { GLIBC: '2.28', GLIBCXX: '3.4.25', CXXABI: '1.3.11' };
/** Of one binary: a package stays small. */
const MOST_BYTES = 8e6;

const folder = prebuildsFolder(root);

function fail(message) {
  console.error(`prebuild: ${message}`);
  process.exit(1);
}

function run(program, args, options = {}) {
  const { status, error } = spawnSync(program, args, { cwd: root, stdio: 'inherit', ...options });
  if (status !== 0) fail(error?.message ?? `${program} ${args.join(' ')} failed`);
}

function readelf(...args) {
  return execFileSync('readelf', ['--wide', ...args], { encoding: 'utf8', maxBuffer: 1 << 28 });
}

/** The linker's name of the content, its first twelve digits. */
function buildId(file) {
  const id = /Build ID: ([0-9a-f]{12})/.exec(readelf('--notes', file))?.[1];
  return id ?? fail(`${file} has no build id`);
}

function newer(version, limit) {
  const [a, b] = [version, limit].map((text) => text.split('.').map(Number));
  for (let i = 0; i < Math.max(a.length, b.length); ++i) {
    if ((a[i] ?? 0) !== (b[i] ?? 0)) return (a[i] ?? 0) > (b[i] ?? 0);
  }
  return false;
}

/** Fails where the binary asks for symbols too new, names a folder of this machine, or is large; tells what it needs. */
function check(file) {
  const asked = [
    ...readelf('--version-info', file).matchAll(/Name: (GLIBC|GLIBCXX|CXXABI)_([\d.]+)/g),
  ];
  const newest = {};
  for (const [, library, version] of asked) {
    if (newer(version, newest[library] ?? '0')) newest[library] = version;
  }
  for (const [library, limit] of Object.entries(OLDEST)) {
    if (newer(newest[library] ?? '0', limit)) {
      fail(
        `${file} asks for ${library}_${newest[library]}, expected ${limit} or older: native/base/glibc.cc`,
      );
    }
  }
  const content = readFileSync(file);
  for (const path of [root, homedir()].filter((path) => path !== '/')) {
    if (content.includes(`${path}/`)) fail(`${file} names ${path}, a folder of this machine`);
  }
  if (content.length > MOST_BYTES)
    fail(`${file} has ${content.length} bytes, expected at most ${MOST_BYTES}`);
  const needs = Object.entries(newest).map(([library, version]) => `${library} ${version}`);
  console.log(
    `${basename(file)}: ${(content.length / 1e6).toFixed(2)} MB, needs ${needs.join(', ')}`,
  );
}

function prebuild(variant) {
  const name = `cmir-torch${VARIANTS[variant]}-${variant}`;
  // prebuildify takes the addon from build/Release of the folder it works in.
  const work = join(root, 'build', 'prebuild', variant);
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  const program = join(root, 'node_modules', 'prebuildify', 'bin.js');
  const options = ['--napi', '--strip', '--tag-libc', '--name', name, '--cwd', work, '--out', work];
  const gyp = ['--node-gyp', join(root, 'scripts', 'node-gyp.mjs')];
  run(process.execPath, [program, ...options, ...gyp], {
    env: { ...process.env, CMIR_PREBUILD: variant, CMIR_PREBUILD_TORCH: VARIANTS[variant] },
  });
  const made = join(work, 'prebuilds', basename(folder));
  const [addon] = readdirSync(made).filter((file) => file.startsWith(`${name}.`));
  if (addon === undefined) fail(`prebuildify made no ${name} in ${made}`);
  const final = addon.replace(name, `${name}-${buildId(join(made, addon))}`);
  if (!PREBUILT.test(final)) fail(`${final} is no name that the loader knows`);
  check(join(made, addon));
  mkdirSync(folder, { recursive: true });
  for (const old of readdirSync(folder).filter((file) => file.startsWith(`${name}-`))) {
    rmSync(join(folder, old));
  }
  renameSync(join(made, addon), join(folder, final));
  return {
    loader: join(work, 'build', 'Release', 'cmir_loader.node'),
    tags: addon.slice(name.length),
  };
}

if (process.platform !== 'linux') fail('prebuilt binaries are made on Linux');
if (process.argv.includes('--check')) {
  const names = existsSync(folder) ? readdirSync(folder) : [];
  for (const [variant, torch] of Object.entries(VARIANTS)) {
    if (!names.some((name) => name.startsWith(`cmir-torch${torch}-${variant}-`))) {
      fail(`no binary for LibTorch ${torch} (${variant}) in ${folder}; run: npm run prebuild`);
    }
  }
  for (const name of names) check(join(folder, name));
  process.exit(0);
}
const wanted = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(VARIANTS);
const unknown = wanted.filter((variant) => !(variant in VARIANTS));
if (unknown.length > 0)
  fail(`unknown variant ${unknown[0]}; expected ${Object.keys(VARIANTS).join(' or ')}`);
for (const variant of wanted) {
  const { loader, tags } = prebuild(variant);
  // Without LibTorch: any variant's serves all.
  const target = join(folder, `cmir_loader${tags}`);
  copyFileSync(loader, target);
  run('strip', ['--strip-all', target]);
  check(target);
}
if (!existsSync(folder)) fail('nothing was made');
const total = readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
console.log(
  `${folder.slice(root.length + 1)}: ${readdirSync(folder).length} files, ${(total / 1e6).toFixed(1)} MB`,
);
