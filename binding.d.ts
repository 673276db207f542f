/**
 * The contract between the native addon (native/binding) and TypeScript (lib). Written by hand, imports
 * nothing; test/native/binding.test.ts compares it with what the addon exports.
 *
 * Every argument is checked: a wrong one throws a TypeError, a failure of the engine rejects with an Error.
 */

/** Values in the precision of the trainer: float32 unless its configuration says float64. */
export type FloatArray = Float32Array | Float64Array;

export type NoiseKind = 'gaussian' | 'laplace' | 'erase' | 'drop';

/** One noisy virtual environment. The clean environment 0 is always there and never listed. */
export interface NativeEnvironment {
  kind: NoiseKind;
  /** In standard deviations (gaussian, laplace) or as a probability (erase, drop). */
  intensity: number;
}

/** What the engine computes with: the resolved configuration, every field required. */
export interface NativeConfig {
  /** Key of every draw (initial weights, noise, dropout): an integer in [0, 2^53). */
  seed: number;
  /** `cpu`, `cuda` or `cuda:<i>`. */
  device: string;
  /** Threads of one operation on the CPU; 0 leaves LibTorch's choice. */
  threads: number;
  /** bf16 and tf32 round the factors of training's matrix products to those; all else is float32. */
  precision: 'float32' | 'float64' | 'bf16' | 'tf32';
  /** A sequence has frames of `features` values each, any number of them an example. */
  modalities: { name: string; features: number; sequence: boolean }[];
  /** Of a sequence, the first so many frames count; 0 takes all. */
  maxLength: number;
  /** Width of the head's output: 1 for regression, the number of classes for classification. */
  outputs: number;
  model: {
    hidden: number;
    latent: number;
    dropout: number;
    /** How a sequence becomes one vector. */
    pooling: 'mean' | 'attention' | 'gru';
  };
  environments: NativeEnvironment[];
  /** common: one draw of noise for all environments, scaled; they must be of one additive kind. */
  sharing: 'independent' | 'common';
  /** risk and consistency need prediction.on all, and an environment. */
  weights: {
    invariance: number;
    decorrelation: number;
    reconstruction: number;
    risk: number;
    consistency: number;
  };
  decorrelation: { offDiagonal: number };
  prediction: {
    loss: 'l1' | 'mse' | 'crossEntropy';
    on: 'all' | 'clean';
    /** One a class in the mean over examples, sum w l / sum w; none: all count alike. */
    classWeights: number[];
  };
  reconstruction: { target: 'environment' | 'clean' };
  optimizer: {
    /** AdamW's, at its highest. */
    learningRate: number;
    weightDecay: number;
    clipNorm: number;
    /** false: parameters of one dimension, biases above all, do not decay. */
    decayBiases: boolean;
    /** How the rate goes after the warm-up; all but constant end at 0 after the last step. */
    schedule: 'constant' | 'linear' | 'cosine';
    /** Share in [0, 1) of all steps in which the rate rises from 0. */
    warmup: number;
    /** Epochs that the schedule spans. */
    epochs: number;
    /** Batches a step: its gradient is the mean over all their examples. */
    accumulation: number;
    /**
     * Decay in [0, 1) of the moving average of the weights that evaluations use; 0: none. After t steps it is at most
     * (1 + t) / (10 + t).
     */
    averaging: number;
  };
}

/** A tensor by value: row-major `data` of `shape`. */
export interface NativeTensor {
  /** Length of each dimension, the slowest first. */
  shape: number[];
  /** As many values as the product of `shape`. */
  data: FloatArray;
}

/**
 * Tensors named as in model.safetensors, averaged where weights are averaged; with the optimiser, also
 * `optimizer.exp_avg.<name>`, `optimizer.exp_avg_sq.<name>`, and beside averaged weights those that are trained,
 * `optimizer.weights.<name>`.
 */
