import { existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { smallDisk } from '../helpers/disk';
import { WHEEL_NAME, buildOf, machine, serve, stopServers, whole } from './fetch-fixture';
import { errorOf, newFolder, removeFolders } from './fixture';

const path = join(newFolder(), 'disk');
const disk = smallDisk(path, 8 << 20);
const onDisk = disk === undefined ? test.skip : test;

afterEach(stopServers);
afterAll(() => {
  disk?.remove();
  removeFolders();
});

const plenty = () => Promise.resolve(1e12);

/** A machine whose cache is on the small disk, emptied. */
function crowded() {
  for (const name of readdirSync(path)) rmSync(join(path, name), { recursive: true });
  const here = machine();
  here.env['XDG_CACHE_HOME'] = path;
  return { ...here, target: join(path, 'cmir', 'libtorch-2.13.0-cpu') };
}

onDisk(
  'a disk that is known to be too small is told of before anything is downloaded',
  async () => {
    const { fetch, target } = crowded();
    writeFileSync(join(path, 'ballast'), Buffer.alloc(4 << 20));
    const { base, ranges } = await serve(whole);
    const error = await errorOf(() => fetch({ builds: [buildOf(base)] }));
    expect(error.code).toBe('ERR_CMIR_SETUP');
    expect(error.message).toMatch(
      /^not enough disk space for LibTorch in .*: found .* GB, expected/,
    );
    expect(error.message).toContain(target);
    expect(ranges).toEqual([]);
  },
);

onDisk('a disk that fills up keeps what came, and a larger one goes on with it', async () => {
  const { fetch, target } = crowded();
  const ballast = join(path, 'ballast');
  writeFileSync(ballast, Buffer.alloc(6 << 20));
  const { base, ranges } = await serve(whole);
  const error = await errorOf(() => fetch({ builds: [buildOf(base)], freeBytes: plenty }));
  expect(error.code).toBe('ERR_CMIR_SETUP');
  expect(error.message).toMatch(/^not enough disk space .*--folder or XDG_CACHE_HOME$/);
  const part = join(target, '.cmir-fetch/downloads', `${WHEEL_NAME}.part`);
  const { size } = statSync(part);
  expect(size).toBeGreaterThan(1 << 20);
  rmSync(ballast);
  await fetch({ builds: [buildOf(base)] });
  expect(ranges).toEqual([0, size]);
  expect(existsSync(join(target, 'torch'))).toBe(true);
});

onDisk('a disk that fills up while unpacking keeps the download', async () => {
  const { fetch, target } = crowded();
  const ballast = join(path, 'ballast');
  writeFileSync(ballast, Buffer.alloc(4 << 20));
  const { base, ranges } = await serve(whole);
  const error = await errorOf(() => fetch({ builds: [buildOf(base)], freeBytes: plenty }));
  expect(error.message).toMatch(/^not enough disk space/);
  expect(readdirSync(join(target, '.cmir-fetch'))).toEqual(['downloads']);
  expect(existsSync(join(target, 'torch'))).toBe(false);
  rmSync(ballast);
  await fetch({ builds: [buildOf(base)] });
  expect(ranges).toEqual([0]);
});

onDisk('a disk that cannot be written', async () => {
  const { fetch } = crowded();
  const { base, ranges } = await serve(whole);
  disk?.setReadOnly(true);
  try {
    const error = await errorOf(() => fetch({ builds: [buildOf(base)] }));
    expect(error.code).toBe('ERR_CMIR_SETUP');
    expect(error.message).toMatch(
      /^cannot write .* \(E(ROFS|NOENT)\); make it writable, or choose/,
    );
    expect(error.message).toMatch(/--folder .*XDG_CACHE_HOME/);
    expect(ranges).toEqual([]);
  } finally {
    disk?.setReadOnly(false);
  }
});

test('a file where the folder should be', async () => {
  const { fetch, cache } = machine();
  mkdirSync(join(cache, '..'), { recursive: true });
  writeFileSync(cache, '');
  const error = await errorOf(() => fetch({ builds: [buildOf('http://127.0.0.1:1')] }));
  expect(error.message).toMatch(/^cannot write .* \(E(NOTDIR|EXIST)\)/);
});
