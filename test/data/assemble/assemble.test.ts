import { assemble, type AssembleHints } from '../../../lib/data/assemble';
import type { Dataset } from '../../../lib/data/dataset';
import { resolveLoadOptions, type LoadOptions } from '../../../lib/data/options';
import type { Field, Part } from '../../../lib/data/parts';
import { StoredArray, type TextArray } from '../../../lib/data/storage/array';
import { MemoryBytes } from '../../../lib/data/storage/bytes';
import { errorOf } from '../fixture';

function numbers(shape: readonly number[], values: ArrayLike<number>): StoredArray {
  const bytes = new Uint8Array(Float32Array.from(values).buffer);
  return new StoredArray({ type: 'float32', shape }, new MemoryBytes('file', bytes), 0);
}

function texts(...values: string[]): TextArray {
  return { kind: 'texts', shape: [values.length], values };
}

function frames(...arrays: readonly StoredArray[]): Field {
  return { kind: 'frames', arrays };
}

function part(split: string | null, fields: Readonly<Record<string, Field>>): Part {
  return { split, fields: new Map(Object.entries(fields)) };
}

function load(parts: Part[], options?: LoadOptions, hints?: AssembleHints): Promise<Dataset> {
  const relaxed = { requireTrain: false, requireLabel: false, ...options };
  return assemble('file', parts, resolveLoadOptions(relaxed), hints);
}

async function problemOf(parts: Part[], options?: LoadOptions): Promise<string> {
  const error = await errorOf(() => load(parts, options));
  expect(error.code).toBe('ERR_CMIR_DATA');
  return error.message;
}

describe('splits', () => {
  test('come in one order, under our names', async () => {
    const one = (id: string): Record<string, Field> => ({
      id: texts(id),
      text: numbers([1, 1], [1]),
      label: numbers([1], [0.5]),
    });
    const dataset = await load([
      part('test_OOD', one('d')),
      part('dev', one('b')),
      part('Train', one('a')),
      part('test_IID', one('c')),
      part('train_mix', one('e')),
    ]);
    expect(dataset.ids).toEqual(['a', 'b', 'c', 'd']);
    expect([...dataset.splits]).toEqual([
      ['train', Int32Array.of(0)],
      ['valid', Int32Array.of(1)],
      ['test', Int32Array.of(2)],
      ['shifted', Int32Array.of(3)],
    ]);
    expect(dataset.notes).toEqual([
      "split 'train_mix' is left out: known are train, valid, test, shifted and their usual other names",
    ]);
  });

  test('may be a column', async () => {
    const dataset = await load([
      part(null, { split: texts('test', 'train'), text: numbers([2, 1], [1, 2]) }),
    ]);
    expect([...dataset.splits]).toEqual([
      ['train', Int32Array.of(1)],
      ['test', Int32Array.of(0)],
    ]);
    expect(dataset.ids).toEqual(['row-1', 'row-2']);
  });
});

describe('labels', () => {
  const fields = {
    vision: numbers([2, 1], [1, 2]),
    regression_labels: numbers([2], [0.1, -0.4]),
    regression_labels_T: numbers([2, 1], [0.3, 0.7]),
    classification_labels: numbers([2], [0, 1]),
    raw_text: texts('good', 'bad'),
  };

  test("MMSA's are found and the others stay columns", async () => {
    const dataset = await load([part('train', fields)]);
    expect(dataset.label).toEqual({
      name: 'label',
      task: 'regression',
      values: Float32Array.of(0.1, -0.4),
    });
    expect(dataset.metadata).toEqual({
      label_T: ['0.3', '0.7'],
      classification_labels: ['0', '1'],
      raw_text: ['good', 'bad'],
    });
  });

  test.each([
    ['regression_labels_T', 'label_T'],
    ['label_T', 'label_T'],
    ['classification_labels', 'classification_labels'],
    ['raw_text', 'raw_text'],
  ])('%s is taken when asked for', async (label, name) => {
    const dataset = await load([part('train', fields)], { label });
    expect(dataset.label?.name).toBe(name);
    expect(dataset.metadata).toHaveProperty('label');
  });

  test('of several columns the first is the label', async () => {
    const labels = numbers([2, 1, 3], [1.5, 2, 3, 4.5, 5, 6]);
    const dataset = await load([part('train', { text: numbers([2, 1], [1, 2]), labels })]);
    expect(dataset.label?.values).toEqual(Float32Array.of(1.5, 4.5));
    expect(dataset.metadata).toEqual({ label_1: ['2', '5'], label_2: ['3', '6'] });
  });
});