export interface NativeState {
  /** Optimiser steps taken so far; also, times `accumulation`, the counter that keys noise and dropout. */
  step: number;
  /** By name. */
  tensors: Record<string, NativeTensor>;
}

/** float32 values [rows, features], row-major and little-endian, in a file that is mapped, not read into memory. */
export interface NativeFile {
  path: string;
  /** Where the values begin, in bytes: a multiple of 4. */
  offset: number;
  rows: number;
}

/**
 * Raw (not standardised) features of one modality: [examples, features], or the frames of all examples one after
 * another, [frames, features]. An array is read where it is: it must neither change nor be transferred while a
 * promise that it was given for is pending, nor, of a sequence, while a trainer has it.
 */
export interface NativeFeatures {
  values: Float32Array | NativeFile;
  /** Of a sequence, [examples + 1] integers: example i has the frames offsets[i] to offsets[i + 1]. */
  offsets: Float64Array | null;
}

/** What a trainer learns from, or predicts: `rows` examples. */
export interface NativeData {
  rows: number;
  /** One a modality, in the order of the configuration. */
  features: NativeFeatures[];
  /** A NaN or infinity becomes the mean; false: it is an error, at the latest when it is met. */
  replaceNonFinite: boolean;
  /** One target a row: the value (regression) or the class index. Null where labels are unknown. */
  targets: Float32Array | null;
  /** One key a row for the draws of noisy evaluations; null means the row's own index, as in training. */
  keys: Uint32Array | null;
}

/** Mean loss terms, weighted by examples: unweighted by lambda, per modality where the term is. */
export interface NativeTerms {
  /** The objective L. */
  loss: number;
  prediction: number;
  /** Population variance over environments of each one's mean prediction loss; 0 where the weight is 0. */
  risk: number;
  /** Mean distance of noisy outputs to the clean ones of their examples; 0 where the weight is 0. */
  consistency: number;
  /** One value a modality, in the order of the configuration; 0 where the weight is 0. */
  invariance: number[];
  decorrelation: number[];
  reconstruction: number[];
}

/** Where a loss stopped being a finite number. */
export interface NativeDivergence {
  /** The first term of NativeTerms that is not finite; the loss where all others are. */
  term: keyof NativeTerms;
  /** Of a constraint. */
  modality: string | null;
  value: number;
  /** Of the epoch, from 1; null where it is not known. */
  step: number | null;
  /** Of the batch, in its order; empty where the step is not known. */
  rows: number[];
}

export interface NativeEpoch {
  terms: NativeTerms;
  steps: number;
  examples: number;
  /** Seconds spent in the engine. */
  seconds: number;
  /** As it is after the epoch's last step: that of the next one. */
  learningRate: number;
  /** True when abort() ended the epoch early; steps and terms then count what was done. */
  aborted: boolean;
  /** Not null where the loss became NaN or infinite. On the CPU the epoch ended there, before that step was taken. */
  diverged: NativeDivergence | null;
}

/** Noise of test sets: that of training, and time steps or modalities that are replaced or missing. */
export type EvaluationNoiseKind = NoiseKind | 'replace' | 'frame' | 'block' | 'modality';

/**
 * Noise on the standardised features of an evaluation. Draws hang on seed, kind, an example's key and the modality's
 * name (of drop: its place), so it is the same for every model, device and batch; there is one draw for all
 * intensities, so that masks nest.
 */
export interface NativeNoise {
  kind: EvaluationNoiseKind;
  /** In standard deviations (gaussian, laplace) or as a probability from 0 to 1. */
  intensity: number;
  seed: number;
  /** Names of the modalities it is on; null: all. */
  modalities: string[] | null;
}

/**
 * One model with its optimiser and data on one device. Calls that return promises run in a worker thread,
 * one after another for the same trainer. After dispose() every other method throws.
 */
