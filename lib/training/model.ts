import { isInt32Array } from 'node:util/types';

import { nativeConfig, type Config } from '../config';
import { Dataset, type Modality, type Split } from '../data/dataset';
import { keysOf } from '../data/keys';
import { loadDataset, type DatasetArrays } from '../data/load';
import { rowsOf } from '../data/values';
import { CmirError, throwIfAborted } from '../errors';
import {
  computeConventions,
  computeMetrics,
  type Convention,
  type FloatArray,
  type MetricOptions,
  type MetricReport,
} from '../metrics';
import { engineError, guarded } from '../native/engine';
import { loadAddon } from '../native/load';
import type { NativeFeatures, NativeNoise, NativeState, Trainer } from '../../binding';
import { checkNoise, type Noise } from './noise';
import { checkModalities, targetsOf, type ModelShape } from './shape';

/** How a model predicts. */
export interface PredictOptions {
  /** Stops the work; the promise rejects with ERR_CMIR_ABORTED. */
  readonly signal?: AbortSignal;
  /** Noise on the standardised features; without it the input is taken as it is. */
  readonly noise?: Noise;
}

/** What a model says of some examples, n of them, in the order of the source. */
export interface Predictions {
  /** [n]. */
  readonly ids: readonly string[];
  /** [n], the value (regression), or the index of the most probable class. */
  readonly predictions: Float32Array;
  /** [n, outputs], what the head puts out; logits for classification. */
  readonly outputs: FloatArray;
  /** [n, outputs]; only for classification. */
  readonly probabilities?: Float32Array;
}

/** Codes by modality, [n, latent] each. */
export type Codes = Record<
  string,
  { readonly invariant: FloatArray; readonly spurious: FloatArray }
>;

/**
 * Parameters and normaliser by name, as in model.safetensors, and the steps taken.
 * @interface
 */
export type ModelState = NativeState;

/**
 * A trained model on one device. It holds native memory until dispose(), or until it is collected.
 * Every method throws ERR_CMIR_DISPOSED after dispose(), ERR_CMIR_MISMATCH for data that does not fit,
 * ERR_CMIR_NATIVE where the engine fails.
 */
export class Model implements Disposable {
  /** The complete configuration that it was trained with, every auto decided. */
  readonly config: Config;
  /** What goes in and what comes out. */
  readonly shape: ModelShape;
  readonly #trainer: Trainer;
  /** What is uploaded now, so that asking again for the same data uploads nothing. */
  #uploaded: Dataset | undefined;
  /** Calls share the uploaded data: they take turns. */
  #turn: Promise<unknown> = Promise.resolve();

  /** @internal Use train or loadModel. */
  constructor(trainer: Trainer, config: Config, shape: ModelShape) {
    this.#trainer = trainer;
    this.config = config;
    this.shape = shape;
  }

  /** Number of trainable parameters. */
  get parameterCount(): number {
    return this.trainer.parameterCount;
  }

  /** @internal The native object, for the training loop; what it throws is a CmirError. */
  get trainer(): Trainer {
    if (this.#trainer.disposed) {
      throw new CmirError('ERR_CMIR_DISPOSED', 'the model was used after dispose()');
    }
    return guarded(this.#trainer);
  }

  /** Predictions for a split, a whole data set, or arrays, on raw (not standardised) features. */
  async predict(
    source: Split | Dataset | DatasetArrays,
    options: PredictOptions = {},
  ): Promise<Predictions> {
    const noise = this.#noise(options);
    const split = await this.#split(source);
    const outputs = await this.#run(split, options.signal, () =>
      this.trainer.predict(split.rows, noise),
    );
    const ids = Array.from(split.rows, (row) => split.dataset.ids[row] as string);
    if (this.shape.task === 'regression') {
      return { ids, predictions: Float32Array.from(outputs), outputs };
    }
    const probabilities = softmax(outputs, this.shape.outputs);
    return { ids, predictions: argmax(outputs, this.shape.outputs), outputs, probabilities };
  }

