import type { NativeState } from '../../binding';
import { saveLast, saveModel, type Checkpoint, type Progress } from './checkpoint';
import { saveHistory, secondsOf, type EpochRecord } from './history';

/** What an epoch leaves to be written. */
interface Entry {
  /** With the optimiser's. */
  readonly state: NativeState;
  readonly best: boolean;
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

  /** Begins to write an epoch once the one before is on disk. Throws ERR_CMIR_IO where that one failed. */
  async add(entry: Entry): Promise<void> {
    await this.#writing;
    this.#writing = this.#write(entry);
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
  async #write({ state, best, history, progress }: Entry): Promise<void> {
    // Now: the next epoch is added to the history while this one is written.
    const seconds = secondsOf(history);
    await saveHistory(this.#folder, history);
    await saveLast(this.#folder, { ...this.#made, state }, progress, seconds);
    if (best) await saveModel(this.#folder, { ...this.#made, state: withoutOptimizer(state) });
  }
}

/** The parameters and normaliser of a state. */
export function withoutOptimizer({ step, tensors }: NativeState): NativeState {
  const kept = Object.entries(tensors).filter(([name]) => !name.startsWith('optimizer.'));
  return { step, tensors: Object.fromEntries(kept) };
}
