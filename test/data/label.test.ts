import { findLabelColumn, makeLabel } from '../../lib/data/label';
import { resolveLoadOptions, type LoadOptions } from '../../lib/data/options';
import { errorOf } from './fixture';

const where = (row: number): string => `row ${String(row)}`;
const label = (cells: string[], options?: LoadOptions) =>
  makeLabel('y', cells, resolveLoadOptions(options), where);
const column = (columns: string[], options?: LoadOptions) =>
  findLabelColumn('f.csv', columns, resolveLoadOptions(options));

async function problemOf(cells: string[], options?: LoadOptions): Promise<string> {
  const error = await errorOf(() => label(cells, options));
  expect(error.code).toBe('ERR_CMIR_DATA');
  return error.message;
}

describe('findLabelColumn', () => {
  test('takes the named column, else the first usual one', () => {
    expect(column(['id', 'label', 'valence'], { label: 'valence' })).toBe('valence');
    expect(column(['id', 'sarcasm', 'humor', 'emotion', 'sentiment'])).toBe('sentiment');
    expect(column(['id', 'sarcasm', 'humor', 'emotion'])).toBe('emotion');
    expect(column(['id', 'sarcasm', 'humor'])).toBe('humor');
    expect(column(['id', 'sarcasm'])).toBe('sarcasm');
    expect(column(['sentiment', 'label'])).toBe('label');
  });

  test('is null for a source without labels only where that is allowed', () => {
    expect(column(['id', 'x'], { requireLabel: false })).toBeNull();
    expect(column(['id', 'x'], { requireLabel: false, label: 'y' })).toBeNull();
  });

  test('lists the columns when none fits', async () => {
    const unnamed = await errorOf(() => column(['id', 'split', 'valence', 'speaker']));
    expect(unnamed.code).toBe('ERR_CMIR_DATA');
    expect(unnamed.message).toBe(
      'f.csv: found no label column, expected one of label, sentiment, emotion, humor, sarcasm; ' +
        'columns besides id and split: valence, speaker; name the column with data.label',
    );
    const misspelt = await errorOf(() => column(['id', 'split', 'valence'], { label: 'valance' }));
    expect(misspelt.message).toBe(
      "f.csv: found no label column, expected 'valance'; columns besides id and split: valence" +
        "; is 'valence' meant?; name the column with data.label",
    );
    for (const name of ['id', 'split']) {
      const { message } = await errorOf(() => column(['id', 'split'], { label: name }));
      expect(message).toContain(`expected '${name}'; columns besides id and split: none`);
    }
  });
});

describe('makeLabel guesses', () => {
  test('classes from words, sorted', () => {
    expect(label(['joy', ' anger ', 'joy', 'fear'])).toEqual({
      name: 'y',
      task: 'classification',
      values: Float32Array.of(2, 0, 2, 1),
      classes: ['anger', 'fear', 'joy'],
    });
  });

  test('classes from the integers 0..C-1', () => {
    expect(label(['1', '0', '2.0', '1'])).toEqual({
      name: 'y',
      task: 'classification',
      values: Float32Array.of(1, 0, 2, 1),
      classes: ['0', '1', '2'],
    });
  });

  test('sorts more than ten integers by value', () => {
    const cells = Array.from({ length: 20 }, (_, i) => String(19 - i));
    expect(label(cells)?.classes?.slice(8, 12)).toEqual(['8', '9', '10', '11']);
  });

  test.each([
    ['more than twenty integers', Array.from({ length: 21 }, (_, i) => String(i))],
    ['integers with a gap', ['0', '2']],
    ['integers from 1', ['1', '2']],
    ['a negative integer', ['-1', '0', '1']],
    ['a fraction', ['0', '1', '0.5']],
    ['one value', ['0', '0']],
  ])('regression from %s', (_, cells) => {
    const found = label(cells);
    expect(found?.task).toBe('regression');
    expect(found?.values).toEqual(Float32Array.from(cells, Number));
    expect(found).not.toHaveProperty('classes');
  });
});

describe('makeLabel obeys the task', () => {
  test('regression', async () => {
    expect(label(['0', '1'], { task: 'regression' })?.task).toBe('regression');
    expect(await problemOf(['0', 'joy'], { task: 'regression' })).toBe(
      "row 1, label 'y': found 'joy', expected a number",
    );
  });

  test('classification, of numbers too', () => {
    expect(label(['10', '-1', '9', '1.0', '1', '-0', '0'], { task: 'classification' })).toEqual({
      name: 'y',
      task: 'classification',
      values: Float32Array.of(4, 0, 3, 2, 2, 1, 1),
      classes: ['-1', '0', '1', '9', '10'],
    });
    expect(label(['1', 'other'], { task: 'classification' })?.classes).toEqual(['1', 'other']);
  });

  test('known classes give the indices', async () => {
    const classes = ['neg', 'neu', 'pos'];
    expect(label(['pos', 'neg'], { classes })?.values).toEqual(Float32Array.of(2, 0));
    expect(label(['2.0', '1'], { classes: ['0', '1', '2'] })?.values).toEqual(
      Float32Array.of(2, 1),
    );
    expect(await problemOf(['pos', 'happy'], { classes })).toBe(
      "row 1, label 'y': found 'happy', expected one of the classes neg, neu, pos",
    );
  });
});

describe('makeLabel refuses', () => {
  test('an empty cell, unless labels are not required', async () => {
    expect(await problemOf(['1', ' '])).toBe("row 1, label 'y': found '', expected a label");
    expect(label(['1', ''], { requireLabel: false })).toBeNull();
  });

  test.each(['nan', '-inf', '1e40'])('%s, whatever nonFinite says', async (cell) => {
    expect(await problemOf(['1', cell], { nonFinite: 'mean' })).toBe(
      `row 1, label 'y': found '${cell}', expected a finite number`,
    );
  });

  test('a word among numbers', async () => {
    expect(await problemOf(['1.5', '2', 'n/a'])).toBe(
      "row 2, label 'y': found 'n/a', expected a number as in other rows; " +
        'for named classes set task to classification',
    );
  });
});
