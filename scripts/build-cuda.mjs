// Builds everything for CUDA devices on any Linux machine, without a GPU: fetches a CUDA build of LibTorch and nvcc
// from PyPI into the cache, compiles kernels, core, addon, tests and benchmark, and checks that nothing is
// left unresolved beyond the libraries that are there when it runs. --fetch-only stops after fetching.
import { execFileSync, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';

const require = createRequire(import.meta.url);
const root = join(import.meta.dirname, '..');
const { cacheRoot } = require('../dist/native/libtorch.js');

/** What lies in the cache, by folder: packages of PyPI, pinned. */
const FETCHED = {
  'cuda-libtorch-2.11.0': ['torch==2.11.0'],
  'cuda-nvcc-13.0.88': [
    'nvidia-cuda-nvcc==13.0.88',
    'nvidia-cuda-crt==13.0.88',
    'nvidia-nvvm==13.0.88',
    'nvidia-cuda-runtime==13.0.96',
  ],
};
/** Machine code and PTX that every kernel must be compiled to. */
const ARCHITECTURES = ['sm_80', 'sm_90', 'compute_120'];

const out = join(root, 'build', 'cuda');
const start = Date.now();
const seconds = () => ((Date.now() - start) / 1000).toFixed(0);

function fail(message) {
  console.error(`build:cuda: ${message}`);
  process.exit(1);
}

/** Runs a program with its output shown. */
function run(program, args) {
  const { status, error } = spawnSync(program, args, { cwd: root, stdio: 'inherit' });
  if (status !== 0) fail(error?.message ?? `${program} ${args.join(' ')} failed`);
}

/** The folder in the cache, filled by pip at first use; what an interrupted pip left does not count. */
function fetch(name) {
  const folder = join(cacheRoot(), name);
  if (existsSync(folder)) return folder;
  console.log(`fetching ${FETCHED[name].join(' ')}`);
  const partial = `${folder}.${process.pid}.partial`;
  mkdirSync(dirname(folder), { recursive: true });
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-input'];
  const where = ['--root-user-action=ignore', '--no-deps', '--target', partial];
  try {
    run('python3', [...pip, ...where, ...FETCHED[name]]);
    renameSync(partial, folder);
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
  return folder;
}

function symbols(file, ...options) {
  const text = execFileSync('nm', ['-D', ...options, file], {
    encoding: 'utf8',
    maxBuffer: 1 << 30,
  });
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.trim().split(/\s+/))
    .map((fields) => ({ kind: fields.at(-2), name: fields.at(-1).replace(/@.*/, '') }));
}

/** Names of libraries that a file says it needs. */
function needed(file) {
  const text = execFileSync('readelf', ['-d', file], { encoding: 'utf8' });
  return [...text.matchAll(/\(NEEDED\).*\[(.+)\]/g)].map(([, name]) => name);
}

/** Where the compiler's own libraries lie, by their names. */
function systemLibrary(name) {
  const compiler = process.env.CXX ?? 'c++';
  const path = execFileSync(compiler, [`-print-file-name=${name}`], { encoding: 'utf8' }).trim();
  return path === name ? undefined : path;
}

/**
 * Fails unless every symbol that `file` must have is one of the libraries it names; Node's are weak, so that the addon
 * loads in Python too. NVIDIA's other libraries, which LibTorch's need to run, are not asked for: nothing of ours may
 * use them.
 */
function checkSymbols(file, folders) {
  const libraries = needed(file).map((name) => {
    const found =
      folders.map((folder) => join(folder, name)).find((path) => existsSync(path)) ??
      systemLibrary(name);
    return (
      found ?? fail(`${file} needs ${name}, which is none of LibTorch's, CUDA's or the system's`)
    );
  });
  // LibTorch's OpenMP runtime serves our loops too, found through LibTorch: CMakeLists.txt, cmir_parallel.
  const runtimes = folders.flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => name.startsWith('libgomp'))
      .map((name) => join(folder, name)),
  );
  const defined = new Set();
  for (const library of [...libraries, ...runtimes]) {
    for (const { name } of symbols(library, '--defined-only')) defined.add(name);
  }
  const open = symbols(file, '--undefined-only').filter(
    ({ kind, name }) => kind === 'U' && !defined.has(name),
  );
  if (open.length > 0) {
    fail(`${file} leaves unresolved:\n${open.map(({ name }) => `  ${name}`).join('\n')}`);
  }
  const names = needed(file).join(' ');
  console.log(
    `${file.slice(root.length + 1)}: ${(statSync(file).size / 1e6).toFixed(1)} MB, all resolved by ${names}`,
  );
}

