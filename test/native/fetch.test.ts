import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import { fetchLibtorch } from '../../lib/native/fetch/index';
import { findLibtorch } from '../../lib/native/libtorch';
import { errorOf, fakePath, newFolder, removeFolders, write } from './fixture';

afterEach(removeFolders);

/**
 * A python3 whose pip appends its $arguments to a log, then does what `install` says; $target is the folder
 * to install into.
 */
function machine(install: string) {
  const cache = newFolder();
  const log = join(newFolder(), 'pip.log');
  const python3 = `
    if [ "$3" = --version ]; then echo pip 24.0; exit 0; fi
    echo "$@" >> ${log}
    arguments="$*"
    while [ "$1" != --target ]; do shift; done
    target=$2
    ${install}`;
  return {
    cache: join(cache, 'cmir'),
    env: {
      PATH: fakePath({ python3 }),
      XDG_CACHE_HOME: cache,
      CMIR_TORCH_VERSION: '2.12.0',
    } as NodeJS.ProcessEnv,
    /** The arguments of each pip that ran. */
    calls: () => (existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : []),
  };
}

/** Lays a LibTorch into $target, its library last. */
function lay(between = '', variant = 'cpu'): string {
  return `
    mkdir -p $target/torch/include/torch $target/torch/lib
    touch $target/torch/include/torch/library.h
    echo "__version__ = '2.12.0+${variant}'" > $target/torch/version.py
    ${between}
    touch $target/torch/lib/libtorch.so $target/torch/lib/libtorch.dylib`;
}

describe('fetchLibtorch of a build that is not pinned', () => {
  it('installs the CPU wheel alone into the cache, where it is found from then on', async () => {
    const { env, cache, calls } = machine(lay());
    const lines: string[] = [];
    const fetched = await fetchLibtorch({ env, log: (line) => lines.push(line) });
    const root = join(cache, 'libtorch-2.12.0-cpu', 'torch');
    expect(fetched).toMatchObject({ root, version: '2.12.0+cpu', variant: 'cpu', source: 'cache' });
    expect(findLibtorch(env)?.root).toBe(root);
    expect(readdirSync(cache)).toEqual(['libtorch-2.12.0-cpu']);
    expect(calls()).toHaveLength(1);
    expect(calls()[0]).toMatch(/ --no-deps .*torch==2\.12\.0\+cpu$/);
    expect(calls()[0]).not.toContain('--index-url');
    expect(lines).toEqual([
      `fetching LibTorch 2.12.0 (cpu) with pip, which takes up to 2.5 GB, into ${join(cache, 'libtorch-2.12.0-cpu')}`,
    ]);
  });

  it('installs a CUDA build with its dependencies', async () => {
    const { env, cache, calls } = machine(lay('', 'cu130'));
    await fetchLibtorch({ env: { ...env, CMIR_TORCH_VARIANT: 'cu130' }, freeBytes: plenty });
    expect(readdirSync(cache)).toEqual(['libtorch-2.12.0-cu130']);
    expect(calls()[0]).toMatch(/torch==2\.12\.0\+cu130$/);
    expect(calls()[0]).not.toContain('--no-deps');
  });

  it('tries PyTorch’s own index where the configured one has no such wheel', async () => {
    const { env, calls } = machine(`
      case "$arguments" in *--index-url*) ;; *) mkdir -p $target/half; exit 1 ;; esac
      [ ! -e $target/half ] || exit 1
      ${lay()}`);
    expect((await fetchLibtorch({ env, freeBytes: plenty })).version).toBe('2.12.0+cpu');
    expect(calls()).toHaveLength(2);
    expect(calls()[1]).toContain('--index-url https://download.pytorch.org/whl/cpu');
  });

  it('downloads and unpacks beside the place of the result, whatever pip is configured to', async () => {
    const seen = join(newFolder(), 'seen');
    const { env, cache } = machine(
      `echo $TMPDIR $PIP_USER $PIP_REQUIRE_VIRTUALENV > ${seen}\n${lay()}`,
    );
    await fetchLibtorch({ env: { ...env, PIP_USER: '1', PIP_REQUIRE_VIRTUALENV: '1' } });
    const [temporary, ...settings] = readFileSync(seen, 'utf8').trim().split(' ');
    expect(temporary).toMatch(new RegExp(`^${cache}/libtorch-2.12.0-cpu/.cmir-fetch/[^/]+/tmp$`));
    expect(settings).toEqual(['0', '0']);
  });

  it('several at once end with one copy', async () => {
    const { env, cache } = machine(lay('sleep 0.2'));
    const roots = await Promise.all(
      [1, 2].map(async () => (await fetchLibtorch({ env, freeBytes: plenty })).root),
    );
    expect(new Set(roots).size).toBe(1);
    expect(readdirSync(cache)).toEqual(['libtorch-2.12.0-cpu']);
  });

  it('removes what an installation that was killed left', async () => {
    const { env, cache } = machine(lay());
    const target = join(cache, 'libtorch-2.12.0-cpu');
    write(join(target, '.cmir-fetch', 'unpacked', 'torch', 'half'));
    write(join(target, 'nvidia', 'half'));
    await fetchLibtorch({ env, freeBytes: plenty });
    expect(readdirSync(target)).toEqual(['nvidia', 'torch']);
    expect(existsSync(join(target, 'torch', 'half'))).toBe(false);
  });
});

