import { keyedGenerator, normalSource } from '../../lib/data/random';

test('a stream is its seed and key', () => {
  const draw = (seed: number, key: number): number[] => {
    const generator = keyedGenerator(seed, key);
    return Array.from({ length: 4 }, () => generator.next());
  };
  expect(draw(3, 4)).toEqual(draw(3, 4));
  const streams = [draw(3, 4), draw(4, 3), draw(3, 5), draw(3 + 2 ** 40, 4), draw(0, 0)];
  expect(new Set(streams.flat()).size).toBe(20);
});

test('normals have the moments of N(0, 1)', () => {
  const normal = normalSource(keyedGenerator(1, 2));
  const values = Array.from({ length: 100000 }, normal);
  const moment = (power: number): number =>
    values.reduce((sum, value) => sum + value ** power, 0) / values.length;
  // Five standard errors: sqrt(Var(x^k) / n) is 0.0032, 0.0045, 0.0122, 0.031.
  expect(Math.abs(moment(1))).toBeLessThan(0.016);
  expect(Math.abs(moment(2) - 1)).toBeLessThan(0.023);
  expect(Math.abs(moment(3))).toBeLessThan(0.062);
  expect(Math.abs(moment(4) - 3)).toBeLessThan(0.16);
  // Both values of a pair are used and do not correlate.
  const pairs = values.slice(1).reduce((sum, value, i) => sum + value * (values[i] ?? NaN), 0);
  expect(Math.abs(pairs / values.length)).toBeLessThan(0.016);
});
