import { deal, dealGroups } from '../../../lib/data/split/deal';
import { keyedGenerator } from '../../../lib/data/random';
import { draws } from './fixture';

const rowsTo = (size: number) => Int32Array.from({ length: size }, (_, row) => row);
const ascending = (rows: Iterable<number>) => [...rows].sort((a, b) => a - b);

/** Random shares that add up to 1. */
function sharesOf(count: number, uniform: () => number): number[] {
  const parts = Array.from({ length: count }, () => 0.02 + uniform());
  const sum = parts.reduce((a, b) => a + b);
  return parts.map((part) => part / sum);
}

describe('deal', () => {
  test('every row goes to one part, and every stretch is parted by the shares', () => {
    for (let seed = 0; seed < 60; seed += 1) {
      const { integer, uniform } = draws(seed);
      const size = integer(1, 300);
      const shares = sharesOf(integer(1, 4), uniform);
      const parts = deal(rowsTo(size), shares);
      expect(ascending(parts.flatMap((part) => [...part]))).toEqual([...rowsTo(size)]);
      for (let end = 1; end <= size; end += 1) {
        parts.forEach((part, i) => {
          const got = part.filter((row) => row < end).length;
          expect(Math.abs(got - (shares[i] ?? NaN) * end)).toBeLessThan(1.3);
        });
      }
    }
  });

  test('equal shares are dealt round, a share of 0 gets nothing', () => {
    expect(deal(rowsTo(7), [1 / 3, 1 / 3, 1 / 3]).map((part) => [...part])).toEqual([
      [0, 3, 6],
      [1, 4],
      [2, 5],
    ]);
    expect(deal(rowsTo(4), [0, 1, 0]).map(({ length }) => length)).toEqual([0, 4, 0]);
    expect(deal(new Int32Array(0), [0.5, 0.5]).map(({ length }) => length)).toEqual([0, 0]);
  });
});

describe('dealGroups', () => {
  test('groups stay whole, every row goes to one part, sizes are near', () => {
    for (let seed = 0; seed < 60; seed += 1) {
      const { integer, uniform } = draws(seed);
      const shares = sharesOf(integer(2, 4), uniform);
      const groups = integer(shares.length, 60);
      const groupOf = Array.from({ length: groups }, (_, g) =>
        Array.from({ length: integer(1, 9) }, () => `g${String(g)}`),
      ).flat();
      const parts = dealGroups(groupOf, shares, keyedGenerator(seed, 0));
      expect(ascending(parts.flatMap((part) => [...part]))).toEqual([...rowsTo(groupOf.length)]);
      const partOf = new Map<string, number>();
      parts.forEach((part, i) => {
        expect(part.length).toBeGreaterThan(0);
        expect([...part]).toEqual(ascending(part));
        for (const row of part) {
          const group = groupOf[row] ?? '';
          expect(partOf.get(group) ?? i).toBe(i);
          partOf.set(group, i);
        }
        // Each gets its last group while it still wants some: it is over by less than a group.
        const wanted = (shares[i] ?? NaN) * groupOf.length;
        if (groups > 3 * shares.length) expect(part.length - wanted).toBeLessThan(9);
      });
    }
  });

  test('with just enough groups, none of the parts stays empty', () => {
    const groupOf = ['a', 'a', 'a', 'b', 'b', 'b', 'c', 'c', 'c'];
    const parts = dealGroups(groupOf, [0.98, 0.01, 0.01], keyedGenerator(1, 0));
    expect(parts.map(({ length }) => length)).toEqual([3, 3, 3]);
  });

  test('chance decides among groups of one size', () => {
    const groupOf = Array.from({ length: 40 }, (_, row) => `g${String(row)}`);
    const first = (seed: number) => dealGroups(groupOf, [0.5, 0.5], keyedGenerator(seed, 0))[0];
    expect(first(1)).toEqual(first(1));
    expect(first(1)).not.toEqual(first(2));
  });
});