describe('a download that fails', () => {
  it.each<[string, string, string, string]>([
    [
      'no network',
      'echo "Failed to establish a new connection: Temporary failure in name resolution"',
      'the network does not answer',
      'HTTPS_PROXY',
    ],
    [
      'a full disk',
      'echo "OSError: [Errno 28] No space left on device"',
      'not enough disk space for LibTorch in',
      'XDG_CACHE_HOME',
    ],
    [
      'no wheel for this python3',
      'echo "ERROR: No matching distribution found for torch==2.12.0+cpu"',
      'PyTorch has no torch==2.12.0+cpu for this python3',
      'python3 it supports',
    ],
    ['anything else', 'echo "ERROR: out of luck"', 'pip cannot install', 'mend what it says'],
  ])('of %s says so, with the words of pip, and leaves nothing', async (_, words, what, fix) => {
    const { env, cache, calls } = machine(`mkdir -p $target/torch; ${words} >&2; exit 1`);
    const error = await errorOf(() => fetchLibtorch({ env, freeBytes: plenty }));
    expect(error.code).toBe('ERR_CMIR_SETUP');
    expect(error.message).toContain(what);
    expect(error.message).toContain(fix);
    expect(error.message).toMatch(/pip says: .*(ERROR|Failed|Errno)/);
    expect(calls()).toHaveLength(2);
    expect(readdirSync(cache)).toEqual([]);
  });

  it('installs another version than was asked for', async () => {
    const { env, cache } = machine(lay('', 'cu130'));
    const error = await errorOf(() => fetchLibtorch({ env, freeBytes: plenty }));
    expect(error.message).toContain(
      'holds LibTorch 2.12.0+cu130 (cu130), expected 2.12.0 (cpu); name another folder',
    );
    expect(readdirSync(cache)).toEqual([]);
  });

  it('installs something that is no LibTorch', async () => {
    const { env, cache } = machine('mkdir -p $target/torch/lib');
    const error = await errorOf(() => fetchLibtorch({ env, freeBytes: plenty }));
    expect(error.code).toBe('ERR_CMIR_SETUP');
    expect(error.message).toMatch(/^what was fetched holds no LibTorch to use: .*library\.h/);
    expect(readdirSync(cache)).toEqual([]);
  });

  it.each([
    ['cpu', 2.4e9, '2.5 GB'],
    ['cu130', 11e9, '12.0 GB'],
  ])('for want of disk for %s begins no download', async (variant, free, needed) => {
    const { env, cache, calls } = machine(lay());
    const error = await errorOf(() =>
      fetchLibtorch({
        env: { ...env, CMIR_TORCH_VARIANT: variant },
        freeBytes: () => Promise.resolve(free),
      }),
    );
    expect(error.code).toBe('ERR_CMIR_SETUP');
    expect(error.message).toContain(`found ${(free / 1e9).toFixed(1)} GB, expected ${needed}`);
    expect(error.message).toContain(cache);
    expect(calls()).toEqual([]);
    expect(readdirSync(cache)).toEqual([]);
  });

  it('for want of pip', async () => {
    const { env } = machine('');
    env['PATH'] = fakePath({ python3: 'exit 1' });
    const error = await errorOf(() => fetchLibtorch({ env, freeBytes: plenty }));
    expect(error.code).toBe('ERR_CMIR_SETUP');
    expect(error.message).toContain('python3 has no pip');
  });

  it('for want of a cache that can be written', async () => {
    const { env, cache, calls } = machine(lay());
    write(cache, 'a file where the folder should be');
    const error = await errorOf(() => fetchLibtorch({ env, freeBytes: plenty }));
    expect(error.code).toBe('ERR_CMIR_SETUP');
    expect(error.message).toMatch(new RegExp(`^cannot write ${cache}/libtorch-2.12.0-cpu \\(E`));
    expect(error.message).toContain('XDG_CACHE_HOME');
    expect(calls()).toEqual([]);
  });
});

const plenty = () => Promise.resolve(1e12);