  /** Metrics of the predictions for a split, a whole data set, or arrays against their labels, in one convention. */
  async evaluate(
    source: Split | Dataset | DatasetArrays,
    options: PredictOptions & MetricOptions = {},
  ): Promise<MetricReport> {
    const { outputs, targets } = await this.#compare(source, options);
    return computeMetrics(this.shape.task, outputs, targets, this.shape.outputs, options);
  }

  /** The metrics in every convention, of one prediction. Throws ERR_CMIR_USAGE for a model of classification. */
  async evaluateConventions(
    source: Split | Dataset | DatasetArrays,
    options: PredictOptions = {},
  ): Promise<Record<Convention, MetricReport>> {
    const { outputs, targets } = await this.#compare(source, options);
    return computeConventions(this.shape.task, outputs, targets, this.shape.outputs);
  }

  async #compare(
    source: Split | Dataset | DatasetArrays,
    options: PredictOptions,
  ): Promise<{ readonly outputs: FloatArray; readonly targets: Float32Array }> {
    const split = await this.#split(source, true);
    const targets = targetsOf(this.shape, split);
    const { outputs } = await this.predict(split, options);
    return { outputs, targets };
  }

  /** Invariant and spurious codes of the clean, or noisy, input. */
  async encode(
    source: Split | Dataset | DatasetArrays,
    options: PredictOptions = {},
  ): Promise<Codes> {
    const noise = this.#noise(options);
    const split = await this.#split(source);
    const codes = await this.#run(split, options.signal, () =>
      this.trainer.encode(split.rows, noise),
    );
    return Object.fromEntries(
      this.shape.modalities.map(({ name }, m) => [
        name,
        { invariant: codes.invariant[m] as FloatArray, spurious: codes.spurious[m] as FloatArray },
      ]),
    );
  }

  /** Parameters and normaliser by name, as in model.safetensors. */
  async state(): Promise<ModelState> {
    return this.trainer.getState(false);
  }

  /** @internal Takes over a state read from `path`. Throws ERR_CMIR_CHECKPOINT, naming it, for a state of another model. */
  async restore(state: NativeState, path: string): Promise<void> {
    try {
      await this.#trainer.setState(state);
    } catch (cause) {
      const prefix = `${path}: its tensors do not fit its configuration: `;
      throw engineError(cause, 'ERR_CMIR_CHECKPOINT', prefix);
    }
  }

  /** Frees native memory; may be called again. */
  dispose(): void {
    this.#trainer.dispose();
    this.#uploaded = undefined;
  }

  /** Same as dispose(): `using model = ...` calls it at the end of its block. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  async #split(source: Split | Dataset | DatasetArrays, requireLabel = false): Promise<Split> {
    if (source instanceof Dataset) return source.all;
    if (isSplit(source)) return source;
    checkArrays(source);
    const { label, nonFinite } = this.config.data;
    const { task, classes } = this.shape;
    const options = { label, nonFinite, task, requireLabel, requireTrain: false };
    return (await loadDataset(source, classes === null ? options : { ...options, classes })).all;
  }

  #noise({ noise }: PredictOptions): NativeNoise | null {
    const names = this.shape.modalities.map(({ name }) => name);
    return noise ? checkNoise(noise, names) : null;
  }

  #run<T>(split: Split, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(async () => {
      throwIfAborted(signal);
      if (this.#uploaded !== split.dataset) await this.upload(split.dataset);
      throwIfAborted(signal);
      const value = await work();
      // What runs in the engine is not interrupted, but nobody waits for it any more.
      throwIfAborted(signal);
      return value;
    });
    // The next call waits for this one, whatever becomes of it.
    this.#turn = result.catch(() => undefined);
    return result;
  }

  /** @internal Makes the statistics of a split's features part of the model. */
  async fitNormalizer({ dataset, rows }: Split): Promise<void> {
    const state = await this.state();
    const { maxLength } = this.config.data;
    for (const modality of dataset.modalities) {
      const { name, features } = modality;
      const { mean, std } = await loadAddon()
        .fitNormalizer(nativeFeatures(modality), features, rows, maxLength)
        .catch((cause: unknown) => {
          throw engineError(cause, 'ERR_CMIR_NATIVE', `${dataset.name}, modality ${name}: `);
        });
      state.tensors[`normalizer.${name}.mean`]?.data.set(mean);
      state.tensors[`normalizer.${name}.std`]?.data.set(std);
    }
    await this.trainer.setState(state);
  }

  /** @internal Hands a data set to the engine; predictions on it then need no further copy. */
  async upload(dataset: Dataset): Promise<void> {
    checkModalities(this.shape, dataset);
    const features = this.shape.modalities.map(({ name }) =>
      nativeFeatures(dataset.modalities.find((other) => other.name === name) as Modality),
    );
    const label = dataset.label?.task === this.shape.task ? dataset.label : null;
    await this.trainer.upload({
      rows: dataset.size,
      features,
      // Where NaN is a mistake it was refused, or is when it is met in a file.
      replaceNonFinite:
        this.config.data.nonFinite === 'mean' ||
        dataset.modalities.some(({ nanIsMissing }) => nanIsMissing),
      targets: label?.values ?? null,
      keys: keysOf(dataset.ids),
    });
    this.#uploaded = dataset;
  }
}

