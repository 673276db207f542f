import type { NativeState } from '../../binding';
import { configFile, lastFiles, modelFile, type Checkpoint, type Progress } from './checkpoint';
import { updateFiles, writeFiles, type FileContent } from './files';
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
    await updateFiles(this.#folder, [configFile(this.#made.config), ...this.#files(entry)]);
  }

  /** Begins to write an epoch once the one before is on disk. Throws ERR_CMIR_IO where that one failed. */
  async add(entry: Entry): Promise<void> {
    await this.#writing;
    // Encoded now: the next epoch is added to the history while this one is written.
    this.#writing = writeFiles(this.#folder, this.#files(entry));
    // Whoever waits next is told; until then a failure is not unhandled.
    this.#writing.catch(() => undefined);
  }

  /** Waits until everything is on disk. Throws ERR_CMIR_IO where that failed. */
  async flush(): Promise<void> {
    await this.#writing;
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
