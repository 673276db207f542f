// The Python that the tests compare with, for benchmarks.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

/** The program and its environment; throws with the reason where there is none. */
export function pythonEnvironment() {
  const script = join(import.meta.dirname, '..', 'scripts', 'python-env.mjs');
  const { status, stdout, stderr } = spawnSync(process.execPath, [script], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`no Python to compare with: ${stderr.trim()}`);
  const { python, PYTHONPATH } = JSON.parse(stdout);
  return { python, env: { ...process.env, PYTHONPATH, PYTHONDONTWRITEBYTECODE: '1' } };
}
