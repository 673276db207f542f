import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import type { RandomGenerator } from 'pure-rand/types/RandomGenerator';

import { exampleKey } from '../keys';
import { keyedGenerator, normalSource } from '../random';
import type { Model, ModalityModel, SyntheticSplit } from './options';

/** Arrays that take examples, all those of a data set or some in the middle of them. */
export interface Target {
  /** [examples]: the label before it is cut into classes. */
  readonly labels: Float32Array;
  /** [examples, factors] */
  readonly causal: Float32Array;
  readonly spurious: Float32Array;
  /** [rows, features] by modality, in the order of the model. */
  readonly values: readonly Float32Array[];
}

/** Which of some examples of one modality are there, and how long. */
export interface Extent {
  /** Frames of each; null where the modality is no sequence. */
  readonly lengths: Int32Array | null;
  /** Rows that the values need. */
  readonly rows: number;
}

/** The next examples of one split, of which the lengths are drawn already. */
export interface Block {
  readonly split: SyntheticSplit;
  readonly size: number;
  /** Number of the first among those of its split. */
  readonly first: number;
  /** By modality, in the order of the model. */
  readonly extents: readonly Extent[];
  /** Draws the values. Blocks of one source must be filled in their order. */
  fill(target: Target): void;
}

/**
 * Draws the examples of one split, block after block; how they are cut into blocks changes nothing. Every part has
 * its own stream of draws, so that changing a size or leaving a part out leaves the others as they were.
 */
export class SplitSource {
  readonly split: SyntheticSplit;
  readonly #model: Model;
  readonly #weights: Float64Array;
  readonly #correlation: number;
  /** Draws causes, label noise and shortcuts. */
  readonly #factors: () => number;
  readonly #modalities: readonly ModalitySource[];
  #first = 0;

  constructor(model: Model, split: SyntheticSplit) {
    this.split = split;
    this.#model = model;
    this.#weights = unitVector(model.causal, normals(model, 'weights'));
    this.#correlation = split === 'shifted' ? model.shiftedCorrelation : model.correlation;
    this.#factors = normals(model, `factors of ${split}`);
    this.#modalities = model.modalities.map((own) => new ModalitySource(model, own, split));
  }

  next(size: number): Block {
    const first = this.#first;
    this.#first += size;
    const plans = this.#modalities.map((modality) => modality.plan(size));
    return {
      split: this.split,
      size,
      first,
      extents: plans,
      fill: (target) => {
        const { causes, shortcuts } = this.#drawFactors(size, target);
        this.#modalities.forEach((modality, m) => {
          modality.fill(plans[m] as Plan, causes, shortcuts, target.values[m] as Float32Array);
        });
      },
    };
  }

  /** In float64 for the features; rounded in the target. */
  #drawFactors(size: number, target: Target): { causes: Float64Array; shortcuts: Float64Array } {
    const { causal, spurious, labelNoise } = this.#model;
    const normal = this.#factors;
    const causes = new Float64Array(size * causal);
    const shortcuts = new Float64Array(size * spurious);
    const r = this.#correlation;
    for (let row = 0; row < size; row += 1) {
      let projection = 0;
      for (let k = 0; k < causal; k += 1) {
        const cause = normal();
        causes[row * causal + k] = cause;
        projection += cause * (this.#weights[k] as number);
      }
      const label = (projection + labelNoise * normal()) / Math.sqrt(1 + labelNoise ** 2);
      target.labels[row] = label;
      for (let k = 0; k < spurious; k += 1) {
        shortcuts[row * spurious + k] = r * label + Math.sqrt(1 - r ** 2) * normal();
      }
    }
    target.causal.set(causes);
    target.spurious.set(shortcuts);
    return { causes, shortcuts };
  }
}

interface Plan extends Extent {
  readonly size: number;
  /** 1 where the example lacks the modality; null where none does. */
  readonly missing: Uint8Array | null;
  /** Frames that an example would have if it lacked nothing. */
  readonly drawn: Int32Array | null;
}

/** Draws the features of one modality in one split. */
class ModalitySource {
  readonly #own: ModalityModel;
  readonly #noise: number;
  readonly #frameNoise: number;
  readonly #causal: Matrix;
  readonly #spurious: Matrix;
  readonly #normal: () => number;
  readonly #frameNormal: () => number;
  readonly #lengths: RandomGenerator;
  readonly #missing: RandomGenerator;

