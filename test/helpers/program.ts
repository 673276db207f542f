import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type { Dataset } from '../../lib/data/dataset';

export const ROOT = join(__dirname, '..', '..');

/** The compiled package, which `npm test` brings up to date first. */
export const DIST = join(ROOT, 'dist');

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `cmir` as its users do; `onError` sees what it prints to standard error, with the means to signal it. */
export function cmir(
  args: readonly string[],
  options: {
    cwd?: string;
    env?: NodeJS.ProcessEnv;
    /** The compiled package to run; this checkout's unless given. */
    dist?: string;
    onError?: (text: string, kill: (signal: NodeJS.Signals) => void) => void;
  } = {},
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const { cwd, env = process.env, dist = DIST } = options;
    const program = [join(dist, 'cli', 'main.js'), ...args];
    const child = spawn(process.execPath, program, { cwd, env });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
      options.onError?.(stderr, (signal) => child.kill(signal));
    });
    child.on('error', reject);
    child.on('close', (code) => {
      resolve({ code, stdout, stderr });
    });
  });
}

/** The files of a data set folder, each a list of rows. */
export type Tables = Record<string, (string | number)[][]>;

export function tablesOf(dataset: Dataset): Tables {
  const splitOf = new Map(
    [...dataset.splits].flatMap(([name, rows]) => [...rows].map((row) => [row, name] as const)),
  );
  const labels = dataset.ids.map((id, row) => [
    id,
    splitOf.get(row) ?? '',
    dataset.label?.values[row] as number,
  ]);
  const tables: Tables = { 'labels.csv': [['id', 'split', 'label'], ...labels] };
  for (const { name, features, values } of dataset.modalities) {
    const header = ['id', ...Array.from({ length: features }, (_, j) => `f${String(j)}`)];
    const rows = dataset.ids.map((id, row) => [
      id,
      ...values.subarray(row * features, (row + 1) * features),
    ]);
    tables[`${name}.csv`] = [header, ...rows];
  }
  return tables;
}

export function writeTables(folder: string, tables: Tables): string {
  mkdirSync(folder, { recursive: true });
  for (const [file, rows] of Object.entries(tables)) {
    writeFileSync(join(folder, file), rows.map((row) => `${row.join(',')}\n`).join(''));
  }
  return folder;
}
