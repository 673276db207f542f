import * as path from 'node:path';

import type { Dataset } from '../../../lib/data/dataset';
import { partsByName } from '../../../lib/data/formats/named-parts';
import { loadDataset } from '../../../lib/data/load';
import type { Field } from '../../../lib/data/parts';
import { npyHeader } from '../../../lib/data/storage/npy';
import { encodeTexts } from '../../../lib/data/storage/npy-text';
import { writeNpz } from '../../../lib/data/storage/npz-write';
import type { TextArray } from '../../../lib/data/storage/array';
import { writeDataset } from '../../../lib/data/write';
import { encodeTensors } from '../../../lib/training/safetensors';
import { errorOf, makeFolder, removeFolders } from '../fixture';

afterEach(removeFolders);

/** For sets too small to be trained on. */
const RELAXED = { requireTrain: false };

function texts(...values: string[]): TextArray {
  return { kind: 'texts', shape: [values.length], values };
}

function npy(values: readonly number[], shape: readonly number[]): Buffer {
  return Buffer.concat([npyHeader('<f4', shape), Buffer.from(Float32Array.from(values).buffer)]);
}

function textNpy(...values: string[]): Buffer {
  const { descr, chunks } = encodeTexts(values);
  return Buffer.concat([npyHeader(descr, [values.length]), ...chunks()]);
}

/** Writes an NPZ file of float32 arrays and texts. */
async function npzOf(
  arrays: Record<string, TextArray | { shape: number[]; values: number[] }>,
): Promise<string> {
  const file = path.join(makeFolder({}), 'data.npz');
  const sources = Object.entries(arrays).map(([name, array]) => {
    if ('kind' in array) return [name, array] as const;
    const bytes = new Uint8Array(Float32Array.from(array.values).buffer);
    const chunks = (): Uint8Array[] => [bytes];
    return [name, { kind: 'source', type: 'float32', shape: array.shape, chunks }] as const;
  });
  await writeNpz(file, sources);
  return file;
}

function contentOf({ ids, modalities, label, splits }: Dataset): object {
  return { ids, modalities: modalities.map((m) => ({ ...m })), label, splits: [...splits] };
}

describe('names that begin with a split', () => {
  const field = texts('x');
  const partsOf = (...names: string[]): [string | null, string[]][] =>
    partsByName('file', new Map<string, Field>(names.map((name) => [name, field]))).map(
      ({ split, fields }) => [split, [...fields.keys()]],
    );

  test.each([
    ['_', ['train_audio', 'dev_audio']],
    ['/', ['train/audio', 'dev/audio']],
    ['.', ['train.audio', 'dev.audio']],
  ])("before '%s' make parts", (_, names) => {
    expect(partsOf(...names)).toEqual([
      ['train', ['audio']],
      ['dev', ['audio']],
    ]);
  });

  test('may hold a separator themselves', () => {
    expect(partsOf('test_OOD_audio', 'test_audio')).toEqual([
      ['test_OOD', ['audio']],
      ['test', ['audio']],
    ]);
  });

  test('make no parts where there is a field of splits, and none without them', () => {
    expect(partsOf('test_score', 'audio', 'split')).toEqual([
      [null, ['test_score', 'audio', 'split']],
    ]);
    expect(partsOf('audio', 'train', 'trainer_audio', 'train_')).toEqual([
      [null, ['audio', 'train', 'trainer_audio', 'train_']],
    ]);
  });

  test('share the names of features', () => {
    expect(partsOf('train_audio', 'test_audio', 'audio_columns')).toEqual([
      ['train', ['audio', 'audio_columns']],
      ['test', ['audio', 'audio_columns']],
    ]);
  });

  test('stand before all or none', async () => {
    const error = await errorOf(() => partsOf('train_audio', 'label'));
    expect(error.code).toBe('ERR_CMIR_DATA');
    expect(error.message).toMatch(
      /^file: found arrays by split \(train_audio\) and others \(label\)/,
    );
  });
});

test('an NPZ file by split is a data set', async () => {
  const file = await npzOf({
    train_id: texts('a', 'b'),
    train_audio: { shape: [2, 2], values: [1, 2, 3, 4] },
    train_label: { shape: [2, 1], values: [0.5, -1] },
    valid_id: texts('c'),
    valid_audio: { shape: [1, 2], values: [5, 6] },
    valid_label: { shape: [1, 1], values: [0.1] },
  });
  expect(contentOf(await loadDataset(file))).toMatchObject({
    ids: ['a', 'b', 'c'],
    modalities: [{ name: 'audio', features: 2, values: Float32Array.of(1, 2, 3, 4, 5, 6) }],
    label: { name: 'label', values: Float32Array.of(0.5, -1, 0.1) },
    splits: [
      ['train', Int32Array.of(0, 1)],
      ['valid', Int32Array.of(2)],
    ],
  });
});

