// Tries the package as a user gets it: packs it, checks what is in it, installs it with --ignore-scripts into an empty
// folder with an empty HOME and a PATH that holds Node, npm and a shell alone, then trains, predicts, and uses it from
// ES modules, CommonJS and TypeScript. LibTorch is the one that this project found. Run `npm run prebuild` before.
import { execFileSync, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { performance } from 'node:perf_hooks';
import { delimiter, dirname, join } from 'node:path';

const require = createRequire(import.meta.url);
const root = join(import.meta.dirname, '..');
const { findLibtorch } = require('../dist/native/libtorch.js');
const { prebuiltFor } = require('../dist/native/binary.js');

const MOST_BYTES = 5e6;
/** Every file of the package is one of these. */
const ALLOWED = [
  /^(package\.json|README\.md|LICENSE|CHANGELOG\.md|CMakeLists\.txt|binding\.d\.ts)$/,
  /^dist\/[\w/-]+\.(js|d\.ts)$/,
  /^completions\/cmir\.(bash|zsh|fish)$/,
  /^native\/[\w/-]+\.(h|cc|cu)$/,
  /^prebuilds\/[a-z]+-[a-z0-9]+\/cmir(_loader|-torch\d+\.\d+-(cpu|cu\d{3})-[0-9a-f]{12})\.glibc\.node$/,
];
const FORBIDDEN = /(^|\/)(test|emulation)\/|_test\.cc$|\/test\.cc$|_fixture\.h$|reference\.h$/;
const NEEDED = [
  ...['dist/index.js', 'dist/index.d.ts', 'dist/cli/main.js', 'binding.d.ts', 'LICENSE'],
  ...['CMakeLists.txt', ...sources()],
];

/** What the addon is compiled of, as CMakeLists.txt lists it above the tests. */
function sources() {
  const [text] = readFileSync(join(root, 'CMakeLists.txt'), 'utf8').split('option(CMIR_TESTS');
  return [...text.matchAll(/native\/[\w/]+\.(?:cc|cu)/g)].map(([name]) => name);
}

const scratch = mkdtempSync(join(tmpdir(), 'cmir-package-'));
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));

function fail(message) {
  console.error(`try-package: ${message}`);
  process.exit(1);
}

const libtorch = findLibtorch();
if (libtorch === undefined) fail('LibTorch is not found; run: npm ci');
if (prebuiltFor(libtorch, root) === undefined) {
  fail(`no prebuilt binary for LibTorch ${libtorch.version}; run: npm run prebuild`);
}

function pack() {
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', scratch];
  const [packed] = JSON.parse(execFileSync('npm', args, { cwd: root, encoding: 'utf8' }));
  const names = packed.files.map(({ path }) => path);
  for (const name of names) {
    if (FORBIDDEN.test(name) || !ALLOWED.some((pattern) => pattern.test(name))) {
      fail(`the package holds ${name}, which does not belong there`);
    }
  }
  for (const name of NEEDED) if (!names.includes(name)) fail(`the package lacks ${name}`);
  if (packed.size > MOST_BYTES)
    fail(`the package has ${packed.size} bytes, expected ${MOST_BYTES}`);
  const binaries = names.filter((name) => name.endsWith('.node'));
  for (const variant of ['cpu', 'cu130']) {
    const count = binaries.filter((name) => name.includes(`-${variant}-`)).length;
    if (count !== 1) fail(`the package holds ${count} binaries for ${variant}, expected one`);
  }
  console.log(
    `packed: ${(packed.size / 1e6).toFixed(2)} MB, ${names.length} files, of them binaries:`,
  );
  for (const name of binaries) console.log(`  ${name}`);
  return join(scratch, packed.filename);
}

/** A folder for PATH with these programs and no others. */
function path(names) {
  const folder = join(scratch, 'bin');
  mkdirSync(folder);
  for (const name of names) {
    const found = (process.env.PATH ?? '')
      .split(delimiter)
      .map((part) => join(part, name))
      .find((file) => existsSync(file));
    symlinkSync(realpathSync(found ?? fail(`${name} is not in PATH`)), join(folder, name));
  }
  return folder;
}