describe('modalities', () => {
  test('are in the order of their names, parts joined', async () => {
    const dataset = await load([
      part('train', { vision: numbers([1, 2], [1, 2]), audio: numbers([1, 1], [3]) }),
      part('test', { vision: numbers([2, 2], [4, 5, 6, 7]), audio: numbers([2, 1], [8, 9]) }),
    ]);
    expect(dataset.modalities).toEqual([
      { name: 'audio', features: 1, values: Float32Array.of(3, 8, 9) },
      { name: 'vision', features: 2, values: Float32Array.of(1, 2, 4, 5, 6, 7) },
    ]);
  });

  test('column names and offsets are taken', async () => {
    const dataset = await load([
      part('train', {
        text: numbers([3, 2], [1, 2, 3, 4, 5, 6]),
        text_offsets: numbers([3], [0, 3, 3]),
        text_columns: texts('a', 'b'),
      }),
      part('test', { text: numbers([1, 2], [7, 8]), text_offsets: numbers([2], [0, 1]) }),
    ]);
    expect(dataset.modalities).toEqual([
      {
        name: 'text',
        features: 2,
        values: Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8),
        offsets: Float64Array.of(0, 3, 3, 4),
        columns: ['a', 'b'],
      },
    ]);
  });

  // Two examples of up to three frames of one feature; the first frame of the second one is 0 of its own.
  const RIGHT = [1, 2, 0, 0, 3, 0];
  const LEFT = [0, 1, 2, 0, 0, 3];
  test.each([
    ['right, by length', RIGHT, { x_lengths: numbers([2], [2, 2]) }, [1, 2, 0, 3], [0, 2, 4]],
    ['left, by length', LEFT, { x_lengths: numbers([2, 1], [2, 2]) }, [1, 2, 0, 3], [0, 2, 4]],
    [
      'right, by mask',
      RIGHT,
      { x_mask: numbers([2, 3], [1, 1, 0, 1, 1, 0]) },
      [1, 2, 0, 3],
      [0, 2, 4],
    ],
    ['right, by zeros', RIGHT, {}, [1, 2, 3], [0, 2, 3]],
    ['left, by zeros', LEFT, {}, [1, 2, 3], [0, 2, 3]],
    ['nothing there', [0, 0, 0, 0, 0, 0], {}, [], [0, 0, 0]],
    ['length 0', [0, 0, 0, 1, 2, 3], { x_lengths: numbers([2], [0, 3]) }, [1, 2, 3], [0, 0, 3]],
  ])('padding is cut off: %s', async (_, values, more, expected, offsets) => {
    const dataset = await load([part('train', { x: numbers([2, 3, 1], values), ...more })]);
    const [x] = dataset.modalities;
    expect(x?.values).toEqual(Float32Array.from(expected));
    expect(x?.offsets).toEqual(Float64Array.from(offsets));
    expect(dataset.notes).toEqual([]);
  });

  test('a length that leaves frames out is reported, and the padding decides', async () => {
    const dataset = await load([
      part('train', { x: numbers([1, 4, 1], [0, 1, 2, 0]), x_lengths: numbers([1], [1]) }),
    ]);
    expect(dataset.modalities[0]?.values).toEqual(Float32Array.of(1, 2));
    expect(dataset.notes.join()).toContain('the lengths of 1 examples leave out frames');
  });

  test("the mask of MMSA's tokens tells the length of the text", async () => {
    const tokens = [101, 7, 102, 1, 1, 0, 0, 0, 0];
    const dataset = await load([
      part('train', {
        text: numbers([1, 3, 1], [0, 5, 0]),
        text_bert: numbers([1, 3, 3], tokens),
      }),
    ]);
    expect(dataset.modalities[0]?.values).toEqual(Float32Array.of(0, 5));
    expect(dataset.notes).toEqual([]);
  });

  test('a list of unequal arrays has no padding, one of equal ones may have', async () => {
    const a = numbers([2, 1], [1, 0]);
    const unequal = await load([part('train', { x: frames(a, numbers([1, 1], [0])) })]);
    expect(unequal.modalities[0]).toMatchObject({
      values: Float32Array.of(1, 0, 0),
      offsets: Float64Array.of(0, 2, 3),
    });
    const equal = await load([part('train', { x: frames(a, a) })]);
    expect(equal.modalities[0]).toMatchObject({
      values: Float32Array.of(1, 1),
      offsets: Float64Array.of(0, 1, 2),
    });
  });

  test('infinite values become 0 where the format has it so, and a note says it', async () => {
    const parts = [
      part('train', { x: numbers([3, 1], [1, -Infinity, Infinity]) }),
      part('test', { x: numbers([1, 1], [2]) }),
    ];
    const dataset = await load(parts, {}, { zeroInfinity: true });
    expect(dataset.modalities[0]?.values).toEqual(Float32Array.of(1, 0, 0, 2));
    expect(dataset.notes).toEqual(["x: 2 infinite values are set to 0, as MMSA's loader does"]);
    expect(await problemOf(parts)).toContain('found -Infinity, expected a finite float32 number');
  });

  test.each([
    ['examples', numbers([2], [0, 1]), [1, 2, NaN, NaN]],
    ['values', numbers([2, 2], [0, 1, 0, 0]), [1, NaN, 3, 4]],
  ])('%s may be marked as missing', async (_, x_missing, expected) => {
    const dataset = await load([part('train', { x: numbers([2, 2], [1, 2, 3, 4]), x_missing })]);
    expect(dataset.modalities).toEqual([
      { name: 'x', features: 2, values: Float32Array.from(expected), nanIsMissing: true },
    ]);
    const count = expected.filter(Number.isNaN).length;
    expect(dataset.notes).toEqual([
      `x: ${String(count)} missing values count as the training mean`,
    ]);
  });

  test('token ids are left out with a note', async () => {
    const dataset = await load([
      part('train', { x: numbers([1, 1], [1]), text_bert: numbers([1, 3, 2], [1, 2, 1, 1, 0, 0]) }),
    ]);
    expect(dataset.modalities.map(({ name }) => name)).toEqual(['x']);
    expect(dataset.notes.join()).toContain('text_bert is left out');
  });
});

