import { existsSync, readFileSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';

import { messageOf } from '../errors';
import { ADDON, PACKAGE_ROOT, builtFor, toolVersion } from './build';
import { findLibtorch, type Libtorch } from './libtorch';
import { run } from './run';

type NativeBuild = import('../../binding').NativeBuild;

export interface Problem {
  readonly what: string;
  readonly fix: string;
}

/** What `cmir doctor --json` prints. */
export interface Diagnosis {
  readonly cmir: string;
  readonly node: string;
  readonly platform: string;
  /** Versions; null where a tool is missing. */
  readonly tools: { readonly compiler: string | null; readonly cmake: string | null; readonly python: string | null };
  readonly libtorch: Libtorch | null;
  readonly addon: { readonly path: string; readonly builtFor: string } | null;
  /** What the addon sees; null when it does not load. */
  readonly engine: NativeBuild | null;
  readonly problems: readonly Problem[];
  readonly verdict: 'ready' | 'not ready';
}

/** Looks at everything cmir needs. Never throws: what is wrong is in `problems`. */
export async function doctor(): Promise<Diagnosis> {
  const problems: Problem[] = [];
  const [compiler, cmake, python] = await Promise.all(
    [process.env['CXX'] ?? 'c++', 'cmake', 'python3'].map(toolVersion),
  );
  let libtorch: Libtorch | undefined;
  try {
    libtorch = findLibtorch();
    if (libtorch === undefined) {
      problems.push({ what: 'LibTorch is not found', fix: 'npx cmir setup' });
    }
  } catch (error) {
    problems.push({ what: messageOf(error), fix: 'npx cmir setup' });
  }
  const version = builtFor();
  if (version === undefined) problems.push({ what: 'the native addon is not built', fix: 'npx cmir setup' });
  const engine = version !== undefined && libtorch !== undefined ? await probe(problems) : null;
  if (engine === null) {
    const needed = { 'a C++20 compiler': compiler, cmake, 'python3 (to fetch LibTorch)': python };
    for (const [name, found] of Object.entries(needed)) {
      if (found === undefined) {
        problems.push({ what: `${name} is missing`, fix: 'apt-get install g++ cmake python3-pip (Debian)' });
      }
    }
  }
  const manifest = JSON.parse(readFileSync(join(PACKAGE_ROOT, 'package.json'), 'utf8')) as {
    version: string;
  };
  return {
    cmir: manifest.version,
    node: process.version,
    platform: `${process.platform} ${process.arch} ${release()}`,
    tools: { compiler: compiler ?? null, cmake: cmake ?? null, python: python ?? null },
    libtorch: libtorch ?? null,
    addon: version !== undefined && existsSync(ADDON) ? { path: ADDON, builtFor: version } : null,
    engine,
    problems,
    verdict: engine === null ? 'not ready' : 'ready',
  };
}

/** Tries the addon in a process of its own: a binary that crashes must not take this one with it. */
async function probe(problems: Problem[]): Promise<NativeBuild | null> {
  const { status, output } = await run(process.execPath, [join(__dirname, 'probe.js')]);
  if (status === 0) return JSON.parse(output.trim().split('\n').at(-1) ?? '') as NativeBuild;
  problems.push({
    what: `the native addon does not load: ${output.trim().split('\n')[0] ?? ''}`,
    fix: 'npx cmir setup --rebuild',
  });
  return null;
}
