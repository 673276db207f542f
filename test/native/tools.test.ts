import { buildProblems, compilerName, pipProblem, toolVersion } from '../../lib/native/tools';
import { fakePath, removeFolders } from './fixture';

afterEach(removeFolders);

/** Scripts of a machine that can compile. */
const GOOD = {
  cmake: 'echo "cmake version 3.21.4"',
  ninja: 'echo 1.11.1',
  'c++': 'if [ "$1" = --version ]; then echo "c++ (Debian 12.2.0-14) 12.2.0"; fi',
};

async function problemsWith(scripts: Record<string, string>, env: NodeJS.ProcessEnv = {}) {
  return buildProblems({ PATH: fakePath(scripts), ...env });
}

function without(name: keyof typeof GOOD): Record<string, string> {
  return Object.fromEntries(Object.entries(GOOD).filter(([tool]) => tool !== name));
}

describe('buildProblems', () => {
  it('finds none where a C++20 compiler, CMake and Ninja are', async () => {
    expect(await problemsWith(GOOD)).toEqual([]);
  });

  it('is content with make in the place of Ninja', async () => {
    const make = { ...without('ninja'), make: 'echo "GNU Make 4.3"' };
    expect(await problemsWith(make)).toEqual([]);
  });

  it.each([
    ['cmake', 'CMake is missing', 'apt-get install cmake'],
    ['ninja', 'neither Ninja nor make is there', 'apt-get install ninja-build'],
    ['c++', "the C++ compiler 'c++' is missing", 'apt-get install g++'],
  ] as const)('names a missing %s and the command that brings it', async (tool, what, fix) => {
    const problems = await problemsWith(without(tool));
    expect(problems).toHaveLength(1);
    expect(problems[0]?.what).toContain(what);
    expect(problems[0]?.fix).toContain(fix);
  });

  it('names everything missing at once', async () => {
    expect(await problemsWith({})).toHaveLength(3);
  });

  it.each(['3.17.5', '2.8.12'])('refuses CMake %s', async (version) => {
    const [problem] = await problemsWith({ ...GOOD, cmake: `echo "cmake version ${version}"` });
    expect(problem?.what).toBe(`CMake ${version} is too old: expected 3.21 or later`);
  });

  it.each(['3.21.0', '3.31.6', '4.1.2'])('accepts CMake %s', async (version) => {
    expect(await problemsWith({ ...GOOD, cmake: `echo "cmake version ${version}"` })).toEqual([]);
  });

  it('tells a compiler that is too old from one that is missing', async () => {
    const old = 'if [ "$1" = --version ]; then echo "g++ 9.4.0"; else exit 1; fi';
    const [problem] = await problemsWith({ ...GOOD, 'c++': old });
    expect(problem?.what).toBe("the C++ compiler 'c++' 9.4.0 does not compile C++20");
    expect(problem?.fix).toContain('CXX');
  });

  it('goes by CXX', async () => {
    const scripts = { ...without('c++'), 'my-clang': GOOD['c++'] };
    expect(await problemsWith(scripts, { CXX: 'my-clang' })).toEqual([]);
    const [problem] = await problemsWith(GOOD, { CXX: 'my-clang' });
    expect(problem?.what).toBe("the C++ compiler 'my-clang' is missing");
  });
});

describe('compilerName', () => {
  it('is CXX, or c++', () => {
    expect(compilerName({ CXX: 'ccache g++' })).toBe('ccache g++');
    expect(compilerName({ CXX: '' })).toBe('c++');
    expect(compilerName({})).toBe('c++');
  });
});

describe('toolVersion', () => {
  it('is the first number that a tool prints on standard output', async () => {
    const tool = 'echo "warning: 9.9.9" >&2; echo "tool 1.2.3 (4.5.6)"';
    const env = { PATH: fakePath({ tool, silent: 'exit 0', broken: 'echo 1.2.3; exit 1' }) };
    expect(await toolVersion('tool', env)).toBe('1.2.3');
    expect(await toolVersion('silent', env)).toBe('');
    expect(await toolVersion('broken', env)).toBeUndefined();
    expect(await toolVersion('absent', env)).toBeUndefined();
  });

  it('takes a launcher before the tool', async () => {
    const env = { PATH: fakePath({ launcher: 'echo "$1 7.0.1 $2"' }) };
    expect(await toolVersion('launcher compiler', env)).toBe('7.0.1');
  });
});

describe('pipProblem', () => {
  it('finds none where python3 has pip', async () => {
    expect(await pipProblem({ PATH: fakePath({ python3: 'echo pip 24.0' }) })).toBeUndefined();
  });

  it('tells a missing python3 from one without pip', async () => {
    const missing = await pipProblem({ PATH: fakePath({}) });
    expect(missing?.what).toBe('python3, which fetches LibTorch, is missing');
    const bare = await pipProblem({ PATH: fakePath({ python3: 'exit 1' }) });
    expect(bare?.what).toBe('python3 has no pip, which fetches LibTorch');
    expect(bare?.fix).toContain('ensurepip');
  });
});