export class Trainer {
  constructor(config: NativeConfig);
  /** Number of trainable parameters. */
  readonly parameterCount: number;
  /** Bytes of native memory held: parameters, gradients, optimiser, data. */
  readonly memory: number;
  /** Steps done in the epoch that runs now, or in the last one. */
  readonly progress: number;
  readonly disposed: boolean;
  upload(data: NativeData): Promise<void>;
  /** One pass over `rows` (indices into the uploaded data) in the given order, `batchSize` at a time, `accumulation` batches a step. */
  trainEpoch(rows: Int32Array, batchSize: number): Promise<NativeEpoch>;
  /** Ends a running epoch after its current step. */
  abort(): void;
  /** Head outputs [rows, outputs] of the averaged weights, where there are any, on the clean, or noisy, input. */
  predict(rows: Int32Array, noise: NativeNoise | null): Promise<FloatArray>;
  /** Invariant and spurious codes of the clean, or noisy, input, each [rows, latent], one of each a modality. */
  encode(
    rows: Int32Array,
    noise: NativeNoise | null,
  ): Promise<{ invariant: FloatArray[]; spurious: FloatArray[] }>;
  /** Loss terms and parameter gradients of the next step on `rows` as one batch, of the weights that are trained; changes nothing. */
  gradients(
    rows: Int32Array,
  ): Promise<{ terms: NativeTerms; gradients: Record<string, NativeTensor> }>;
  /** A copy of the state: parameters and normaliser, with `optimizer` also its moments. */
  getState(optimizer: boolean): Promise<NativeState>;
  /** Replaces the state. All model tensors must be there with their shapes; the optimiser's may be absent (moments become zero). */
  setState(state: NativeState): Promise<void>;
  /** Frees native memory once running work ends; may be called again. */
  dispose(): void;
}

/** `{ value, gradients }` of one constraint: one gradient an input, each of its input's shape. */
export interface NativeLoss {
  /** Of the constraint, before its weight. */
  value: number;
  /** d value / d input, in the order of the inputs. */
  gradients: NativeTensor[];
}

export interface NativeOps {
  /** x [rows, features] to [1 + environments, rows, features]; environment 0 is x itself. */
  perturb(
    x: NativeTensor,
    options: {
      environments: NativeEnvironment[];
      keys: Uint32Array | null;
      seed: number;
      step: number;
      modality: number;
      modalities: number;
    },
  ): Promise<NativeTensor>;
  /** z [E, ...], E >= 2. */
  invariance(z: NativeTensor): Promise<NativeLoss>;
  /** Both [E, B, d]. */
  decorrelation(
    invariant: NativeTensor,
    spurious: NativeTensor,
    offDiagonal: number,
  ): Promise<NativeLoss>;
  /** output [E, B, D]; target [E, B, D] or [B, D], a constant. */
  reconstruction(output: NativeTensor, target: NativeTensor): Promise<NativeLoss>;
}

export const ops: NativeOps;

/** What the addon was built for, and what it finds here. */
export interface NativeBuild {
  /** Version of the LibTorch whose headers the addon was compiled with, for example 2.13.0. */
  builtFor: string;
  /** Widest vector instruction set LibTorch uses here, for example AVX512. */
  cpuCapability: string;
  /** Default number of threads of one operation. */
  threads: number;
  /** Number of CUDA devices that LibTorch sees. */
  cudaDevices: number;
}

/**
 * Mean and population standard deviation of each of `width` features over the examples `rows`, of a sequence over
 * their first `maxLength` frames (0: all). Non-finite values are left out; a feature without deviation gets 1.
 */
export function fitNormalizer(
  features: NativeFeatures,
  width: number,
  rows: Int32Array,
  maxLength: number,
): Promise<{ mean: Float32Array; std: Float32Array }>;

/** What was loaded, and which devices it sees. */
export function describe(): NativeBuild;

/** The configuration as C++ read it; throws what the Trainer's constructor would, but for the device. */
export function echoConfig(config: NativeConfig): NativeConfig;
