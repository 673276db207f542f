import { shortest } from '../../../lib/data/storage/shortest';
import { keyedGenerator } from '../../../lib/data/random';

test.each([
  [0.1, '0.1'],
  [-2.4, '-2.4'],
  [16777216, '16777216'],
  [1e-45, '1e-45'],
  [3.4028234663852886e38, '3.4028235e+38'],
  [-0, '-0'],
  [NaN, 'NaN'],
  [-Infinity, '-Infinity'],
])('float32 %p is written as %s', (value, text) => {
  expect(shortest(Math.fround(value), true)).toBe(text);
});

test('float64 keeps all its digits', () => {
  expect(shortest(0.1 + 0.2, false)).toBe('0.30000000000000004');
});

test('any float32 reads back, and no shorter decimal does', () => {
  const generator = keyedGenerator(1, 2);
  const bits = new Uint32Array(1);
  const float = new Float32Array(bits.buffer);
  const wrong: number[] = [];
  for (let i = 0; i < 20_000; i += 1) {
    bits[0] = generator.next();
    const value = float[0] as number;
    if (!Number.isFinite(value)) continue;
    const text = shortest(value, true);
    const digits = text
      .replace(/e.*$/, '')
      .replace(/\D/g, '')
      .replace(/^0+|0+$/g, '').length;
    const couldBeShorter =
      digits > 1 && Math.fround(Number(value.toPrecision(digits - 1))) === value;
    if (Math.fround(Number(text)) !== value || couldBeShorter) wrong.push(value);
  }
  expect(wrong).toEqual([]);
});
