import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import { fetchLibtorch } from '../../lib/native/fetch';
import { findLibtorch } from '../../lib/native/libtorch';
import { fakePath, newFolder, removeFolders } from './fixture';

afterEach(removeFolders);

/**
 * A python3 whose pip appends its arguments to a log, then does what `install` says; $target is the folder
 * to install into.
 */
function machine(install: string) {
  const cache = newFolder();
  const log = join(newFolder(), 'pip.log');
  const python3 = `
    if [ "$3" = --version ]; then echo pip 24.0; exit 0; fi
    echo "$@" >> ${log}
    while [ "$1" != --target ]; do shift; done
    target=$2
    ${install}`;
  return {
    cache: join(cache, 'cmir'),
    env: { PATH: fakePath({ python3 }), XDG_CACHE_HOME: cache } as NodeJS.ProcessEnv,
    /** The arguments of each pip that ran. */
    calls: () => (existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : []),
  };
}

/** Lays a LibTorch into $target, its library last. */
function lay(between = ''): string {
  return `
    mkdir -p $target/torch/include/torch $target/torch/lib
    touch $target/torch/include/torch/library.h
    echo "__version__ = '2.13.0+cpu'" > $target/torch/version.py
    ${between}
    touch $target/torch/lib/libtorch.so $target/torch/lib/libtorch.dylib`;
}

describe('fetchLibtorch', () => {
  it('installs the CPU wheel alone into the cache, where it is found from then on', async () => {
    const { env, cache, calls } = machine(lay());
    const lines: string[] = [];
    const fetched = await fetchLibtorch({ env, log: (line) => lines.push(line) });
    const root = join(cache, 'libtorch-2.13.0-cpu', 'torch');
    expect(fetched).toMatchObject({ root, version: '2.13.0+cpu', variant: 'cpu', source: 'cache' });
    expect(findLibtorch(env)?.root).toBe(root);
    expect(readdirSync(cache)).toEqual(['libtorch-2.13.0-cpu']);
    expect(calls()).toHaveLength(1);
    expect(calls()[0]).toMatch(/ --no-deps .*torch==2\.13\.0\+cpu$/);
    expect(calls()[0]).not.toContain('--index-url');
    expect(lines).toEqual([expect.stringContaining('fetching LibTorch 2.13.0 (cpu)')]);
  });

  it('installs a CUDA build with its dependencies', async () => {
    const { env, cache, calls } = machine(lay());
    await fetchLibtorch({ env: { ...env, CMIR_TORCH_VARIANT: 'cu130' }, freeBytes: plenty });
    expect(readdirSync(cache)).toEqual(['libtorch-2.13.0-cu130']);
    expect(calls()[0]).toMatch(/torch==2\.13\.0\+cu130$/);
    expect(calls()[0]).not.toContain('--no-deps');
  });
});

const plenty = () => Promise.resolve(1e12);
