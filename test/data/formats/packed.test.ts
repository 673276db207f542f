import { readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';

import { Dataset } from '../../../lib/data/dataset';
import { loadDataset, type LoadOptions } from '../../../lib/data/load';
import { writeBlocks, writeDataset } from '../../../lib/data/write';
import { errorOf, makeFolder, removeFolders } from '../fixture';

afterEach(removeFolders);

const RELAXED: LoadOptions = { requireTrain: false };

const DATA = new Dataset({
  name: 'data',
  ids: ['a', 'b "quoted", ü', 'c', 'd'],
  modalities: [
    {
      name: 'audio',
      features: 2,
      values: Float32Array.of(1, -0, 3, NaN, 5, 6, NaN, NaN),
      columns: ['loud', 'pitch'],
      nanIsMissing: true,
    },
    {
      name: 'text',
      features: 1,
      values: Float32Array.of(1, 2, 3),
      offsets: Float64Array.of(0, 2, 2, 3, 3),
    },
  ],
  label: { name: 'label', task: 'regression', values: Float32Array.of(0.1, -2, 3.25, 1e-7) },
  splits: new Map([
    ['train', Int32Array.of(0, 3)],
    ['valid', Int32Array.of(1)],
  ]),
  metadata: {
    video: ['x', '', 'ü\n', 'y,z'],
    start: ['0.5', '-1', '1e-7', '3'],
    odd: ['1.0', '2', '3', '4'],
  },
});

function target(): string {
  return path.join(makeFolder({}), 'out');
}

async function written(data = DATA): Promise<string> {
  const out = target();
  await writeDataset(data, out, { format: 'safetensors' });
  return out;
}

/** Fields of a data set, with what a file holds in memory. */
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

test('what is written is read back, features from the file', async () => {
  const out = await written();
  expect(readdirSync(out)).toEqual(['audio.safetensors', 'labels.safetensors', 'text.safetensors']);
  const data = await loadDataset(out, RELAXED);
  expect(contentOf(data)).toEqual(contentOf(DATA));
  const [audio] = data.modalities;
  expect(audio?.file).toMatchObject({ path: path.join(out, 'audio.safetensors'), length: 8 });
  expect(audio?.file?.sha256).toMatch(/^[0-9a-f]{64}$/);
});

test('the bytes are the same for the same content, in one block or in several', async () => {
  const blocks = [
    [0, 1],
    [2, 3],
  ].map((rows) => blockOf(DATA, rows as [number, number]));
  const out = target();
  await writeBlocks(blocks, out);
  const whole = await written();
  for (const file of readdirSync(whole)) {
    expect(readFileSync(path.join(out, file))).toEqual(readFileSync(path.join(whole, file)));
  }
});

/** Rows first to last of a data set. */
function blockOf(data: Dataset, [first, last]: [number, number]): Dataset {
  const cut = <T>(list: readonly T[]): T[] => list.slice(first, last + 1);
  return new Dataset({
    name: data.name,
    ids: cut(data.ids),
    modalities: data.modalities.map((modality) => {
      const { values, offsets, features } = modality;
      const [begin = 0, end = 0] = offsets
        ? [offsets[first], offsets[last + 1]]
        : [first, last + 1];
      return {
        ...modality,
        values: values.slice(begin * features, end * features),
        ...(offsets && { offsets: offsets.slice(first, last + 2).map((offset) => offset - begin) }),
      };
    }),
    label: data.label && { ...data.label, values: data.label.values.slice(first, last + 1) },
    splits: new Map(
      [...data.splits].map(([name, rows]) => [
        name,
        rows.filter((row) => row >= first && row <= last).map((row) => row - first),
      ]),
    ),
    metadata: Object.fromEntries(
      Object.entries(data.metadata).map(([name, cells]) => [name, cut(cells)]),
    ),
  });
}

test('another column may be the label', async () => {
  const data = await loadDataset(await written(), { ...RELAXED, label: 'start' });
  expect(data.label?.values).toEqual(Float32Array.of(0.5, -1, 1e-7, 3));
  expect(Object.keys(data.metadata)).toEqual(['label', 'video', 'odd']);
  expect(data.metadata['label']).toEqual(['0.1', '-2', '3.25', '1e-7']);
});

test('class names come back', async () => {
  const label = {
    name: 'emotion',
    task: 'classification',
    values: Float32Array.of(1, 0, 1, 1),
    classes: ['joy', 'rage'],
  } as const;
  const data = await loadDataset(await written(DATA.with({ label })), RELAXED);
  expect(data.label).toEqual(label);
});

test('a CSV table may stand beside', async () => {
  const out = await written();
  writeFileSync(path.join(out, 'vision.csv'), 'id,v\nd,4\na,1\nc,3\n"b ""quoted"", ü",2\n');
  const data = await loadDataset(out, RELAXED);
  expect(data.modalities[2]?.values).toEqual(Float32Array.of(1, 2, 3, 4));
});

test('a path that holds something is left as it is', async () => {
  const out = makeFolder({ 'a.txt': 'mine' });
  const error = await errorOf(() => writeDataset(DATA, out));
  expect(error.code).toBe('ERR_CMIR_USAGE');
  expect(error.message).toContain('found a.txt');
  expect(readdirSync(path.dirname(out))).toEqual(['set']);
});

test('a failure leaves nothing behind', async () => {
  const parent = makeFolder({});
  const broken = (function* (): Generator<Dataset> {
    yield DATA;
    throw new Error('the source is gone');
  })();
  const error = await errorOf(() => writeBlocks(broken, path.join(parent, 'out')));
  expect(error.code).toBe('ERR_CMIR_IO');
  expect(error.message).toContain('the source is gone');
  expect(readdirSync(parent)).toEqual([]);
});

describe('damage', () => {
  async function problemAfter(damage: (folder: string) => void | Promise<void>): Promise<string> {
    const out = await written();
    await damage(out);
    const error = await errorOf(() => loadDataset(out, RELAXED));
    expect(error.code).toBe('ERR_CMIR_DATA');
    return error.message.replace(out, '');
  }

  /** Replaces text of the same length in a file's header. */
  const replace =
    (name: string, from: string, to: string) =>
    (folder: string): void => {
      const file = path.join(folder, name);
      const content = readFileSync(file, 'latin1');
      expect(content).toContain(from);
      expect(to).toHaveLength(from.length);
      writeFileSync(file, content.replace(from, to), 'latin1');
    };

  test.each<[string, (folder: string) => void, string]>([
    [
      'a file cut short',
      (folder) => {
        truncateSync(path.join(folder, 'audio.safetensors'), 5000);
      },
      '/audio.safetensors: not a readable safetensors file: ',
    ],
    [
      'another version',
      replace('labels.safetensors', '"cmir_data":"1"', '"cmir_data":"2"'),
      '/labels.safetensors: found labels of version 2, expected labels of version 1',
    ],
    [
      'a kind that is not there',
      replace('audio.safetensors', '"kind":"modality"', '"kind":"modelity"'),
      '/audio.safetensors: found modelity of version 1, expected modality',
    ],
    [
      'columns that are no list',
      replace('labels.safetensors', '[{\\"name\\"', '[!\\"name\\"'),
      "/labels.safetensors: its 'columns' are not a list",
    ],
    [
      'an unknown split',
      replace('labels.safetensors', '\\"train\\"', '\\"trein\\"'),
      '/labels.safetensors: its splits are damaged; known are train, valid, test, shifted',
    ],
    [
      'another type',
      replace('text.safetensors', '"dtype":"I32"', '"dtype":"F32"'),
      "/text.safetensors: found float32 [4] for 'lengths', expected int32 [4]",
    ],
  ])('%s is named', async (_, damage, expected) => {
    expect(await problemAfter(damage)).toContain(expected);
  });

  test('modalities of other labels are refused', async () => {
    const problem = await problemAfter(async (folder) => {
      const other = await written(DATA.with({ ids: ['a', 'b', 'c', 'd'] }));
      const name = 'text.safetensors';
      writeFileSync(path.join(folder, name), readFileSync(path.join(other, name)));
    });
    expect(problem).toContain('/text.safetensors: it was written with other ids');
  });

  test('lengths that do not add up are refused', async () => {
    const problem = await problemAfter((folder) => {
      const file = path.join(folder, 'text.safetensors');
      const content = readFileSync(file);
      content.writeInt32LE(7, content.length - 4);
      writeFileSync(file, content);
    });
    expect(problem).toContain('/text.safetensors: found lengths of 10 frames together, expected 3');
  });
});