function nativeFeatures(modality: Modality): NativeFeatures {
  const { file, offsets } = modality;
  return {
    values: file
      ? { path: file.path, offset: file.offset, rows: rowsOf(modality) }
      : modality.values,
    offsets: offsets ?? null,
  };
}

/** Makes an untrained engine for a decided configuration; what C++ refuses becomes ERR_CMIR_CONFIG. */
export function createTrainer(config: Config, shape: ModelShape): Trainer {
  const { Trainer } = loadAddon();
  const native = nativeConfig(config, {
    modalities: shape.modalities.map((modality) => ({ ...modality })),
    outputs: shape.outputs,
  });
  try {
    return new Trainer(native);
  } catch (cause) {
    throw engineError(cause, 'ERR_CMIR_CONFIG', 'configuration: ');
  }
}

/** `source` may be anything that JavaScript hands over. */
function isSplit(source: Split | DatasetArrays): source is Split {
  const { dataset, rows } = Object(source) as Record<string, unknown>;
  return dataset instanceof Dataset && isInt32Array(rows);
}

function checkArrays(source: DatasetArrays): void {
  const { modalities } = Object(source) as Record<string, unknown>;
  if (typeof modalities === 'object' && modalities !== null) return;
  throw new CmirError(
    'ERR_CMIR_USAGE',
    `examples: found ${shown(source)}, expected a Split, a Dataset, or arrays: { modalities, ... }`,
  );
}

/** A few words for anything. */
function shown(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value);
  const keys = Object.keys(value).slice(0, 5);
  return `an object with ${keys.length === 0 ? 'nothing in it' : keys.join(', ')}`;
}

function argmax(outputs: FloatArray, width: number): Float32Array {
  return Float32Array.from({ length: outputs.length / width }, (_, row) => {
    const logits = outputs.subarray(row * width, (row + 1) * width);
    return logits.indexOf(Math.max(...logits));
  });
}

function softmax(outputs: FloatArray, width: number): Float32Array {
  const probabilities = new Float32Array(outputs.length);
  for (let begin = 0; begin < outputs.length; begin += width) {
    const logits = outputs.subarray(begin, begin + width);
    const largest = Math.max(...logits);
    const exponentials = Array.from(logits, (logit) => Math.exp(logit - largest));
    const sum = exponentials.reduce((a, b) => a + b, 0);
    probabilities.set(
      exponentials.map((value) => value / sum),
      begin,
    );
  }
  return probabilities;
}
