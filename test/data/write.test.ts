import { readFileSync } from 'node:fs';
import * as path from 'node:path';

import { Dataset } from '../../lib/data/dataset';
import { loadDataset } from '../../lib/data/load';
import { WRITE_FORMATS, writeDataset, type WriteFormat } from '../../lib/data/write';
import { errorOf, makeFolder, removeFolders } from './fixture';

afterEach(removeFolders);

/** Everything that a data set may hold: missing values, sequences, an empty one, awkward ids and numbers. */
const DATA = new Dataset({
  name: 'data',
  ids: ['a', 'b "quoted", ü', 'c d', '007'],
  modalities: [
    {
      name: 'audio',
      features: 2,
      values: Float32Array.of(1e-45, -0, 0.1, NaN, 3.4028235e38, -1 / 3, NaN, NaN),
      columns: ['loud', 'pitch, high'],
      nanIsMissing: true,
    },
    {
      name: 'text',
      features: 1,
      values: Float32Array.of(1, 2, 3),
      offsets: Float64Array.of(0, 0, 2, 3, 3),
      columns: ['t'],
    },
  ],
  label: { name: 'label', task: 'regression', values: Float32Array.of(0.1, -2, 3.25, 1e-7) },
  splits: new Map([
    ['train', Int32Array.of(0, 3)],
    ['valid', Int32Array.of(1)],
    ['shifted', Int32Array.of(2)],
  ]),
  metadata: { video: ['x', '', 'ü\n', 'y,z'], start: ['0.5', '-1', '1e-7', '3'] },
});

async function written(data: Dataset, format: WriteFormat): Promise<string> {
  const out = path.join(makeFolder({}), (format as string) === 'npz' ? 'out.npz' : 'out');
  await writeDataset(data, out, { format });
  return out;
}

/** Fields of a data set as a test compares them. */
function contentOf({ ids, modalities, label, splits, metadata }: Dataset): object {
  return {
    ids,
    modalities: modalities.map(({ name, features, values, offsets, columns, nanIsMissing }) => ({
      name,
      features,
      values: Array.from(values),
      offsets,
      columns,
      nanIsMissing,
    })),
    label,
    splits: [...splits],
    metadata: { ...metadata },
  };
}

describe.each(WRITE_FORMATS)('%s', (format) => {
  test('what is written is read back, bit for bit', async () => {
    const data = await loadDataset(await written(DATA, format), { requireTrain: false });
    expect(contentOf(data)).toEqual(contentOf(DATA));
  });

  test('class names come back', async () => {
    const label = {
      name: 'emotion',
      task: 'classification',
      values: Float32Array.of(1, 0, 1, 1),
      classes: ['joy', 'rage'],
    } as const;
    const out = await written(DATA.with({ label }), format);
    const data = await loadDataset(out, { requireTrain: false });
    expect(data.label).toEqual(label);
  });

  test('a second write gives the same bytes', async () => {
    const first = await written(DATA, format);
    const back = await loadDataset(first, { requireTrain: false });
    const second = await written(back, format);
    const file = {
      csv: 'text.csv',
      parquet: 'text.parquet',
      safetensors: 'text.safetensors',
      npz: '',
    };
    const read = (out: string): Buffer => readFileSync(path.join(out, file[format]));
    expect(read(second)).toEqual(read(first));
  });
});

test.each(WRITE_FORMATS)('a signal ends the reading of %s', async (format) => {
  const out = await written(DATA, format);
  const reason = new Error('enough');
  const error = await errorOf(() => loadDataset(out, { signal: AbortSignal.abort(reason) }));
  expect(error.code).toBe('ERR_CMIR_ABORTED');
  expect(error.cause).toBe(reason);
});
