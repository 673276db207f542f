import type { Options } from '../config';
import type { Dataset } from '../data/dataset';
import type { DatasetArrays } from '../data/load';
import { CmirError, throwIfAborted } from '../errors';
import type { EpochRecord } from './history';
import { train, type Run, type TrainOptions } from './train';

/**
 * Trains as `train` does, epoch by epoch in a loop:
 *
 * ```ts
 * const epochs = trainEpochs(data, { seed: 1 });
 * for await (const { epoch, loss } of epochs) {
 *   if (loss < 0.2) epochs.stop();
 * }
 * console.log(epochs.run.metrics.test.MAE);
 * ```
 *
 * Nothing runs before the loop asks for the first epoch, and none beyond the one it asks for: the next epoch begins
 * when the body of the loop is through. Leaving the loop by `break`, `return` or an error ends the training there and
 * disposes of the model; the last checkpoint stays in `hooks.out`, to be resumed. Whatever goes wrong, and
 * ERR_CMIR_ABORTED of `hooks.signal`, is thrown by the loop.
 */
export function trainEpochs(
  source: string | Dataset | DatasetArrays,
  options: Options = {},
  hooks: TrainOptions = {},
): Epochs {
  return new Epochs(source, options, hooks);
}

/** The epochs of one training, to be looped over once. */
export class Epochs implements AsyncIterable<EpochRecord> {
  readonly #arguments: Required<Parameters<typeof train>>;
  readonly #abort = new AbortController();
  readonly #turns = new Turns<EpochRecord>();
  #begun = false;
  #stopped = false;
  #run: Run | undefined;

  /** @internal Use trainEpochs. */
  constructor(...trainArguments: Required<Parameters<typeof train>>) {
    this.#arguments = trainArguments;
  }

  /**
   * The run, once the loop has come to its end; dispose of its model when done. Throws ERR_CMIR_USAGE before that,
   * and when the loop was left early: there is none then.
   */
  get run(): Run {
    if (this.#run === undefined) {
      throw new CmirError(
        'ERR_CMIR_USAGE',
        'trainEpochs: there is no run before the loop over its epochs has come to its end; ' +
          'to end it early with the best model so far call stop() instead of leaving the loop',
      );
    }
    return this.#run;
  }

  /** Ends the training after the epoch at hand: the best model so far is saved and evaluated, and the loop ends. */
  stop(): void {
    this.#stopped = true;
  }

  /** Throws ERR_CMIR_USAGE the second time. The return value of the generator is the run. */
  [Symbol.asyncIterator](): AsyncGenerator<EpochRecord, Run, undefined> {
    if (this.#begun) {
      throw new CmirError('ERR_CMIR_USAGE', 'trainEpochs: its epochs can be looped over once');
    }
    this.#begun = true;
    return this.#epochs();
  }

  async *#epochs(): AsyncGenerator<EpochRecord, Run, undefined> {
    const [source, options, hooks] = this.#arguments;
    const training = train(source, options, { ...hooks, ...this.#ownHooks(hooks) });
    const ended = training.then((run) => ({ run }));
    try {
      for (;;) {
        const next = await Promise.race([this.#turns.take(), ended]);
        if ('run' in next) return (this.#run = next.run);
        yield next.value;
        this.#turns.release();
      }
    } finally {
      if (this.#run === undefined) {
        this.#abort.abort(new Error('the loop over the epochs was left'));
        this.#turns.release();
        await training.catch(() => undefined);
      }
    }
  }

  #ownHooks({ signal, onEpoch }: TrainOptions): Pick<TrainOptions, 'signal' | 'onEpoch'> {
    const own = this.#abort.signal;
    return {
      signal: signal === undefined ? own : AbortSignal.any([signal, own]),
      onEpoch: async (record, stop) => {
        await onEpoch?.(record, stop);
        await this.#turns.offer(record);
        // Also after the last epoch, when no other would notice.
        throwIfAborted(own);
        if (this.#stopped) stop();
      },
    };
  }
}

/** Hands values over one at a time; whoever offers one waits until the taker is done with it. */
class Turns<T> {
  #offered = gate<{ value: T }>();
  #released = gate<undefined>();

  async offer(value: T): Promise<void> {
    this.#released = gate();
    this.#offered.open({ value });
    await this.#released.opened;
  }

  async take(): Promise<{ value: T }> {
    const taken = await this.#offered.opened;
    this.#offered = gate();
    return taken;
  }

  release(): void {
    this.#released.open(undefined);
  }
}

interface Gate<T> {
  readonly opened: Promise<T>;
  readonly open: (value: T) => void;
}

function gate<T>(): Gate<T> {
  let open: (value: T) => void = () => undefined;
  const opened = new Promise<T>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}