test('a path that ends in .npz is written as an NPZ file', async () => {
  const file = await npzOf({
    id: texts('a', 'b'),
    split: texts('train', 'valid'),
    label: { shape: [2], values: [1, 2] },
    text: { shape: [2, 1], values: [3, 4] },
  });
  const data = await loadDataset(file, RELAXED);
  const copy = path.join(makeFolder({}), 'copy.npz');
  await writeDataset(data, copy);
  expect(contentOf(await loadDataset(copy, RELAXED))).toEqual(contentOf(data));
});

test('a safetensors file of another program is a data set', async () => {
  const bytes = encodeTensors({
    tensors: {
      'train.text': { shape: [2, 1], data: Float32Array.of(1, 2) },
      'train.label': { shape: [2], data: Float64Array.of(0.1, 0.2) },
      'test.text': { shape: [1, 1], data: Float32Array.of(3) },
      'test.label': { shape: [1], data: Float64Array.of(0.3) },
    },
    metadata: { format: 'pt' },
  });
  const folder = makeFolder({ 'data.bin': bytes });
  expect(contentOf(await loadDataset(path.join(folder, 'data.bin')))).toMatchObject({
    ids: ['train-1', 'train-2', 'test-1'],
    modalities: [{ name: 'text', values: Float32Array.of(1, 2, 3) }],
    label: { values: Float32Array.of(0.1, 0.2, 0.3) },
    splits: [
      ['train', Int32Array.of(0, 1)],
      ['test', Int32Array.of(2)],
    ],
  });
});

describe('a folder of arrays', () => {
  const LABELS = 'id,split,label\n a ,train,1\nb, valid ,2\n';
  const FILES = { 'labels.csv': LABELS, 'text.npy': npy([1, 2], [2, 1]) };

  test('is read in the order of its labels', async () => {
    const folder = makeFolder({
      ...FILES,
      'audio.npy': npy([1, 2, 3], [3, 1]),
      'audio_offsets.npy': npy([0, 1, 3], [3]),
      'audio_columns.npy': textNpy('loud'),
      'README.md': 'text',
    });
    expect(contentOf(await loadDataset(folder, RELAXED))).toMatchObject({
      ids: ['a', 'b'],
      modalities: [
        { name: 'audio', columns: ['loud'], offsets: Float64Array.of(0, 1, 3) },
        { name: 'text', values: Float32Array.of(1, 2) },
      ],
      splits: [
        ['train', Int32Array.of(0)],
        ['valid', Int32Array.of(1)],
      ],
    });
  });

  test.each<[string, Record<string, string | Buffer>, RegExp]>([
    [
      'rows that are not those of the labels',
      { 'text.npy': npy([1], [1, 1]) },
      /text\.npy: found 1 rows, expected 2, one a row of labels\.csv/,
    ],
    ['a single number', { 'text.npy': npy([1], []) }, /text\.npy: found 0 rows, expected 2/],
    ['tables beside arrays', { 'audio.csv': 'id,a\n' }, /found audio\.csv beside arrays/],
    [
      'an array named as a column',
      { 'label.npy': npy([1, 2], [2]) },
      /label\.npy: labels\.csv has a column 'label' too/,
    ],
    [
      'a damaged array',
      { 'text.npy': npy([1, 2], [2, 1]).subarray(1) },
      /text\.npy: not a readable NPY array/,
    ],
    [
      'an id twice',
      { 'labels.csv': 'id,split,label\na,train,1\na,train,2\n' },
      /labels\.csv, line 3/,
    ],
  ])('with %s is refused', async (_, change, message) => {
    const folder = makeFolder({ ...FILES, ...change });
    const error = await errorOf(() => loadDataset(folder));
    expect(error.code).toBe('ERR_CMIR_DATA');
    expect(error.message.startsWith(folder)).toBe(true);
    expect(error.message).toMatch(message);
  });

  test('without labels is refused', async () => {
    const folder = makeFolder({ 'text.npy': npy([1, 2], [2, 1]) });
    const error = await errorOf(() => loadDataset(folder));
    expect(error.message).toMatch(/labels\.csv: cannot be read: ENOENT/);
  });
});
