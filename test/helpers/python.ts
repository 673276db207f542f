import { spawnSync } from 'node:child_process';

import { prepared, ROOT } from './prepared';

export { ROOT };

/** A Python with torch, numpy, safetensors and pytest. */
export interface Python {
  /**
   * Runs a program to its end, in `cwd` or else the repository, and returns its standard output; throws with all it
   * printed when it fails.
   */
  run(args: readonly string[], cwd?: string): string;
}

/**
 * The Python of scripts/python-env.mjs, prepared on the first call. Where there is none: undefined after a message
 * that says why, or an error with CMIR_REQUIRE_PYTHON=1.
 */
export function findPython(): Python | undefined {
  const found = prepared('python-env.mjs', 'no Python to compare with');
  if (found === undefined) return undefined;
  const { python = '', PYTHONPATH } = found;
  return {
    run(args, cwd = ROOT) {
      const { status, stdout, stderr, error } = spawnSync(python, args, {
        cwd,
        encoding: 'utf8',
        maxBuffer: 1 << 28,
        env: { ...process.env, PYTHONPATH, PYTHONDONTWRITEBYTECODE: '1' },
      });
      if (status !== 0) {
        throw new Error(`${python} ${args.join(' ')}\n${error?.message ?? `${stdout}\n${stderr}`}`);
      }
      return stdout;
    },
  };
}
