// Things that go wrong on users' machines, injected one by one into a program that trains: it must go on, with a
// CmirError that says what to do.
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { prebuildsFolder } from '../../lib/native/binary';
import { buildFiles } from '../../lib/native/build';
import { cacheRoot, libraryFile } from '../../lib/native/libtorch';
import { smallDisk } from '../helpers/disk';
import {
  breakAddon,
  fakeLibtorch,
  fakePath,
  installPackage,
  newFolder,
  otherVersion,
  prebuiltName,
  prebuiltPackage,
  realLibtorch,
  removeFolders,
  write,
} from './fixture';

afterEach(removeFolders);

/** What a user's program makes of it: trains, prints the error it meets, and is still there afterwards. */
const PROGRAM = `
const { CmirError, setup, syntheticDataset, train } = require(process.argv[1] + '/dist');
const work = {
  train: (options) =>
    train(syntheticDataset({ train: 32, valid: 16, test: 16 }), { training: { epochs: 1 }, ...options }),
  save: (out) =>
    train(syntheticDataset({ train: 32, valid: 16, test: 16 }), { training: { epochs: 1 } }, { out }),
  setup: () => setup({ root: process.argv[1] }),
};
const [name, argument] = JSON.parse(process.argv[2]);
Promise.resolve()
  .then(() => work[name](argument))
  .catch((error) => error)
  .then((result) => {
    const { code, message } = result;
    const known = result instanceof CmirError;
    setImmediate(() => console.log(JSON.stringify({ known, code, message, alive: true })));
  });
`;

interface Outcome {
  known: boolean;
  alive: boolean;
  code?: string;
  message?: string;
}

function outcome(
  root: string,
  env: NodeJS.ProcessEnv,
  work: ['train', object?] | ['save', string] | ['setup'] = ['train'],
): Outcome {
  const child = spawnSync(process.execPath, ['-e', PROGRAM, root, JSON.stringify(work)], {
    env: {
      HOME: newFolder(),
      ...(env['HOME'] === '' ? {} : { XDG_CACHE_HOME: newFolder() }),
      ...env,
    },
    encoding: 'utf8',
  });
  expect({ signal: child.signal, status: child.status, stderr: child.stderr }).toEqual({
    signal: null,
    status: 0,
    stderr: '',
  });
  return JSON.parse(child.stdout.trim().split('\n').at(-1) ?? '') as Outcome;
}

const real = () => ({ LIBTORCH: realLibtorch().root });

/** A LibTorch made of links to the real one's files, so that one of them can be another. */
function linkedLibtorch(changed: Record<string, (file: string) => void>): string {
  const { root } = realLibtorch();
  const folder = newFolder();
  for (const name of ['include', 'version.py']) symlinkSync(join(root, name), join(folder, name));
  mkdirSync(join(folder, 'lib'));
  for (const name of readdirSync(join(root, 'lib'))) {
    if (changed[name] === undefined) {
      symlinkSync(join(root, 'lib', name), join(folder, 'lib', name));
    }
  }
  for (const [name, make] of Object.entries(changed)) make(join(folder, 'lib', name));
  return folder;
}

/** The first bytes of a library that claims to be longer: touching the rest ends a process. */
function damage(file: string): void {
  writeFileSync(
    file,
    readFileSync(libraryFile(realLibtorch().root, 'torch_cpu')).subarray(0, 1 << 20),
  );
}

/** Where an ELF file tells the processor it is for, and the number that is no processor of today. */
const MACHINE = { at: 18, none: 0x7fff };

function forAnotherProcessor(from: string, to: string): void {
  const bytes = readFileSync(from);
  bytes.writeUInt16LE(MACHINE.none, MACHINE.at);
  rmSync(to, { force: true });
  writeFileSync(to, bytes);
}

const c10 = () => libraryFile(realLibtorch().root, 'c10');

