import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { NativeState } from '../../binding';
import {
  FILES,
  configFile,
  lastFiles,
  modelFile,
  type Checkpoint,
  type Progress,
} from './checkpoint';
import { encodeEvents, epochEvent, startOf } from './events';
import { appendTo, updateFiles, writeFiles, type FileContent } from './files';
import { historyFile, secondsOf, type EpochRecord } from './history';

/** What an epoch leaves to be written. */
export interface Entry {
  /** With the optimiser's. */
  readonly state: NativeState;
  /** The best model, where it is to be written. */
  readonly best: NativeState | undefined;
  readonly history: readonly EpochRecord[];
  readonly progress: Progress;
}

/** Writes the checkpoints of a run, each while the next epoch runs. */
export class Recorder {
  readonly #folder: string;
  readonly #made: Omit<Checkpoint, 'state'>;
  /** When the run began, in seconds since 1970, and the epochs that TensorBoard's file holds. */
  #start = 0;
  #logged = 0;
  #writing: Promise<void> = Promise.resolve();

  constructor(folder: string, made: Omit<Checkpoint, 'state'>) {
    this.#folder = folder;
    this.#made = made;
  }

  /**
   * Writes where a run begins or continues, and repairs what a kill left behind. Of a run that has ended nothing is
   * touched. Throws ERR_CMIR_IO.
   */
  async begin(entry: Entry): Promise<void> {
    const { config } = this.#made;
    const found = await readFile(join(this.#folder, FILES.events)).catch(() => Buffer.alloc(0));
    this.#start = startOf(found) ?? Date.now() / 1000;
    this.#logged = entry.history.length;
    // Whatever a kill left of the events, they are those of the history.
    const content = encodeEvents(this.#start, config, entry.history);
    await updateFiles(this.#folder, [
      configFile(config),
      ...this.#files(entry),
      { name: FILES.events, content },
    ]);
  }

  /** Begins to write an epoch once the one before is on disk. Throws ERR_CMIR_IO where that one failed. */
  async add(entry: Entry): Promise<void> {
    await this.#writing;
    // Encoded now: the next epoch is added to the history while this one is written.
    this.#writing = this.#write(this.#files(entry), this.#newEvent(entry.history));
    // Whoever waits next is told; until then a failure is not unhandled.
    this.#writing.catch(() => undefined);
  }

  /** Waits until everything is on disk. Throws ERR_CMIR_IO where that failed. */
  async flush(): Promise<void> {
    await this.#writing;
  }

  async #write(files: readonly FileContent[], event: Uint8Array | undefined): Promise<void> {
    await writeFiles(this.#folder, files);
    if (event !== undefined) await appendTo(join(this.#folder, FILES.events), event);
  }

  /** Undefined for an epoch that is written again. */
  #newEvent(history: readonly EpochRecord[]): Uint8Array | undefined {
    if (history.length === this.#logged) return undefined;
    this.#logged = history.length;
    return epochEvent(this.#start, history);
  }

  /**
   * In this order a kill between two files loses nothing: last.safetensors counts, longer history is cut, and
   * where it says that its own epoch is the best it holds the best model itself.
   */
  #files({ state, best, history, progress }: Entry): FileContent[] {
    return [
      historyFile(history),
      ...lastFiles({ ...this.#made, state }, progress, secondsOf(history)),
      ...(best === undefined ? [] : [modelFile({ ...this.#made, state: best })]),
    ];
  }
}

/** The parameters and normaliser of a state. */
export function withoutOptimizer({ step, tensors }: NativeState): NativeState {
  const kept = Object.entries(tensors).filter(([name]) => !name.startsWith('optimizer.'));
  return { step, tensors: Object.fromEntries(kept) };
}
