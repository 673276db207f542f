import { environmentList, type Config } from '../config';
import type { Dataset, Split } from '../data/dataset';
import { CmirError } from '../errors';
import type { Model } from '../training/model';
import type { ModalityShape, ModelShape } from '../training/shape';
import type { Cost } from './results';

/** The part of Cost that configuration and shape alone tell. */
export type CountedCost = Pick<
  Cost,
  | 'parameters'
  | 'inference_parameters'
  | 'training_flops_per_example'
  | 'inference_flops_per_example'
>;

/** Mean number of frames an example, by modality of sequences. */
export type MeanFrames = Readonly<Record<string, number>>;

/** Parameters, and FLOPs an example of one copy of the input, of one layer or several. */
interface Layers {
  readonly parameters: number;
  readonly forward: number;
  /** Of the gradients of the weights, and of what lies in front of the layers. */
  readonly weightGradient: number;
  readonly inputGradient: number;
}

/**
 * Parameters and floating-point operations of a model. `parameters` are all, decoders included whether they are
 * trained or not; `inference_parameters` leave out decoders and the spurious halves of the encoders' last layers.
 *
 * FLOPs are those of matrix products, a multiply-add counted as two. Training counts forward and backward of one
 * example in all E environments: pooling, encoders, decoders where reconstruction has a weight, the head on the
 * environments that it is trained on, and the products of the decorrelation, in the form that the CPU engine takes for
 * `training.batchSize` and the latent width. No gradient in the data is counted, none in frames. Environments that
 * share a draw take two products in the encoders' first layer instead of E. Inference counts the clean input, the
 * invariant halves and the head.
 *
 * Left out is what is linear in the size of activations or parameters: noise, biases, activation functions, dropout,
 * norms, losses, R_inv, clipping and the optimiser; and the padding of sequences.
 *
 * `frames` are needed where pooling has weights: ERR_CMIR_USAGE names the modality without any.
 */
export function countCost(config: Config, shape: ModelShape, frames: MeanFrames = {}): CountedCost {
  const { hidden, latent } = config.model;
  const modalities = shape.modalities.map((modality) => {
    const pooling = poolingLayers(config, modality, frames);
    const width = inputWidth(config, modality);
    return {
      pooling,
      first: linear(width, hidden),
      second: linear(hidden, 2 * latent),
      invariant: linear(hidden, latent),
      decoder: chain(linear(2 * latent, hidden), linear(hidden, width)),
    };
  });
  const head = chain(
    linear(shape.modalities.length * latent, hidden),
    linear(hidden, shape.outputs),
  );
  const environments = 1 + environmentList(config.environments).length;
  const isShared = !Array.isArray(config.environments) && environments > 1;
  const predicted = config.prediction.on === 'all' ? environments : 1;
  const decorrelation = config.weights.decorrelation > 0 ? decorrelationFlops(config) : 0;

  const training = modalities.map(({ pooling, first, second, decoder }) => {
    const copies = isShared ? 2 : environments;
    return (
      copies * (first.forward + first.weightGradient) +
      environments *
        (pooling.forward +
          pooling.weightGradient +
          (pooling.parameters > 0 ? first.inputGradient : 0) +
          all(second) +
          (config.weights.reconstruction > 0 ? all(decoder) : 0) +
          decorrelation)
    );
  });
  return {
    parameters: sum(
      modalities.map(
        ({ pooling, first, second, decoder }) =>
          pooling.parameters + first.parameters + second.parameters + decoder.parameters,
      ),
      head.parameters,
    ),
    inference_parameters: sum(
      modalities.map(
        ({ pooling, first, invariant }) =>
          pooling.parameters + first.parameters + invariant.parameters,
      ),
      head.parameters,
    ),
    training_flops_per_example: sum(training, predicted * all(head)),
    inference_flops_per_example: sum(
      modalities.map(
        ({ pooling, first, invariant }) => pooling.forward + first.forward + invariant.forward,
      ),
      head.forward,
    ),
  };
}

/** Mean number of frames of all examples, as `data.maxLength` leaves them. */
export function meanFrames(dataset: Dataset, maxLength = 0): MeanFrames {
  const most = maxLength === 0 ? Infinity : maxLength;
  const means: Record<string, number> = {};
  for (const { name, offsets } of dataset.modalities) {
    if (offsets === undefined || dataset.size === 0) continue;
    let total = 0;
    for (let i = 1; i < offsets.length; i += 1) {
      total += Math.min((offsets[i] as number) - (offsets[i - 1] as number), most);
    }
    means[name] = total / dataset.size;
  }
  return means;
}

/** Milliseconds of one prediction. */
export interface Latency {
  /** Examples of one prediction. */
  readonly examples: number;
  /** Milliseconds of one prediction, the median. */
  readonly median_ms: number;
  /** Lower and upper quartile. */
  readonly quartiles_ms: readonly [number, number];
  /** Predictions that were measured. */
  readonly repeats: number;
}

