import { drawValues, parseSpace, type Space } from '../../lib/experiments/space';
import type { CmirError } from '../../lib/errors';

const SPACE: Space = {
  'model.hidden': { choice: [64, 128, 256] },
  'model.dropout': { uniform: [0.1, 0.6] },
  'training.learningRate': { logUniform: [1e-4, 1e-2] },
  'training.batchSize': { integer: [16, 18] },
};

function errorOf(value: unknown): string {
  try {
    parseSpace(value, 'space.json');
  } catch (error) {
    return (error as CmirError).message;
  }
  throw new Error('expected an error');
}

test('draws depend on seed, trial and key alone', () => {
  const first = drawValues(SPACE, 1, 3);
  expect(drawValues(SPACE, 1, 3)).toEqual(first);
  expect(drawValues(SPACE, 2, 3)).not.toEqual(first);
  expect(drawValues(SPACE, 1, 4)).not.toEqual(first);
  const { 'model.dropout': dropped, ...rest } = SPACE;
  expect(dropped).toBeDefined();
  expect(first).toMatchObject(drawValues(rest, 1, 3));
});

test('draws fill their ranges, each half of them about equally often', () => {
  const trials = Array.from({ length: 2000 }, (_, trial) => drawValues(SPACE, 7, trial));
  const column = (key: string): number[] => trials.map((values) => values[key] as number);
  const shareBelow = (key: string, limit: number): number =>
    column(key).filter((value) => value < limit).length / trials.length;
  expect(new Set(column('model.hidden'))).toEqual(new Set([64, 128, 256]));
  expect(new Set(column('training.batchSize'))).toEqual(new Set([16, 17, 18]));
  for (const [key, low, middle, high] of [
    ['model.dropout', 0.1, 0.35, 0.6],
    ['training.learningRate', 1e-4, 1e-3, 1e-2],
  ] as const) {
    expect(Math.min(...column(key))).toBeGreaterThanOrEqual(low);
    expect(Math.max(...column(key))).toBeLessThanOrEqual(high);
    expect(Math.abs(shareBelow(key, middle) - 0.5)).toBeLessThan(0.05);
  }
  // Keys are drawn independently: a product of halves is a quarter.
  const both = trials.filter(
    (values) =>
      (values['model.dropout'] as number) < 0.35 &&
      (values['training.learningRate'] as number) < 1e-3,
  );
  expect(Math.abs(both.length / trials.length - 0.25)).toBeLessThan(0.04);
});

test.each([
  [[], /space\.json: expected an object/],
  [{ 'model.hiden': { choice: [1] } }, /unknown key 'model\.hiden'; did you mean 'model\.hidden'/],
  [{ 'model.hidden': [1, 2] }, /model\.hidden: found \[1,2\], expected \{"choice"/],
  [{ 'model.hidden': { choice: [] } }, /model\.hidden: choice/],
  [{ 'model.dropout': { uniform: [0.5, 0.1] } }, /low < high/],
  [{ 'model.dropout': { uniform: [0.5] } }, /model\.dropout: uniform/],
  [{ 'training.learningRate': { logUniform: [0, 1] } }, /above 0/],
  [{ 'training.batchSize': { integer: [1.5, 3] } }, /integers/],
  [{ 'training.batchSize': { integer: [1, 3], choice: [1] } }, /training\.batchSize/],
])('%j is refused', (value, message) => {
  expect(errorOf(value)).toMatch(message);
});

test('a space of a file is taken as it is', () => {
  expect(parseSpace(JSON.parse(JSON.stringify(SPACE)), 'space.json')).toEqual(SPACE);
});
