import { existsSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';

import {
  cacheRoot,
  chooseCached,
  cachedWheel,
  findLibtorch,
  type Libtorch,
  minorVersion,
  readVersion,
  torchVariant,
  torchVersion,
} from '../../lib/native/libtorch';
import {
  errorOf,
  fakeLibtorch,
  fakePath,
  newFolder,
  realLibtorch,
  removeFolders,
  write,
} from './fixture';

afterEach(removeFolders);

/** A machine on which every place that is looked at holds a LibTorch. */
function everywhere() {
  const [cache, named, python] = [newFolder(), newFolder(), newFolder()];
  return {
    cached: fakeLibtorch(join(cache, 'cmir', 'libtorch-2.13.0-cpu', 'torch'), '2.13.0+cpu'),
    named: fakeLibtorch(named, '2.12.1+cpu'),
    python: fakeLibtorch(python, '2.11.0+cu130', "'13.0'"),
    env: {
      PATH: fakePath({ python3: `echo '${python}'` }),
      XDG_CACHE_HOME: cache,
      LIBTORCH: named,
      LIBTORCH_USE_PYTORCH: '1',
    },
  };
}

describe('findLibtorch', () => {
  it('takes the folder that LIBTORCH names before all others', () => {
    const { env, named } = everywhere();
    expect(findLibtorch(env)).toEqual({
      root: named,
      version: '2.12.1+cpu',
      variant: 'cpu',
      source: 'LIBTORCH',
      reason: 'the environment variable LIBTORCH names it',
    });
  });

  it('makes a relative LIBTORCH absolute', () => {
    const { named } = everywhere();
    const relative = `${process.cwd().replace(/[^/]+/g, '..').slice(1)}${named}`;
    expect(findLibtorch({ LIBTORCH: relative })?.root).toBe(named);
  });

  it('takes the torch of python3 before the cache when LIBTORCH_USE_PYTORCH is 1', () => {
    const { env, python } = everywhere();
    expect(findLibtorch({ ...env, LIBTORCH: '' })).toMatchObject({
      root: python,
      version: '2.11.0+cu130',
      variant: 'cu130',
      source: 'LIBTORCH_USE_PYTORCH',
    });
  });

  it('takes the cache when nothing else is asked for', () => {
    const { env, cached } = everywhere();
    expect(findLibtorch({ ...env, LIBTORCH: '', LIBTORCH_USE_PYTORCH: '0' })).toMatchObject({
      root: cached,
      source: 'cache',
    });
  });

  it('finds nothing on a new machine, which is no error', () => {
    expect(findLibtorch({ XDG_CACHE_HOME: newFolder() })).toBeUndefined();
  });

  it('takes a fetched CUDA build before the CPU build, unless CMIR_TORCH_VARIANT wishes otherwise', () => {
    const cache = newFolder();
    for (const variant of ['cpu', 'cu126', 'cu130']) {
      const root = join(cache, 'cmir', `libtorch-2.13.0-${variant}`, 'torch');
      fakeLibtorch(root, `2.13.0+${variant}`);
    }
    const found = (wish: string) =>
      findLibtorch({ XDG_CACHE_HOME: cache, CMIR_TORCH_VARIANT: wish })?.variant;
    expect(found('')).toBe('cu130');
    expect(found('cpu')).toBe('cpu');
    expect(found('cu126')).toBe('cu126');
    expect(found('cu128')).toBeUndefined();
  });

  it('overlooks other things in the cache', () => {
    const cache = newFolder();
    fakeLibtorch(join(cache, 'cmir', 'libtorch-2.12.0-cpu', 'torch'), '2.12.0+cpu');
    const filling = join(cache, 'cmir', 'libtorch-2.13.0-cpu', '.cmir-fetch', 'unpacked', 'torch');
    fakeLibtorch(filling);
    expect(findLibtorch({ XDG_CACHE_HOME: cache })).toBeUndefined();
  });

  it('takes another version where CMIR_TORCH_VERSION asks for it, or the last setup did', () => {
    const cache = newFolder();
    for (const name of ['2.12.0-cpu', '2.12.1-cpu', '2.13.0-cpu', '2.13.0-cu130']) {
      const root = join(cache, 'cmir', `libtorch-${name}`, 'torch');
      fakeLibtorch(root, name.replace('-', '+'));
    }
    const found = (wishes: Record<string, string> = {}) =>
      findLibtorch({ XDG_CACHE_HOME: cache, ...wishes });
    const older = found({ CMIR_TORCH_VERSION: '2.12.0' });
    expect(older?.version).toBe('2.12.0+cpu');
    expect(older?.reason).toContain('CMIR_TORCH_VERSION=2.12.0 asks for it');
    expect(found()?.version).toBe('2.13.0+cu130');
    chooseCached(older as Libtorch, { XDG_CACHE_HOME: cache });
    expect(found()?.version).toBe('2.12.0+cpu');
    expect(found({ CMIR_TORCH_VARIANT: 'cu130' })?.version).toBe('2.13.0+cu130');
    expect(found({ CMIR_TORCH_VERSION: '2.12.1' })?.version).toBe('2.12.1+cpu');
    rmSync(join(cache, 'cmir', 'libtorch-2.12.0-cpu'), { recursive: true });
    expect(found()?.version).toBe('2.13.0+cu130');
  });

  it('chooses nothing outside the cache', () => {
    const cache = newFolder();
    chooseCached({ ...realLibtorch(), root: '/opt/libtorch/torch' }, { XDG_CACHE_HOME: cache });
    expect(existsSync(join(cache, 'cmir'))).toBe(false);
  });

  it.each(['include/torch/library.h', 'lib'])('names what a folder lacks: %s', async (part) => {
    const root = fakeLibtorch(newFolder());
    rmSync(join(root, part), { recursive: true });
    const error = await errorOf(() => findLibtorch({ LIBTORCH: root }));
    expect(error.code).toBe('ERR_CMIR_LIBTORCH');
    expect(error.message).toContain(`no LibTorch in ${root}`);
    expect(error.message).toContain(`expected ${part}`);
    expect(error.message).toContain('unset LIBTORCH');
  });

  it('says how to mend a damaged cache', async () => {
    const cache = newFolder();
    const root = join(cache, 'cmir', 'libtorch-2.13.0-cpu', 'torch');
    write(join(root, 'version.py'), "__version__ = '2.13.0+cpu'\n");
    const error = await errorOf(() => findLibtorch({ XDG_CACHE_HOME: cache }));
    expect(error.code).toBe('ERR_CMIR_LIBTORCH');
    expect(error.message).toContain(`rm -r '${dirname(root)}'`);
  });

  it.each(['2.10.2', '2.14.0+cpu', '1.13.0', '3.12.0'])('refuses version %s', async (version) => {
    const root = fakeLibtorch(newFolder(), version);
    const error = await errorOf(() => findLibtorch({ LIBTORCH: root }));
    expect(error.code).toBe('ERR_CMIR_LIBTORCH');
    expect(error.message).toContain(`LibTorch ${version} in ${root}`);
    expect(error.message).toContain('expected 2.11 to 2.13');
  });

  it.each(['2.11.0', '2.12.1+cu128', '2.13.0a0+git1234567'])('accepts version %s', (version) => {
    expect(findLibtorch({ LIBTORCH: fakeLibtorch(newFolder(), version) })?.version).toBe(version);
  });

  it('refuses a folder that does not tell its version', async () => {
    const root = fakeLibtorch(newFolder());
    write(join(root, 'version.py'), '');
    const error = await errorOf(() => findLibtorch({ LIBTORCH: root }));
    expect(error.code).toBe('ERR_CMIR_LIBTORCH');
    expect(error.message).toContain(`cannot tell the version of the LibTorch in ${root}`);
  });

  it.each([
    ['python3 is missing', {}, 'python3 does not run'],
    ['python3 fails', { python3: 'exit 3' }, 'python3 does not run'],
    ['python3 has no torch', { python3: 'echo' }, 'python3 has no package torch'],
  ])('says so when LIBTORCH_USE_PYTORCH is set but %s', async (_case, scripts, words) => {
    const env = { PATH: fakePath(scripts), LIBTORCH_USE_PYTORCH: '1' };
    const error = await errorOf(() => findLibtorch(env));
    expect(error.code).toBe('ERR_CMIR_LIBTORCH');
    expect(error.message).toContain(words);
  });
});

describe('the variant of a LibTorch', () => {
  const variantIn = (root: string) => findLibtorch({ LIBTORCH: root })?.variant;

  it('is the local version, the CUDA that version.py names, or told by the CUDA library', () => {
    expect(variantIn(fakeLibtorch(newFolder(), '2.13.0+cu128'))).toBe('cu128');
    expect(variantIn(fakeLibtorch(newFolder(), '2.13.0', "'13.0'"))).toBe('cu130');
    expect(variantIn(fakeLibtorch(newFolder(), '2.13.0'))).toBe('cpu');
    const root = fakeLibtorch(newFolder(), '2.13.0');
    write(join(root, 'lib/libtorch_cuda.so'));
    expect(variantIn(root)).toBe('cuda');
  });
});

describe('readVersion', () => {
  const HEADER = '#define TORCH_VERSION_MAJOR 2\n#define TORCH_VERSION \\\n  "2.12.3"\n';

  it('reads the Python package before the archive before the header', () => {
    const root = newFolder();
    expect(readVersion(root)).toBeUndefined();
    write(join(root, 'include/torch/headeronly/version.h'), HEADER);
    expect(readVersion(root)).toBe('2.12.3');
    write(join(root, 'build-version'), '2.12.2+cpu\n');
    expect(readVersion(root)).toBe('2.12.2+cpu');
    write(join(root, 'version.py'), "__all__ = ['__version__']\n__version__ = '2.12.1+cpu'\n");
    expect(readVersion(root)).toBe('2.12.1+cpu');
  });
});

describe('minorVersion', () => {
  it('drops the patch and all that follows', () => {
    expect(minorVersion('2.13.0+cpu')).toBe('2.13');
    expect(minorVersion('2.11')).toBe('2.11');
  });
});

describe('torchVariant and the cache', () => {
  it('is the CPU build unless CMIR_TORCH_VARIANT says otherwise', () => {
    expect(torchVariant({})).toBe('cpu');
    expect(torchVariant({ CMIR_TORCH_VARIANT: '' })).toBe('cpu');
    expect(torchVariant({ CMIR_TORCH_VARIANT: 'cu126' })).toBe('cu126');
  });

  it.each(['gpu', 'cu13', '../cpu'])('refuses the variant %s', async (variant) => {
    const error = await errorOf(() => torchVariant({ CMIR_TORCH_VARIANT: variant }));
    expect(error.code).toBe('ERR_CMIR_USAGE');
    expect(error.message).toContain(`found '${variant}'`);
  });

  it.each([
    ['2.13', 'did you mean 2.13.0?'],
    ['2.10.1', 'expected a version of LibTorch 2.11 to 2.13'],
    ['../2.13.0', 'expected a version'],
    ['2.13.0+cpu', 'expected a version'],
  ])('refuses the version %s', async (version, words) => {
    const error = await errorOf(() => torchVersion({ CMIR_TORCH_VERSION: version }));
    expect(error.code).toBe('ERR_CMIR_USAGE');
    expect(error.message).toContain(`CMIR_TORCH_VERSION: found '${version}'`);
    expect(error.message).toContain(words);
  });

  it('lies under XDG_CACHE_HOME, or under .cache in the home folder', () => {
    expect(cacheRoot({ XDG_CACHE_HOME: '/x' })).toBe('/x/cmir');
    expect(cacheRoot({})).toMatch(/\/\.cache\/cmir$/);
    expect(cacheRoot({ XDG_CACHE_HOME: 'relative' })).toBe(cacheRoot({}));
    const env = { XDG_CACHE_HOME: '/x', CMIR_TORCH_VARIANT: 'cu126' };
    expect(cachedWheel(env)).toBe('/x/cmir/libtorch-2.13.0-cu126');
    expect(cachedWheel({ ...env, CMIR_TORCH_VERSION: '2.12.1' })).toBe(
      '/x/cmir/libtorch-2.12.1-cu126',
    );
  });
});
