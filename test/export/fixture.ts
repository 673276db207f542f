import type { Options } from '../../lib/config';
import type { DatasetArrays } from '../../lib/data/load';
import { syntheticDataset, type SyntheticOptions } from '../../lib/data/synthetic';
import type { Model } from '../../lib/training/model';
import { train } from '../../lib/training/train';
import type { OnnxTensor, Tensors } from '../helpers/onnx';
import { freshPath } from '../training/fixture';

/** Of outputs and codes from those of Model. */
export const TOLERANCE = 1e-5;

export interface Case {
  readonly data?: SyntheticOptions;
  readonly options?: Options;
}

const FRAMES = { sequence: { text: { minLength: 1, maxLength: 6 } } };

/** Every pooling, both tasks; text is a sequence beside audio, which is not. */
export const CASES: Readonly<Record<string, Case>> = {
  'vectors, regression': {},
  'vectors, classification': { data: { classes: 3 } },
  'mean, regression': { data: FRAMES },
  'mean, all sequences, two classes': {
    data: { sequence: { minLength: 1, maxLength: 4 }, classes: 2 },
  },
  'mean, cut at 3 frames': { data: FRAMES, options: { data: { maxLength: 3 } } },
  'attention, regression': { data: FRAMES, options: { model: { pooling: 'attention' } } },
  'attention, classification': {
    data: { ...FRAMES, classes: 3 },
    options: { model: { pooling: 'attention' } },
  },
  'gru, regression': { data: FRAMES, options: { model: { pooling: 'gru' } } },
  'gru, classification, cut at 4 frames': {
    data: { ...FRAMES, classes: 4 },
    options: { model: { pooling: 'gru' }, data: { maxLength: 4 } },
  },
  float64: { options: { precision: 'float64' } },
  'names that mean something elsewhere': {
    data: {
      modalities: { keys: 5, prediction: 4, 'a "b" é\\n': 6, keys_lengths: 3 },
      sequence: { keys: { minLength: 1, maxLength: 4 } },
    },
  },
};

/** A run of the case with features that are not standardised by chance, its model, and the folder it lies in. */
export async function trained({ data, options }: Case): Promise<{ model: Model; folder: string }> {
  const folder = freshPath();
  const dataset = syntheticDataset({
    ...{ modalities: { text: 6, audio: 4 }, train: 80, valid: 24, test: 24, shifted: 0 },
    ...data,
  });
  const moved = dataset.with({
    modalities: dataset.modalities.map((modality) => ({
      ...modality,
      values: modality.values.map((x, i) => 3 * x + (i % modality.features) - 2),
    })),
  });
  const run = await train(
    moved,
    {
      device: 'cpu',
      threads: 1,
      ...options,
      data: { nonFinite: 'mean', ...options?.data },
      // No constraint holds the outputs together: what they are compared by is their spread.
      environments: [],
      weights: { invariance: 0, decorrelation: 0, reconstruction: 0 },
      model: { hidden: 12, latent: 4, ...options?.model },
      training: { epochs: 8, batchSize: 16, learningRate: 0.01 },
    },
    { out: folder },
  );
  return { model: run.model, folder };
}

/** A batch as a runtime takes it, and as cmir does. */
export interface Batch {
  readonly feeds: Tensors;
  readonly arrays: DatasetArrays;
}

/** What lies in padding must not matter. */
const JUNK = [NaN, Infinity, 3e38, -7e4];

/**
 * `size` examples with values that are missing, sequences padded to `frames` with junk, of lengths from 0 on. Every
 * fifth example is without any value.
 */
export function batchOf({ shape }: Model, size: number, frames: number): Batch {
  const feeds: Record<string, OnnxTensor> = {};
  const modalities: Record<string, DatasetArrays['modalities'][string]> = {};
  const lengths = Array.from({ length: size }, (_, b) => (b * 3 + frames) % (frames + 1));
  shape.modalities.forEach(({ name, features, sequence }, m) => {
    const time = sequence ? frames : 1;
    const value = (b: number, t: number, f: number): number => {
      if (sequence && t >= (lengths[b] as number)) return JUNK[(t + f) % JUNK.length] as number;
      if (b % 5 === 4 || (b + 2 * t + f) % 7 === 3) return f % 2 === 0 ? NaN : -Infinity;
      return 4 * Math.sin(12.9898 * (b + 1) + 78.233 * (t + 1) + 37.719 * (f + 1) + m);
    };
    const rows = Array.from({ length: size }, (_, b) =>
      Array.from({ length: time }, (_, t) =>
        Array.from({ length: features }, (_, f) => value(b, t, f)),
      ),
    );
    feeds[name] = {
      dims: sequence ? [size, frames, features] : [size, features],
      data: Float32Array.from(rows.flat(2)),
    };
    const counted = rows.map((row, b) => (sequence ? row.slice(0, lengths[b]) : row));
    const offsets = counted.reduce(
      (sum, row) => [...sum, (sum.at(-1) as number) + row.length],
      [0],
    );
    modalities[name] = {
      features,
      values: Float32Array.from(counted.flat(2)),
      ...(sequence ? { offsets: Float64Array.from(offsets) } : {}),
    };
    if (!sequence) return;
    const inputName = lengthsOf(shape.modalities, name);
    feeds[inputName] = { dims: [size], data: BigInt64Array.from(lengths, BigInt) };
  });
  return { feeds, arrays: { modalities } };
}

/** The name of the input with a sequence's lengths: another modality may have the first choice. */
export function lengthsOf(modalities: readonly { name: string }[], name: string): string {
  const wanted = `${name}_lengths`;
  return modalities.some((other) => other.name === wanted) ? `${wanted}_2` : wanted;
}

/** Largest difference; NaN where a value is NaN, and infinite for another number of values. */
export function difference(found: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (found.length !== expected.length) return Infinity;
  return Math.max(0, ...Array.from(found, (value, i) => Math.abs(value - (expected[i] as number))));
}

/** How far apart values are: without spread, a comparison of them would say nothing. */
export function spread(values: ArrayLike<number>): number {
  const all = Array.from(values);
  return Math.max(...all) - Math.min(...all);
}