const FAULTS: [string, () => Outcome, string, RegExp][] = [
  [
    'LibTorch is nowhere',
    () => outcome(installPackage(), {}),
    'ERR_CMIR_LIBTORCH',
    /run: npx cmir setup/,
  ],
  [
    'LIBTORCH names another folder',
    () => outcome(installPackage(), { LIBTORCH: newFolder() }),
    'ERR_CMIR_LIBTORCH',
    /point LIBTORCH at a folder that holds include\/ and lib\//,
  ],
  [
    'LibTorch is of another version',
    () => outcome(installPackage(), { LIBTORCH: fakeLibtorch(newFolder(), otherVersion()) }),
    'ERR_CMIR_LIBTORCH',
    /run: npx cmir setup --rebuild .*or set LIBTORCH/,
  ],
  [
    'a library of LibTorch is cut off',
    () => outcome(installPackage(), { LIBTORCH: linkedLibtorch({ 'libtorch_cpu.so': damage }) }),
    'ERR_CMIR_LIBTORCH',
    /LibTorch .* ends the process that loads it: .*ended by SIG.*set LIBTORCH to another/s,
  ],
  [
    'a library of LibTorch is for another processor',
    () =>
      outcome(installPackage(), {
        LIBTORCH: linkedLibtorch({
          'libc10.so': (file) => {
            forAnotherProcessor(c10(), file);
          },
        }),
      }),
    'ERR_CMIR_LIBTORCH',
    /does not load: .*set LIBTORCH to another/,
  ],
  [
    'a library of LibTorch is missing',
    () =>
      outcome(installPackage(), {
        LIBTORCH: linkedLibtorch({ 'libtorch_cpu.so': () => undefined }),
      }),
    'ERR_CMIR_LIBTORCH',
    /does not load: .*libtorch_cpu\.so: cannot open.*set LIBTORCH to another/,
  ],
  [
    'LibTorch lacks the symbols that its version has',
    () =>
      outcome(installPackage(), {
        LIBTORCH: linkedLibtorch({
          'libtorch_cpu.so': (file) => {
            copyFileSync(c10(), file);
          },
        }),
      }),
    'ERR_CMIR_LIBTORCH',
    /set LIBTORCH to another/,
  ],
  [
    'the CUDA library of LibTorch does not load',
    () =>
      outcome(installPackage(), {
        LIBTORCH: linkedLibtorch({ 'libtorch_cuda.so': (file) => write(file, 'junk') }),
      }),
    'ERR_CMIR_LIBTORCH',
    /libtorch_cuda\.so: .*set LIBTORCH to another/,
  ],
  [
    'there is no CUDA device, or no driver',
    () => outcome(installPackage(), real(), ['train', { device: 'cuda' }]),
    'ERR_CMIR_DEVICE',
    /cuda/,
  ],
  [
    'the addon is cut off',
    () => {
      const root = installPackage();
      breakAddon(root);
      return outcome(root, real());
    },
    'ERR_CMIR_NOT_BUILT',
    /ended by SIG.*run: npx cmir setup --rebuild/s,
  ],
  [
    'the addon is for another processor',
    () => {
      const root = prebuiltPackage(prebuiltName('2.13', 'cpu'));
      const addon = join(prebuildsFolder(root), prebuiltName('2.13', 'cpu'));
      forAnotherProcessor(addon, addon);
      return outcome(root, real());
    },
    'ERR_CMIR_NOT_BUILT',
    /does not load: .*run: npx cmir setup --rebuild/,
  ],
  [
    'the addon is empty',
    () => {
      const root = installPackage();
      truncateSync(buildFiles(root).addon);
      return outcome(root, real());
    },
    'ERR_CMIR_NOT_BUILT',
    /does not load: .*run: npx cmir setup --rebuild/,
  ],
  [
    'the package came without a binary, and nothing here compiles',
    () => {
      const root = installPackage();
      rmSync(buildFiles(root).build, { recursive: true });
      return outcome(root, { ...real(), PATH: fakePath({}) }, ['setup']);
    },
    'ERR_CMIR_SETUP',
    /missing; install .*then run: npx cmir setup/,
  ],
  [
    'the cache cannot be written',
    () =>
      outcome(installPackage(), { XDG_CACHE_HOME: write(join(newFolder(), 'file')) }, ['setup']),
    'ERR_CMIR_SETUP',
    /cannot write .*make it writable, or choose .* XDG_CACHE_HOME/,
  ],
  [
    'there is no home folder, and no LIBTORCH',
    () => outcome(installPackage(), { HOME: '' }),
    'ERR_CMIR_SETUP',
    /no home folder for the cache; set XDG_CACHE_HOME/,
  ],
  [
    'the folder of the run cannot be written',
    () =>
      outcome(installPackage(), real(), ['save', join(write(join(newFolder(), 'file')), 'run')]),
    'ERR_CMIR_IO',
    /file\/run/,
  ],
];

test.each(FAULTS)('%s', (_, inject, code, fix) => {
  expect(inject()).toEqual({
    known: true,
    alive: true,
    code,
    message: expect.stringMatching(fix) as string,
  });
});

test('nothing at all: the program trains', () => {
  expect(outcome(installPackage(), real())).toEqual({ known: false, alive: true });
});