test.each<[string, Part[], string]>([
  [
    'counts that differ',
    [part('train', { x: numbers([2, 1], [1, 2]), label: numbers([3], [1, 2, 3]) })],
    'file, train, label: found 3 examples, expected 2 as in x',
  ],
  [
    'widths that differ between parts',
    [part('train', { x: numbers([1, 2], [1, 2]) }), part('test', { x: numbers([1, 1], [1]) })],
    'file, test, x: found 1 features, expected 2 as in file, train, x',
  ],
  [
    'a modality that one part lacks',
    [
      part('train', { x: numbers([1, 1], [1]), y2: numbers([1, 1], [1]) }),
      part('test', { x: numbers([1, 1], [1]) }),
    ],
    "file, test, y2: found nothing, expected the modality's features as in other splits",
  ],
  [
    'four axes',
    [part('train', { x: numbers([1, 1, 1, 1], [1]) })],
    'file, train, x: found float32 [1, 1, 1, 1], expected [examples, features] or [examples, frames, features]',
  ],
  [
    'a length beyond the frames',
    [part('train', { x: numbers([1, 2, 1], [1, 2]), x_lengths: numbers([1], [3]) })],
    'file, train, x, row 0: found length 3, expected 0 to 2',
  ],
  [
    'a length that is none',
    [part('train', { x: numbers([1, 2, 1], [1, 2]), x_lengths: numbers([1], [NaN]) })],
    'file, train, x, row 0: found length NaN, expected 0 to 2',
  ],
  [
    'offsets that do not ascend',
    [part('train', { x: numbers([2, 1], [1, 2]), x_offsets: numbers([4], [0, 2, 1, 2]) })],
    'file, train, x_offsets: expected ascending frame numbers from 0 to 2',
  ],
  [
    'an id twice',
    [part('train', { id: texts('a', 'a'), x: numbers([2, 1], [1, 2]) })],
    'file: found id a in rows 0 and 1, expected unique ids',
  ],
  [
    'a mask of another shape',
    [part('train', { x: numbers([1, 2], [1, 2]), x_missing: numbers([1, 3], [0, 0, 1]) })],
    'file, train, x_missing: found float32 [1, 3], expected [1] or [1, 2]',
  ],
  ['nothing', [part('train', {})], 'file, train: found no arrays, expected one a modality'],
])('%s are refused', async (_, parts, expected) => {
  expect(await problemOf(parts)).toBe(expected);
});