const tarball = pack();
const publint = join(root, 'node_modules', 'publint', 'src', 'cli.js');
if (
  spawnSync(process.execPath, [publint, 'run', tarball, '--strict'], { stdio: 'inherit' })
    .status !== 0
) {
  fail('publint has objections');
}

const folder = join(scratch, 'user');
const home = join(scratch, 'home');
for (const path of [folder, home]) mkdirSync(path);
// npm's own settings say where packages come from; a compiler, CMake or Python is not there.
const settings = Object.entries(process.env).filter(([name]) =>
  /^(npm_config_registry|NODE_EXTRA_CA_CERTS)$/i.test(name),
);
const env = {
  ...Object.fromEntries(settings),
  PATH: path(['node', 'npm', 'npx', 'sh', 'env']),
  HOME: home,
  LIBTORCH: libtorch.root,
};

/** Runs a program in the user's folder; its standard output. */
function run(program, ...args) {
  const { status, stdout, stderr } = spawnSync(program, args, {
    cwd: folder,
    env,
    encoding: 'utf8',
  });
  if (status !== 0) fail(`${program} ${args.join(' ')} ended with ${status}:\n${stdout}${stderr}`);
  return stdout;
}

const seconds = (from) => ((performance.now() - from) / 1000).toFixed(1);
const file = (name, text) => writeFileSync(join(folder, name), text);

file('package.json', JSON.stringify({ name: 'user', private: true }));
const start = performance.now();
run('npm', 'install', '--ignore-scripts', '--no-audit', '--no-fund', tarball, '@types/node');
console.log(`installed after ${seconds(start)} s`);
const metrics = JSON.parse(run('npx', 'cmir', 'train', '--quiet', '--json', '--out', 'runs/first'));
console.log(`first metrics after ${seconds(start)} s: MAE on test ${metrics.test.MAE.toFixed(4)}`);
if (!(metrics.test.MAE < 0.5)) fail('the model learned nothing');

run(
  'npx',
  'cmir',
  'data',
  'synthesize',
  'data',
  '--set',
  'train=200',
  '--set',
  'valid=60',
  '--set',
  'test=60',
);
run('npx', 'cmir', 'train', 'data', '--quiet', '--set', 'training.epochs=2', '--out', 'runs/own');
run('npx', 'cmir', 'predict', 'runs/own', 'data', '--out', 'predictions.csv');
run('npx', 'cmir', 'doctor');
console.log('the program trains, predicts, and says that it is ready');

const body = `
const data = syntheticDataset({ train: 64, valid: 32, test: 32 });
const run = await train(data, { training: { epochs: 2 } }, { out: 'runs/' + name });
if (!Number.isFinite(run.metrics.test.MAE)) throw new Error('no metrics');
const model = await loadModel('runs/' + name);
const { predictions } = await model.predict(data.test);
model.dispose();
if (predictions.length !== 32) throw new Error('no predictions');
console.log(name);
`;
const imports = 'import { loadModel, syntheticDataset, train } from "cmir";\n';
file('esm.mjs', `${imports}const name = 'esm';${body}`);
file(
  'cjs.cjs',
  `const { loadModel, syntheticDataset, train } = require('cmir');
async function main() { const name = 'cjs'; ${body} }
main();`,
);
file('typed.mts', `${imports}const name: string = 'typed';${body}`);

const tsc = join(dirname(require.resolve('typescript/package.json')), 'bin', 'tsc');
const strict = ['--strict', '--target', 'es2022', '--lib', 'es2023,esnext.disposable'];
const nodeTypes = ['--types', 'node'];
for (const [module, resolution] of [
  ['esnext', 'bundler'],
  ['nodenext', 'nodenext'],
  ['node16', 'node16'],
]) {
  const how = ['--module', module, '--moduleResolution', resolution];
  run('node', tsc, ...strict, ...nodeTypes, ...how, 'typed.mts');
}
for (const program of ['esm.mjs', 'cjs.cjs', 'typed.mjs']) run('node', program);
console.log('ES modules, CommonJS and TypeScript (node16, nodenext, bundler) use it');
const left = readdirSync(home).filter((name) => !['.npm', '.cache'].includes(name));
if (left.length > 0) fail(`something else than a cache was left in HOME: ${left.join(', ')}`);
console.log(`all after ${seconds(start)} s`);
