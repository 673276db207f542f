import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

import { freshPath } from '../training/fixture';
import { ROOT } from './program';

/** How a program ended; `signal` is what ended it, such as the SIGSEGV of a crash. */
export interface End {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** What programs of consumers begin with, as CommonJS: data and settings of a training of milliseconds. */
export const SMALL = `
const { CmirError, syntheticDataset, train } = require('cmir');
const data = syntheticDataset({ modalities: { text: 6, audio: 4 }, train: 60, valid: 24, test: 24, shifted: 20 });
const settings = {
  threads: 1, device: 'cpu', model: { hidden: 8, latent: 4 }, training: { epochs: 2, batchSize: 16 },
};
const endless = { ...settings, training: { epochs: 1e9, batchSize: 1, patience: 0 } };
`;

/** A folder in which this package is installed, with the given files in it. */
export function consumer(files: Record<string, string>): string {
  const folder = freshPath('consumer');
  mkdirSync(join(folder, 'node_modules'), { recursive: true });
  symlinkSync(ROOT, join(folder, 'node_modules', 'cmir'));
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
  return folder;
}

/** Runs a file of a consumer's folder; `onOutput` sees all that it has printed so far. */
export function runFile(
  folder: string,
  file: string,
  options: {
    node?: string;
    args?: readonly string[];
    onOutput?: (stdout: string, kill: (signal: NodeJS.Signals) => void) => void;
  } = {},
): Promise<End> {
  const { node = process.execPath, args = [], onOutput } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(node, [...args, file], { cwd: folder });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk.toString();
      onOutput?.(stdout, (signal) => child.kill(signal));
    });
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    child.on('error', reject);
    child.on('close', (code, signal) => {
      resolve({ code, signal, stdout, stderr });
    });
  });
}

/** What a program prints as JSON when it ends well. */
export async function resultOf(end: Promise<End>): Promise<unknown> {
  const { stdout, ...rest } = await end;
  expect(rest).toEqual({ code: 0, signal: null, stderr: '' });
  return JSON.parse(stdout);
}

/** TypeScript to CommonJS, without looking at types; the target decides what becomes of \`using\`. */
export function compile(source: string, target: ts.ScriptTarget): string {
  const compilerOptions = { target, module: ts.ModuleKind.CommonJS };
  return ts.transpileModule(source, { compilerOptions }).outputText;
}

/**
 * Another version of Node, fetched on the first call: this process's program where it has that version. Where it
 * cannot be had: undefined after a message that says why, or an error with CMIR_REQUIRE_PYTHON=1.
 */
export function findNode(major: number): string | undefined {
  if (process.version.startsWith(`v${String(major)}.`)) return process.execPath;
  const script = join(ROOT, 'scripts', 'node-env.mjs');
  const prepared = spawnSync(process.execPath, [script, String(major)], { encoding: 'utf8' });
  if (prepared.status === 0) return prepared.stdout.trim();
  const reason = `no Node ${String(major)} to run with: ${prepared.stderr.trim()}`;
  if (process.env['CMIR_REQUIRE_PYTHON'] === '1') throw new Error(reason);
  console.warn(`skipped: ${reason} (CMIR_REQUIRE_PYTHON=1 makes this a failure)`);
  return undefined;
}
