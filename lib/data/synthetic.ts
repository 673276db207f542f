import { CmirError } from '../errors';
import { Dataset } from './dataset';
import { exampleKey } from './keys';
import { keyedGenerator, normalSource } from './random';

/** Sizes and strengths of the synthetic causal model; every one has a default. */
export interface SyntheticOptions {
  /** Key of every draw, in [0, 2^53). */
  readonly seed?: number;
  /** Features by modality. */
  readonly modalities?: Readonly<Record<string, number>>;
  /** Examples by split; 0 leaves a split out. */
  readonly train?: number;
  readonly valid?: number;
  readonly test?: number;
  readonly shifted?: number;
  /** Number of causal factors. */
  readonly causal?: number;
  /** Number of spurious factors. */
  readonly spurious?: number;
  /** Correlation r of each spurious factor with the label, in [-1, 1]; -r in `shifted`. */
  readonly correlation?: number;
  /** Standard deviation of the noise on every feature. */
  readonly noise?: number;
}

const DEFAULTS = {
  seed: 1,
  modalities: { text: 64, audio: 48, vision: 48 },
  train: 2000,
  valid: 500,
  test: 1000,
  shifted: 1000,
  causal: 8,
  spurious: 4,
  correlation: 0.9,
  noise: 0.05,
} as const;

/** Weight of the spurious part in the features: their low-variance directions. */
const SPURIOUS_SCALE = 0.15;
const LABEL_NOISE = 0.5;

type Model = Required<SyntheticOptions>;

/**
 * Draws from a structural causal model in which a shortcut is easier to find than the cause:
 *
 *     c ~ N(0, I)                      causal factors
 *     y = (c . w + 0.5 e) / sqrt(1.25) label, |w| = 1, e ~ N(0, 1)
 *     s = r y + sqrt(1 - r^2) N(0, I)  spurious factors; r becomes -r in `shifted`
 *     x_m = c A_m + 0.15 s B_m + noise N(0, I)
 *
 * A_m and B_m are Gaussian matrices scaled by 1 / sqrt(number of factors). The true factors are kept in
 * `factors.causal` and `factors.spurious`. Every part has its own stream of draws, keyed by the seed, so that
 * changing one size leaves the other parts as they were. Throws ERR_CMIR_CONFIG for a size or strength out of range.
 */
export function syntheticDataset(options: SyntheticOptions = {}): Dataset {
  const model: Model = { ...DEFAULTS, ...options };
  checkModel(model);
  const { causal, spurious } = model;
  const stream = (name: string): (() => number) =>
    normalSource(keyedGenerator(model.seed, exampleKey(name)));

  const splitNames = (['train', 'valid', 'test', 'shifted'] as const).filter(
    (name) => model[name] > 0,
  );
  const size = splitNames.reduce((sum, name) => sum + model[name], 0);
  const weights = unitVector(causal, stream('weights'));
  const causes = new Float64Array(size * causal);
  const shortcuts = new Float64Array(size * spurious);
  const labels = new Float32Array(size);
  const ids: string[] = [];
  const splits = new Map<string, Int32Array>();

  for (const split of splitNames) {
    const normal = stream(`factors of ${split}`);
    const correlation = split === 'shifted' ? -model.correlation : model.correlation;
    const first = ids.length;
    for (let row = first; row < first + model[split]; row += 1) {
      let projection = 0;
      for (let k = 0; k < causal; k += 1) {
        const cause = normal();
        causes[row * causal + k] = cause;
        projection += cause * (weights[k] as number);
      }
      const label = (projection + LABEL_NOISE * normal()) / Math.sqrt(1 + LABEL_NOISE ** 2);
      labels[row] = label;
      for (let k = 0; k < spurious; k += 1) {
        shortcuts[row * spurious + k] =
          correlation * label + Math.sqrt(1 - correlation ** 2) * normal();
      }
      ids.push(`${split}-${String(row - first + 1).padStart(4, '0')}`);
    }
    splits.set(
      split,
      Int32Array.from({ length: model[split] }, (_, index) => first + index),
    );
  }

  const modalities = Object.entries(model.modalities).map(([name, features]) => {
    const values = new Float64Array(size * features);
    addProduct(
      values,
      causes,
      gaussianMatrix(causal, features, 1, stream(`causal mixing of ${name}`)),
    );
    addProduct(
      values,
      shortcuts,
      gaussianMatrix(spurious, features, SPURIOUS_SCALE, stream(`spurious mixing of ${name}`)),
    );
    for (const split of splitNames) {
      const normal = stream(`noise on ${name} of ${split}`);
      for (const row of splits.get(split) ?? []) {
        for (let index = row * features; index < (row + 1) * features; index += 1) {
          values[index] = (values[index] as number) + model.noise * normal();
        }
      }
    }
    return { name, features, values: Float32Array.from(values) };
  });

  return new Dataset({
    name: 'synthetic',
    ids,
    modalities,
    label: { name: 'label', task: 'regression', values: labels },
    splits,
    factors: {
      causal: { width: causal, values: Float32Array.from(causes) },
      spurious: { width: spurious, values: Float32Array.from(shortcuts) },
    },
  });
}

function checkModel(model: Model): void {
  const check = (name: string, value: number, valid: boolean, expected: string): void => {
    if (!valid) {
      throw new CmirError(
        'ERR_CMIR_CONFIG',
        `synthetic.${name}: found ${String(value)}, expected ${expected}`,
      );
    }
  };
  const { seed, correlation, noise } = model;
  check('seed', seed, Number.isSafeInteger(seed) && seed >= 0, 'an integer from 0 to 2^53 - 1');
  for (const name of ['valid', 'test', 'shifted'] as const) {
    check(
      name,
      model[name],
      Number.isSafeInteger(model[name]) && model[name] >= 0,
      'an integer from 0',
    );
  }
  check(
    'train',
    model.train,
    Number.isSafeInteger(model.train) && model.train >= 2,
    'an integer from 2',
  );
  const widths = Object.entries(model.modalities).map(
    ([name, width]) => [`modalities.${name}`, width] as const,
  );
  check('modalities', widths.length, widths.length > 0, 'at least one');
  for (const [name, width] of [
    ...widths,
    ['causal', model.causal],
    ['spurious', model.spurious],
  ] as const) {
    check(name, width, Number.isSafeInteger(width) && width >= 1, 'an integer from 1');
  }
  check('correlation', correlation, Math.abs(correlation) <= 1, 'a number from -1 to 1');
  check('noise', noise, Number.isFinite(noise) && noise >= 0, 'a number from 0');
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

/** target [n, columns] += left [n, rows] . matrix [rows, columns] */
function addProduct(
  target: Float64Array,
  left: Float64Array,
  { rows, columns, values }: Matrix,
): void {
  for (let row = 0; row < left.length / rows; row += 1) {
    for (let k = 0; k < rows; k += 1) {
      const factor = left[row * rows + k] as number;
      for (let column = 0; column < columns; column += 1) {
        const index = row * columns + column;
        target[index] =
          (target[index] as number) + factor * (values[k * columns + column] as number);
      }
    }
  }
}
