import type { Dataset } from '../../lib/data/dataset';
import { syntheticDataset } from '../../lib/data/synthetic';
import { errorOf } from './fixture';

const small = { train: 20, valid: 5, test: 6, shifted: 7 };

/** Column k of a [rows, width] array, for the rows of a split. */
function columnOf(dataset: Dataset, split: string, factor: string, k: number): number[] {
  const { width = 0, values = new Float32Array(0) } = dataset.factors[factor] ?? {};
  return Array.from(dataset.split(split).rows, (row) => values[row * width + k] ?? NaN);
}

function moments(
  a: number[],
  b: number[],
): { mean: number; variance: number; correlation: number } {
  const average = (values: number[]): number => values.reduce((x, y) => x + y) / values.length;
  const meanA = average(a);
  const meanB = average(b);
  const variance = average(a.map((x) => (x - meanA) ** 2));
  const other = average(b.map((x) => (x - meanB) ** 2));
  const covariance = average(a.map((x, i) => (x - meanA) * ((b[i] ?? NaN) - meanB)));
  return { mean: meanA, variance, correlation: covariance / Math.sqrt(variance * other) };
}

describe('the default model', () => {
  const dataset = syntheticDataset();
  const labels = (split: string): number[] =>
    Array.from(dataset.split(split).rows, (row) => dataset.label?.values[row] ?? NaN);

  test('has the documented sizes', () => {
    expect(dataset.name).toBe('synthetic');
    expect([...dataset.splits].map(([name, rows]) => [name, rows.length])).toEqual([
      ['train', 2000],
      ['valid', 500],
      ['test', 1000],
      ['shifted', 1000],
    ]);
    expect(dataset.modalities.map(({ name, features }) => [name, features])).toEqual([
      ['text', 64],
      ['audio', 48],
      ['vision', 48],
    ]);
    for (const { features, values } of dataset.modalities) {
      expect(values.length).toBe(4500 * features);
      expect(values.every(Number.isFinite)).toBe(true);
    }
    expect(dataset.factors['causal']?.width).toBe(8);
    expect(dataset.factors['spurious']?.width).toBe(4);
    expect(dataset.label).toMatchObject({ name: 'label', task: 'regression' });
    expect([dataset.ids[0], dataset.ids[2000], dataset.ids[4499]]).toEqual([
      'train-0001',
      'valid-0001',
      'shifted-1000',
    ]);
    expect(new Set(dataset.ids).size).toBe(4500);
  });

  test.each([
    ['train', 1],
    ['test', 1],
    ['shifted', -1],
  ])('correlates spurious factors with the label as it must in %s', (split, sign) => {
    for (let k = 0; k < 4; k += 1) {
      const { mean, variance, correlation } = moments(
        columnOf(dataset, split, 'spurious', k),
        labels(split),
      );
      expect(Math.abs(mean)).toBeLessThan(0.15);
      expect(Math.abs(variance - 1)).toBeLessThan(0.2);
      expect(Math.abs(correlation - 0.9 * sign)).toBeLessThan(0.03);
    }
  });

  test('draws causal factors and label with unit variance, |w| = 1', () => {
    const y = labels('train');
    let explained = 0;
    for (let k = 0; k < 8; k += 1) {
      const { mean, variance, correlation } = moments(columnOf(dataset, 'train', 'causal', k), y);
      expect(Math.abs(mean)).toBeLessThan(0.1);
      expect(Math.abs(variance - 1)).toBeLessThan(0.15);
      explained += correlation ** 2;
    }
    // Each correlation is w_k / sqrt(1.25), so their squares sum to 1 / 1.25.
    expect(Math.abs(explained - 0.8)).toBeLessThan(0.05);
    expect(Math.abs(moments(y, y).variance - 1)).toBeLessThan(0.15);
  });
});

