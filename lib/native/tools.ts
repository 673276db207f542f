import type { Problem } from './problem';
import { run } from './run';

const OLDEST_CMAKE = [3, 21] as const;

/** The compiler that CMake takes: CXX, or c++. */
export function compilerName(env: NodeJS.ProcessEnv): string {
  const named = env['CXX'];
  return named !== undefined && named !== '' ? named : 'c++';
}

/** The first version number a tool prints of itself; undefined when it does not run. */
export async function toolVersion(
  program: string,
  env: NodeJS.ProcessEnv = process.env,
): Promise<string | undefined> {
  const [file = program, ...args] = program.split(' ');
  const { status, stdout } = await run(file, [...args, '--version'], { env });
  return status === 0 ? (/\d+\.\d+(\.\d+)?/.exec(stdout)?.[0] ?? stdout.trim()) : undefined;
}

/** What compiling the addon needs and this machine lacks. */
export async function buildProblems(env: NodeJS.ProcessEnv = process.env): Promise<Problem[]> {
  const checks = [cmakeProblem(env), makeProblem(env), compilerProblem(env)];
  return (await Promise.all(checks)).filter((problem) => problem !== undefined);
}

/** What fetching LibTorch needs and this machine lacks. */
export async function pipProblem(
  env: NodeJS.ProcessEnv = process.env,
): Promise<Problem | undefined> {
  const { status } = await run('python3', ['-m', 'pip', '--version'], { env });
  if (status === 0) return undefined;
  const instead = 'or point LIBTORCH at a LibTorch you have';
  return status === null
    ? {
        what: 'python3, which fetches LibTorch, is missing',
        fix: `install it (Debian: apt-get install python3-pip), ${instead}`,
      }
    : {
        what: 'python3 has no pip, which fetches LibTorch',
        fix: `install it (Debian: apt-get install python3-pip; elsewhere: python3 -m ensurepip), ${instead}`,
      };
}

async function cmakeProblem(env: NodeJS.ProcessEnv): Promise<Problem | undefined> {
  const version = await toolVersion('cmake', env);
  const [major = 0, minor = 0] = (version ?? '').split('.').map(Number);
  const [oldestMajor, oldestMinor] = OLDEST_CMAKE;
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return undefined;
  return {
    what:
      version === undefined
        ? 'CMake is missing'
        : `CMake ${version} is too old: expected ${OLDEST_CMAKE.join('.')} or later`,
    fix: 'install it (Debian: apt-get install cmake; elsewhere: python3 -m pip install cmake)',
  };
}

async function makeProblem(env: NodeJS.ProcessEnv): Promise<Problem | undefined> {
  const found = await Promise.all(['ninja', 'make'].map((tool) => toolVersion(tool, env)));
  if (found.some((version) => version !== undefined)) return undefined;
  return {
    what: 'neither Ninja nor make is there for CMake to build with',
    fix: 'install one (Debian: apt-get install ninja-build)',
  };
}

async function compilerProblem(env: NodeJS.ProcessEnv): Promise<Problem | undefined> {
  const compiler = compilerName(env);
  const program = '#include <concepts>\\nstatic_assert(__cplusplus >= 202002L);\\n';
  const { status } = await run(
    'sh',
    ['-c', `printf '${program}' | ${compiler} -std=c++20 -fsyntax-only -x c++ -`],
    { env },
  );
  if (status === 0) return undefined;
  const version = await toolVersion(compiler, env);
  return version === undefined
    ? {
        what: `the C++ compiler '${compiler}' is missing`,
        fix: 'install one (Debian: apt-get install g++; macOS: xcode-select --install), or name one with CXX',
      }
    : {
        what: `the C++ compiler '${compiler}' ${version} does not compile C++20`,
        fix: 'install GCC 11, Clang 14 or a later one, or name another with CXX',
      };
}
