import { fitNormalizer } from '../../lib/data/normalize';

const modality = (features: number, values: number[]) => ({
  name: 'text',
  features,
  values: Float32Array.from(values),
});

describe('fitNormalizer', () => {
  test('gives mean and population deviation of the rows asked for', () => {
    // Columns 1, 3, 5 and 10, 10, 40 of rows 0, 1, 3; row 2 is left out.
    const data = modality(2, [1, 10, 3, 10, 999, 999, 5, 40]);
    const { mean, std } = fitNormalizer(data, Int32Array.of(0, 1, 3));
    expect(mean).toEqual(Float32Array.of(3, 20));
    expect(std).toEqual(Float32Array.of(Math.sqrt(8 / 3), Math.sqrt(200)));
  });

  test('agrees with two passes in float64', () => {
    const values = Array.from({ length: 3000 }, (_, i) =>
      Math.fround(Math.sin(i * 12.9898) * (i % 3)),
    );
    const { mean, std } = fitNormalizer(
      modality(3, values),
      Int32Array.from({ length: 1000 }, (_, i) => i),
    );
    for (let feature = 0; feature < 3; feature += 1) {
      const column = values.filter((_, i) => i % 3 === feature);
      const average = column.reduce((a, b) => a + b) / 1000;
      const variance = column.reduce((sum, x) => sum + (x - average) ** 2, 0) / 1000;
      expect(mean[feature]).toBeCloseTo(average, 7);
      expect(std[feature]).toBeCloseTo(variance === 0 ? 1 : Math.sqrt(variance), 6);
    }
  });

  test('is stable where the mean is large beside the deviation', () => {
    // Sums of squares in float64 would lose this variance: 2^24 squared is 2^48, times the count.
    const base = 2 ** 23;
    const values = Array.from({ length: 100000 }, (_, i) => base + (i % 2));
    const { mean, std } = fitNormalizer(
      modality(1, values),
      Int32Array.from({ length: values.length }, (_, i) => i),
    );
    expect(mean[0]).toBe(Math.fround(base + 0.5));
    expect(std[0]).toBeCloseTo(0.5, 6);
  });

  test('gives 1 for a constant, also one that has no exact mean', () => {
    const values = Array.from({ length: 30 }, () => 0.1);
    const { mean, std } = fitNormalizer(
      modality(1, values),
      Int32Array.from({ length: 30 }, (_, i) => i),
    );
    expect(mean).toEqual(Float32Array.of(0.1));
    expect(std).toEqual(Float32Array.of(1));
  });

  test('leaves out what is not finite', () => {
    const data = modality(2, [NaN, Infinity, 2, NaN, 4, -Infinity]);
    const { mean, std } = fitNormalizer(data, Int32Array.of(0, 1, 2));
    expect(mean).toEqual(Float32Array.of(3, 0));
    expect(std).toEqual(Float32Array.of(1, 1));
  });

  test('gives 1 where float32 cannot hold the deviation', () => {
    const { std } = fitNormalizer(
      modality(1, [0, ...Array<number>(99).fill(0), 2e-45]),
      Int32Array.from({ length: 101 }, (_, i) => i),
    );
    expect(std).toEqual(Float32Array.of(1));
  });
});