describe('the mixing', () => {
  const pure = { ...small, modalities: { text: 40 }, noise: 0 };
  const variance = (values: Float32Array): number =>
    values.reduce((sum, x) => sum + x * x, 0) / values.length;

  test('is linear in the factors when the noise is 0', () => {
    // With one factor of each kind, x = c a + s b has rank two: any three columns are dependent.
    const dataset = syntheticDataset({ ...pure, causal: 1, spurious: 1 });
    const [text] = dataset.modalities;
    const c = dataset.factors['causal']?.values ?? [];
    const s = dataset.factors['spurious']?.values ?? [];
    const x = (row: number, column: number): number => text?.values[row * 40 + column] ?? NaN;
    const [c0 = 0, c1 = 0] = c;
    const [s0 = 0, s1 = 0] = s;
    const determinant = c0 * s1 - c1 * s0;
    for (const column of [0, 7, 39]) {
      const a = (x(0, column) * s1 - x(1, column) * s0) / determinant;
      const b = (c0 * x(1, column) - c1 * x(0, column)) / determinant;
      for (let row = 2; row < dataset.size; row += 1) {
        expect(x(row, column)).toBeCloseTo((c[row] ?? NaN) * a + (s[row] ?? NaN) * b, 4);
      }
    }
  });

  test('gives the causal part about unit variance, the noise its own', () => {
    const sizes = { train: 2000, valid: 0, test: 0, shifted: 0, modalities: { text: 40 } };
    const quiet =
      syntheticDataset({ ...sizes, noise: 0 }).modalities[0]?.values ?? new Float32Array();
    const loud =
      syntheticDataset({ ...sizes, noise: 2 }).modalities[0]?.values ?? new Float32Array();
    expect(Math.abs(variance(quiet) - 1)).toBeLessThan(0.4);
    const noise = loud.map((value, i) => value - (quiet[i] ?? NaN));
    expect(Math.abs(variance(noise) - 4)).toBeLessThan(0.1);
  });
});

describe('the seed', () => {
  test('decides everything', () => {
    expect(syntheticDataset({ ...small, seed: 5 })).toEqual(
      syntheticDataset({ ...small, seed: 5 }),
    );
    const other = syntheticDataset({ ...small, seed: 6 });
    expect(other.label?.values).not.toEqual(syntheticDataset({ ...small, seed: 5 }).label?.values);
  });

  test('gives each part its own draws', () => {
    const one = syntheticDataset(small);
    const two = syntheticDataset({ ...small, train: 21, modalities: { text: 64, other: 3 } });
    const part = (dataset: Dataset, split: string, modality: number): Float32Array[] => {
      const { features = 0, values = new Float32Array() } = dataset.modalities[modality] ?? {};
      return Array.from(dataset.split(split).rows, (row) =>
        values.slice(row * features, (row + 1) * features),
      );
    };
    expect(part(two, 'shifted', 0)).toEqual(part(one, 'shifted', 0));
    expect(part(two, 'train', 0).slice(0, 20)).toEqual(part(one, 'train', 0));
  });
});

test('a split of 0 examples is left out', () => {
  const dataset = syntheticDataset({ ...small, valid: 0, shifted: 0 });
  expect([...dataset.splits.keys()]).toEqual(['train', 'test']);
});

test.each([
  [{ seed: -1 }, 'synthetic.seed: found -1, expected an integer from 0 to 2^53 - 1'],
  [{ train: 1 }, 'synthetic.train: found 1, expected an integer from 2'],
  [{ valid: 1.5 }, 'synthetic.valid: found 1.5, expected an integer from 0'],
  [{ shifted: -1 }, 'synthetic.shifted: found -1, expected an integer from 0'],
  [{ modalities: {} }, 'synthetic.modalities: found 0, expected at least one'],
  [{ modalities: { text: 0 } }, 'synthetic.modalities.text: found 0, expected an integer from 1'],
  [{ causal: 0 }, 'synthetic.causal: found 0, expected an integer from 1'],
  [{ spurious: NaN }, 'synthetic.spurious: found NaN, expected an integer from 1'],
  [{ correlation: 1.1 }, 'synthetic.correlation: found 1.1, expected a number from -1 to 1'],
  [{ noise: -0.1 }, 'synthetic.noise: found -0.1, expected a number from 0'],
])('refuses %j', async (options, message) => {
  const error = await errorOf(() => syntheticDataset(options));
  expect(error.code).toBe('ERR_CMIR_CONFIG');
  expect(error.message).toBe(message);
});