/** How a latency is measured. */
export interface LatencyOptions {
  /** Predictions before the first that counts; the first one of all hands the data to the engine. Default 20. */
  readonly warmUp?: number;
  /** Default 100. */
  readonly repeats?: number;
  /** Stops between predictions, with ERR_CMIR_ABORTED. */
  readonly signal?: AbortSignal;
}

/**
 * How long Model.predict takes for so many examples at once, from the call to its result: the first ones of the split,
 * again from the start where it has fewer. Throws ERR_CMIR_USAGE for an empty split or a number below 1.
 */
export async function measureLatency(
  model: Model,
  split: Split,
  examples: number,
  { warmUp = 20, repeats = 100, signal }: LatencyOptions = {},
): Promise<Latency> {
  if (split.rows.length === 0) {
    throw new CmirError(
      'ERR_CMIR_USAGE',
      `${split.dataset.name}: split '${split.name}' is empty; latency needs at least one example`,
    );
  }
  checkCount('examples', examples, 1);
  checkCount('warmUp', warmUp, 0);
  checkCount('repeats', repeats, 1);
  const rows = Int32Array.from(
    { length: examples },
    (_, i) => split.rows[i % split.rows.length] as number,
  );
  const times: number[] = [];
  for (let call = 0; call < warmUp + repeats; call += 1) {
    const start = performance.now();
    await model.predict({ ...split, rows }, { ...(signal && { signal }) });
    if (call >= warmUp) times.push(performance.now() - start);
  }
  times.sort((a, b) => a - b);
  return {
    examples,
    median_ms: quantile(times, 0.5),
    quartiles_ms: [quantile(times, 0.25), quantile(times, 0.75)],
    repeats,
  };
}

function linear(inputs: number, outputs: number): Layers {
  const product = 2 * inputs * outputs;
  return {
    parameters: (inputs + 1) * outputs,
    forward: product,
    weightGradient: product,
    inputGradient: product,
  };
}

function chain(...parts: readonly Layers[]): Layers {
  const total = (field: keyof Layers): number => sum(parts.map((part) => part[field]));
  return {
    parameters: total('parameters'),
    forward: total('forward'),
    weightGradient: total('weightGradient'),
    inputGradient: total('inputGradient'),
  };
}

/** Forward and the whole backward of layers with something that learns in front of them. */
function all({ forward, weightGradient, inputGradient }: Layers): number {
  return forward + weightGradient + inputGradient;
}

/** What pools a sequence in front of the encoder: products of `weightGradient` are all of its backward. */
function poolingLayers(
  config: Config,
  { name, features, sequence }: ModalityShape,
  frames: MeanFrames,
): Layers {
  const { pooling, hidden } = config.model;
  const nothing = { parameters: 0, forward: 0, weightGradient: 0, inputGradient: 0 };
  if (!sequence || pooling === 'mean') return nothing;
  const length = frames[name];
  if (length === undefined || !(length >= 0)) {
    throw new CmirError(
      'ERR_CMIR_USAGE',
      `frames.${name}: found ${String(length)}, expected the mean number of frames, which the cost of pooling ` +
        `'${pooling}' depends on; take it from meanFrames`,
    );
  }
  if (pooling === 'attention') {
    // Scores and the weighted sum; backward the weights of the frames, then the query.
    const product = 2 * length * features;
    return { ...nothing, parameters: features, forward: 2 * product, weightGradient: 2 * product };
  }
  const input = 2 * length * features * 3 * hidden;
  const recurrent = 2 * length * hidden * 3 * hidden;
  return {
    ...nothing,
    parameters: 3 * hidden * (features + hidden + 2),
    forward: input + recurrent,
    // Of the input the weights alone, of the state that recurs the state too.
    weightGradient: input + 2 * recurrent,
  };
}

/** What the encoder sees: a gru's state, else features. */
function inputWidth({ model }: Config, { features, sequence }: ModalityShape): number {
  return sequence && model.pooling === 'gru' ? model.hidden : features;
}

/**
 * An example's share in one environment. With B < d, C = A B^T, C B and C^T A of 2 B^2 d each; else both Gram matrices
 * and their products with the other part, of 2 B d^2 each.
 */
function decorrelationFlops({ model, training }: Config): number {
  const [batch, latent] = [training.batchSize, model.latent];
  return batch < latent ? 6 * batch * latent : 8 * latent ** 2;
}

function sum(values: readonly number[], start = 0): number {
  return values.reduce((total, value) => total + value, start);
}

/** Of ascending values, between two in proportion. */
function quantile(values: readonly number[], share: number): number {
  const at = share * (values.length - 1);
  const [low, high] = [Math.floor(at), Math.ceil(at)].map((i) => values[i] as number);
  return (low as number) + (at - Math.floor(at)) * ((high as number) - (low as number));
}

function checkCount(name: string, value: number, least: number): void {
  if (Number.isSafeInteger(value) && value >= least) return;
  throw new CmirError(
    'ERR_CMIR_USAGE',
    `${name}: found ${String(value)}, expected an integer from ${String(least)}`,
  );
}