/** Fails unless each .cu of the project was compiled to all architectures, and their code is in the library. */
function checkKernels(library) {
  const commands = JSON.parse(readFileSync(join(out, 'compile_commands.json'), 'utf8'));
  const sources = readdirSync(join(root, 'native'), { recursive: true })
    .filter((name) => name.endsWith('.cu'))
    .map((name) => join(root, 'native', name));
  for (const source of sources) {
    const command = commands.find(({ file }) => file === source)?.command ?? '';
    const missing = ARCHITECTURES.filter((name) => !command.includes(`code=[${name}]`));
    if (missing.length > 0) fail(`${source} is not compiled to ${missing.join(', ')}`);
  }
  const binary = readFileSync(library);
  for (const name of ARCHITECTURES.filter((name) => name.startsWith('sm_'))) {
    if (!binary.includes(`-arch ${name}`)) fail(`no machine code for ${name} in ${library}`);
  }
  console.log(`${sources.length} kernel files compiled to ${ARCHITECTURES.join(', ')}`);
}

if (process.platform !== 'linux') fail('CUDA builds are for Linux');
const torch = join(fetch('cuda-libtorch-2.11.0'), 'torch');
const toolkit = join(fetch('cuda-nvcc-13.0.88'), 'nvidia', 'cu13');
if (!readFileSync(join(torch, 'version.py'), 'utf8').includes("= '13.0'")) {
  rmSync(dirname(torch), { recursive: true, force: true });
  fail('pip brought a torch that is no build for CUDA 13.0; is it told to look for CPU builds?');
}
console.log(`LibTorch and nvcc are there (${seconds()} s)`);
if (process.argv.includes('--fetch-only')) process.exit(0);

const cmakeJs = join(dirname(require.resolve('cmake-js/package.json')), 'bin', 'cmake-js');
const defines = {
  CMIR_CUDA: 'ON',
  CMIR_TESTS: 'ON',
  CMIR_LIBTORCH: torch,
  CMAKE_CUDA_COMPILER: join(toolkit, 'bin', 'nvcc'),
  // CMake's own trial of the compiler links; NVIDIA's packages have lib where nvcc expects lib64.
  CMAKE_CUDA_FLAGS: `-L${join(toolkit, 'lib')}`,
};
// A cache of another place or LibTorch is of no use.
const cache = join(out, 'CMakeCache.txt');
const known = [`CMIR_LIBTORCH:PATH=${torch}\n`, `CMAKE_HOME_DIRECTORY:INTERNAL=${root}\n`];
if (existsSync(cache)) {
  const text = readFileSync(cache, 'utf8');
  if (!text.includes('CMAKE_JS_VERSION') || !known.every((line) => text.includes(line))) {
    rmSync(out, { recursive: true, force: true });
  }
}
const args = Object.entries(defines).map(([name, value]) => `--CD${name}=${value}`);
const parallel = ['--parallel', String(availableParallelism())];
run(process.execPath, [cmakeJs, 'build', '--out', out, ...args, ...parallel]);
console.log(`compiled and linked (${seconds()} s)`);

const release = join(out, 'Release');
const built = existsSync(release) ? release : out;
const files = ['cmir.node', 'cmir_test', 'cmir_bench'].map((name) =>
  [built, out].map((folder) => join(folder, name)).find((path) => existsSync(path)),
);
if (files.includes(undefined)) fail(`not everything was built in ${out}`);
checkKernels(files[0]);
const folders = [join(torch, 'lib'), join(toolkit, 'lib')];
for (const file of files) checkSymbols(file, folders);
console.log(`done (${seconds()} s)`);