  constructor(model: Model, own: ModalityModel, split: SyntheticSplit) {
    const { name, features } = own;
    this.#own = own;
    this.#noise = model.noise;
    this.#frameNoise = model.frameNoise;
    this.#causal = gaussianMatrix(
      model.causal,
      features,
      1,
      normals(model, `causal mixing of ${name}`),
    );
    this.#spurious = gaussianMatrix(
      model.spurious,
      features,
      model.spuriousScale,
      normals(model, `spurious mixing of ${name}`),
    );
    this.#normal = normals(model, `noise on ${name} of ${split}`);
    this.#frameNormal = normals(model, `frames of ${name} of ${split}`);
    this.#lengths = stream(model, `lengths of ${name} of ${split}`);
    this.#missing = stream(model, `missing ${name} of ${split}`);
  }

  plan(size: number): Plan {
    const { frames, missing: share } = this.#own;
    const missing =
      share === 0
        ? null
        : Uint8Array.from({ length: size }, () => Number(uniformFloat64(this.#missing) < share));
    if (frames === null) return { size, lengths: null, rows: size, missing, drawn: null };
    const [least, most] = frames;
    const drawn = Int32Array.from({ length: size }, () =>
      least === most ? least : uniformInt(this.#lengths, least, most),
    );
    const lengths = missing === null ? drawn : drawn.map((n, i) => (missing[i] === 1 ? 0 : n));
    return { size, lengths, rows: lengths.reduce((sum, n) => sum + n, 0), missing, drawn };
  }

  /** What an example lacks is drawn all the same, so that the others do not depend on it. */
  fill(
    { size, missing, drawn }: Plan,
    causes: Float64Array,
    shortcuts: Float64Array,
    values: Float32Array,
  ): void {
    const { features } = this.#own;
    const utterance = new Float64Array(features);
    let at = 0;
    for (let row = 0; row < size; row += 1) {
      utterance.fill(0);
      addProduct(utterance, causes, row, this.#causal);
      addProduct(utterance, shortcuts, row, this.#spurious);
      for (let j = 0; j < features; j += 1) {
        utterance[j] = (utterance[j] as number) + this.#noise * this.#normal();
      }
      const lacks = missing?.[row] === 1;
      if (drawn === null) {
        if (lacks) values.fill(NaN, at, at + features);
        else values.set(utterance, at);
        at += features;
      } else {
        const frames = this.#drawFrames(utterance, drawn[row] as number);
        if (lacks) continue;
        values.set(frames, at);
        at += frames.length;
      }
    }
  }

  /** [length, features]: frames scattered about the utterance's vector so that it is their mean. */
  #drawFrames(utterance: Float64Array, length: number): Float64Array {
    const { features } = this.#own;
    const frames = Float64Array.from({ length: length * features }, this.#frameNormal);
    for (let j = 0; j < features; j += 1) {
      let sum = 0;
      for (let i = j; i < frames.length; i += features) sum += frames[i] as number;
      for (let i = j; i < frames.length; i += features) {
        const deviation = (frames[i] as number) - sum / length;
        frames[i] = (utterance[j] as number) + this.#frameNoise * deviation;
      }
    }
    return frames;
  }
}

function stream(model: Model, name: string): RandomGenerator {
  return keyedGenerator(model.seed, exampleKey(name));
}

function normals(model: Model, name: string): () => number {
  return normalSource(stream(model, name));
}

function unitVector(width: number, normal: () => number): Float64Array {
  const vector = Float64Array.from({ length: width }, normal);
  const norm = Math.hypot(...vector);
  return vector.map((value) => value / norm);
}

interface Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly values: Float64Array;
}

/** Entries N(0, scale^2 / rows), so that a row of independent unit factors keeps variance scale^2. */
function gaussianMatrix(
  rows: number,
  columns: number,
  scale: number,
  normal: () => number,
): Matrix {
  const factor = scale / Math.sqrt(rows);
  return {
    rows,
    columns,
    values: Float64Array.from({ length: rows * columns }, () => factor * normal()),
  };
}

/** target [columns] += row of left [n, rows] . matrix [rows, columns] */
function addProduct(
  target: Float64Array,
  left: Float64Array,
  row: number,
  { rows, columns, values }: Matrix,
): void {
  for (let k = 0; k < rows; k += 1) {
    const factor = left[row * rows + k] as number;
    for (let column = 0; column < columns; column += 1) {
      target[column] =
        (target[column] as number) + factor * (values[k * columns + column] as number);
    }
  }
}
