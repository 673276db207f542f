import { spawn } from 'node:child_process';

export interface Finished {
  /** Exit status; null when the program could not be started. */
  readonly status: number | null;
  /** Standard output and error, in the order they came. */
  readonly output: string;
}

/** Runs a program to its end and keeps what it prints; never throws. */
export function run(
  program: string,
  args: readonly string[],
  options: { env?: NodeJS.ProcessEnv; cwd?: string } = {},
): Promise<Finished> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    const collect = (chunk: Buffer): void => {
      output += chunk.toString();
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    child.on('error', (error) => {
      resolve({ status: null, output: error.message });
    });
    child.on('close', (status, signal) => {
      resolve({ status: status ?? 1, output: signal === null ? output : `${output}\nended by ${signal}` });
    });
  });
}