test('a library beside LibTorch is cut off after it was tried', () => {
  const gomp = readdirSync(join(realLibtorch().root, 'lib')).find((name) =>
    name.startsWith('libgomp'),
  ) as string;
  const copy = (file: string): void => {
    copyFileSync(join(realLibtorch().root, 'lib', gomp), file);
  };
  const LIBTORCH = linkedLibtorch({ [gomp]: copy });
  const [root, env] = [installPackage(), { LIBTORCH, XDG_CACHE_HOME: newFolder() }];
  expect(outcome(root, env)).toEqual({ known: false, alive: true });
  truncateSync(join(LIBTORCH, 'lib', gomp), 1 << 12);
  expect(outcome(root, env)).toMatchObject({ known: true, alive: true, code: 'ERR_CMIR_LIBTORCH' });
});

test('no home folder, but LIBTORCH: it trains', () => {
  expect(outcome(installPackage(), { ...real(), HOME: '' })).toEqual({ known: false, alive: true });
});

/** Loads the package in `first`, then in a worker that in `second`, where LIBTORCH may be another; prints the error. */
const TWICE = `
const { Worker } = require('node:worker_threads');
const [first, second, libtorch, gone] = JSON.parse(process.argv[1]);
const body = "const { loadAddon } = require(process.argv[2] + '/dist/native/load.js');" +
  "try { loadAddon(); console.log('loaded'); } catch (error) { console.log(error.code + ' ' + error.message); }";
require(first + '/dist/native/load.js').loadAddon();
if (gone !== '') require('node:fs').rmSync(gone);
new Worker(body, { eval: true, argv: [second], env: { ...process.env, LIBTORCH: libtorch } });
`;

function twice(first: string, second: string, libtorch = realLibtorch().root, gone = ''): string {
  const argument = JSON.stringify([first, second, libtorch, gone]);
  const { signal, status, stdout, stderr } = spawnSync(process.execPath, ['-e', TWICE, argument], {
    env: { HOME: newFolder(), XDG_CACHE_HOME: newFolder(), ...real() },
    encoding: 'utf8',
  });
  expect({ signal, status, stderr }).toEqual({ signal: null, status: 0, stderr: '' });
  return stdout;
}

describe('a process holds one', () => {
  test('the same in a worker', () => {
    const root = installPackage();
    expect(twice(root, root)).toBe('loaded\n');
  });

  test('LibTorch', () => {
    const c10Copy = (file: string): void => {
      copyFileSync(c10(), file);
    };
    const root = installPackage();
    expect(twice(root, root, linkedLibtorch({ 'libc10.so': c10Copy }))).toMatch(
      /^ERR_CMIR_NATIVE this process has loaded another LibTorch, /,
    );
  });

  test.each([
    ['addon', () => ''],
    ['addon, whose file is gone', (root: string) => buildFiles(root).addon],
  ])('%s', (_, gone) => {
    const root = installPackage();
    expect(twice(root, installPackage(), realLibtorch().root, gone(root))).toMatch(
      /^ERR_CMIR_NATIVE this process has loaded another copy of cmir, /,
    );
  });
});

describe('disks', () => {
  const folder = mkdtempSync(join(tmpdir(), 'cmir-faults-'));
  const path = join(folder, 'disk');
  const disk = smallDisk(path, 64 << 10);
  afterAll(() => {
    disk?.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  (disk === undefined ? test.skip : test)('a full disk', () => {
    // A run is larger than the disk.
    expect(outcome(installPackage(), real(), ['save', join(path, 'run')])).toEqual({
      known: true,
      alive: true,
      code: 'ERR_CMIR_IO',
      message: expect.stringContaining(path) as string,
    });
  });

  (disk === undefined ? test.skip : test)('a cache on a disk that is read-only: it trains', () => {
    disk?.setReadOnly(true);
    expect(outcome(installPackage(), { ...real(), XDG_CACHE_HOME: path })).toEqual({
      known: false,
      alive: true,
    });
    disk?.setReadOnly(false);
  });
});

const cuda = join(cacheRoot(), 'cuda-libtorch-2.11.0', 'torch');
if (!existsSync(cuda))
  console.warn('skipped: a CUDA build of LibTorch is not there (npm run build:cuda fetches it)');
(existsSync(cuda) ? test : test.skip)(
  'a CUDA build of LibTorch without the libraries of CUDA',
  () => {
    const name = prebuiltName('2.11', 'cu130');
    expect(outcome(prebuiltPackage(name), { LIBTORCH: cuda })).toEqual({
      known: true,
      alive: true,
      code: 'ERR_CMIR_LIBTORCH',
      message: expect.stringMatching(
        /does not load: lib\w+\.so\.\d+: cannot open.*set LIBTORCH/,
      ) as string,
    });
  },
);
