import { shuffledRows } from '../../lib/data/batches';

const rows = Int32Array.from({ length: 50 }, (_, i) => 3 * i);

test('permutes and leaves its argument alone', () => {
  const before = Int32Array.from(rows);
  const shuffled = shuffledRows(rows, 1, 0);
  expect(shuffled).not.toEqual(rows);
  expect(Int32Array.from(shuffled).sort()).toEqual(rows);
  expect(rows).toEqual(before);
});

test('depends on seed and epoch only', () => {
  expect(shuffledRows(rows, 7, 3)).toEqual(shuffledRows(rows, 7, 3));
  const orders = [
    [7, 3],
    [7, 4],
    [8, 3],
    [3, 7],
    // Seeds that agree in their low 32 bits.
    [7 + 2 ** 32, 3],
    [7 + 2 ** 52, 3],
  ].map(([seed = 0, epoch = 0]) => shuffledRows(rows, seed, epoch).join());
  expect(new Set(orders).size).toBe(orders.length);
});

test('stays the same from version to version', () => {
  expect([...shuffledRows(Int32Array.of(0, 1, 2, 3, 4, 5, 6, 7), 1, 0)]).toEqual([
    6, 5, 2, 7, 0, 1, 3, 4,
  ]);
});

test('puts every row everywhere equally often', () => {
  const epochs = 6000;
  const counts = new Int32Array(16);
  for (let epoch = 0; epoch < epochs; epoch += 1) {
    shuffledRows(Int32Array.of(0, 1, 2, 3), 1, epoch).forEach((row, place) => {
      const cell = row * 4 + place;
      counts[cell] = (counts[cell] ?? 0) + 1;
    });
  }
  // 1500 expected, standard deviation 34: five of them.
  for (const count of counts) expect(Math.abs(count - epochs / 4)).toBeLessThan(170);
});

test('takes no rows and one row', () => {
  expect(shuffledRows(new Int32Array(0), 1, 1)).toEqual(new Int32Array(0));
  expect(shuffledRows(Int32Array.of(5), 1, 1)).toEqual(Int32Array.of(5));
});
