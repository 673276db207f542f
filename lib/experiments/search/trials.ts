import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { CmirError, messageOf } from '../../errors';
import { writeAtomically } from '../../training/files';
import type { Trial } from '../results';

/** Files of a search's folder. */
export const FILES = {
  /** What was searched: a resumed search must ask for the same. */
  plan: 'plan.json',
  /** A line a trial, as they end. */
  trials: 'trials.jsonl',
  result: 'search.json',
  /** The best trial's options, as a configuration file. */
  best: 'best.json',
} as const;

/** Keeps the trials of a search on disk, so that a killed search loses only those that ran. */
export class TrialLog {
  readonly #path: string;
  #writing: Promise<void> = Promise.resolve();

  constructor(folder: string) {
    this.#path = join(folder, FILES.trials);
  }

  /** Trials that ended before; a line that a kill cut off is dropped. Throws ERR_CMIR_CHECKPOINT for other damage. */
  async read(): Promise<Trial[]> {
    const text = await readFile(this.#path, 'utf8').catch(() => '');
    const whole = text.slice(0, text.lastIndexOf('\n') + 1);
    if (whole.length < text.length) await writeAtomically(this.#path, whole);
    return whole
      .split('\n')
      .slice(0, -1)
      .map((line, index) => this.#parse(line, index + 1));
  }

  /** Appends a trial and waits until it is on disk. */
  async add(trial: Trial): Promise<void> {
    const before = this.#writing;
    this.#writing = before.then(() => this.#append(`${JSON.stringify(trial)}\n`));
    await this.#writing;
  }

  async #append(line: string): Promise<void> {
    try {
      const file = await open(this.#path, 'a');
      try {
        await file.writeFile(line);
        await file.sync();
      } finally {
        await file.close();
      }
    } catch (cause) {
      throw new CmirError('ERR_CMIR_IO', `cannot write ${this.#path}: ${messageOf(cause)}`, {
        cause,
      });
    }
  }

  #parse(line: string, number: number): Trial {
    try {
      return JSON.parse(line) as Trial;
    } catch (cause) {
      throw new CmirError(
        'ERR_CMIR_CHECKPOINT',
        `${this.#path}, line ${String(number)}: expected a trial as JSON: ${messageOf(cause)}`,
        { cause },
      );
    }
  }
}
