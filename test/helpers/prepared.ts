import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

export const ROOT = join(__dirname, '..', '..');

/**
 * What a script of scripts/ prints of an environment it prepares: texts by name. Where it cannot: undefined after a message
 * that says why, or an error with CMIR_REQUIRE_PYTHON=1. `missing` begins the message.
 */
export function prepared(script: string, missing: string): Record<string, string> | undefined {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(ROOT, 'scripts', script)], {
    encoding: 'utf8',
  });
  if (status === 0) return JSON.parse(stdout) as Record<string, string>;
  const reason = `${missing}: ${stderr.trim()}`;
  if (process.env['CMIR_REQUIRE_PYTHON'] === '1') throw new Error(reason);
  console.warn(`skipped: ${reason} (CMIR_REQUIRE_PYTHON=1 makes this a failure)`);
  return undefined;
}
