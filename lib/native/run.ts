import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';

export interface Finished {
  /** Exit status; null when the program could not be started, 128 when a signal ended it. */
  readonly status: number | null;
  readonly stdout: string;
  /** Standard output and error, in the order they came. */
  readonly output: string;
}

export interface RunOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** A file that gets the output as it comes, for whoever wants to watch a long run. */
  readonly logFile?: string;
}

/** Runs a program to its end and keeps what it prints; never throws. */
export function run(
  program: string,
  args: readonly string[],
  { env = process.env, cwd, logFile }: RunOptions = {},
): Promise<Finished> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { env, cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    const log = logFile === undefined ? undefined : createWriteStream(logFile);
    // A log that cannot be written must not end what it tells about.
    log?.on('error', () => undefined);
    const chunks = { stdout: '', output: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (chunk: string) => {
        chunks.output += chunk;
        if (name === 'stdout') chunks.stdout += chunk;
        log?.write(chunk);
      });
    }
    const finish = (finished: Finished): void => {
      if (log === undefined || log.destroyed) resolve(finished);
      else
        log.end(() => {
          resolve(finished);
        });
    };
    child.on('error', (error) => {
      finish({ status: null, stdout: '', output: error.message });
    });
    child.on('close', (status, signal) => {
      if (signal !== null) chunks.output += `\nended by ${signal}`;
      finish({ status: status ?? 128, ...chunks });
    });
  });
}
