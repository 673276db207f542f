import { release } from 'node:os';

import { VERSION } from '../version';
import { allBinaries, fittingBinary } from './binary';
import { PACKAGE_ROOT, builtFor } from './build';
import { needsPip } from './fetch/index';
import { findLibtorch, type Libtorch } from './libtorch';
import { probeAddon } from './probe';
import { problemOf, type Problem } from './problem';
import { buildProblems, compilerName, pipProblem, toolVersion } from './tools';

/**
 * What the addon sees of the machine.
 * @interface
 */
export type Engine = import('../../binding').NativeBuild;

/** What `cmir doctor --json` prints. */
export interface Diagnosis {
  /** Version of this package. */
  readonly cmir: string;
  /** Version of Node. */
  readonly node: string;
  /** For example `linux x64, kernel 6.1.0, glibc 2.36`. */
  readonly platform: string;
  /** Versions; null where a tool is missing. */
  readonly tools: {
    readonly npm: string | null;
    readonly compiler: string | null;
    readonly cmake: string | null;
    readonly python: string | null;
  };
  /** LibTorch found; null where there is none. */
  readonly libtorch: Libtorch | null;
  /** Null when there is none for that LibTorch, or none at all. */
  readonly addon: {
    readonly path: string;
    readonly builtFor: string;
    /** Of one that came with the package; null where it was built here. */
    readonly buildId: string | null;
  } | null;
  /** What the addon sees: vector instructions, threads, CUDA devices; null when it does not load. */
  readonly engine: Engine | null;
  /** What stands in the way, each with its mend; empty when ready. */
  readonly problems: readonly Problem[];
  /** Whether training works here. */
  readonly verdict: 'ready' | 'not ready';
}

/** Where `doctor` looks. */
export interface DoctorOptions {
  /** Environment variables to go by; the process's own unless given. */
  readonly env?: NodeJS.ProcessEnv;
  /** The package's folder; this package's unless given. */
  readonly root?: string;
}

/** Looks at everything cmir needs. Never throws: what is wrong is in `problems`. */
export async function doctor(options: DoctorOptions = {}): Promise<Diagnosis> {
  const { env = process.env, root = PACKAGE_ROOT } = options;
  const problems: Problem[] = [];
  const [npm, compiler, cmake, python] = await Promise.all(
    ['npm', compilerName(env), 'cmake', 'python3'].map((tool) => toolVersion(tool, env)),
  );
  const libtorch = await look(env, problems);
  const built = allBinaries(root).length > 0;
  if (!built) {
    problems.push({ what: 'the native addon is not built', fix: 'run: npx cmir setup' });
    problems.push(...(await buildProblems(env)));
  }
  let engine: Engine | null = null;
  if (built && libtorch !== null) {
    const probe = await probeAddon(root, env);
    engine = probe.engine;
    if (probe.engine === null) problems.push(problemOf(new Error(probe.message)));
  }
  return {
    cmir: VERSION,
    node: process.version,
    platform: platform(),
    tools: {
      npm: npm ?? null,
      compiler: compiler ?? null,
      cmake: cmake ?? null,
      python: python ?? null,
    },
    libtorch,
    addon: describeAddon(root, libtorch),
    engine,
    problems,
    verdict: engine === null ? 'not ready' : 'ready',
  };
}

function describeAddon(root: string, libtorch: Libtorch | null): Diagnosis['addon'] {
  const fitting = libtorch === null ? undefined : fittingBinary(libtorch, root);
  const binary = fitting ?? allBinaries(root)[0];
  if (binary === undefined) return null;
  const version = binary.buildId === null ? builtFor(root) : undefined;
  return { path: binary.addon, builtFor: version ?? binary.torch, buildId: binary.buildId };
}

async function look(env: NodeJS.ProcessEnv, problems: Problem[]): Promise<Libtorch | null> {
  try {
    const libtorch = findLibtorch(env);
    if (libtorch !== undefined) return libtorch;
    problems.push({ what: 'LibTorch is not found', fix: 'run: npx cmir setup' });
    const missing = needsPip(env) ? await pipProblem(env) : undefined;
    if (missing !== undefined) problems.push(missing);
  } catch (error) {
    problems.push(problemOf(error));
  }
  return null;
}

function platform(): string {
  const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
  const glibc = header.glibcVersionRuntime;
  const system = `${process.platform} ${process.arch}, kernel ${release()}`;
  return glibc === undefined ? system : `${system}, glibc ${glibc}`;
}
