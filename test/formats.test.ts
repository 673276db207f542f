import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Options } from '../lib/config';
import type { Dataset } from '../lib/data/dataset';
import { loadDataset } from '../lib/data/load';
import { WRITE_FORMATS, writeDataset } from '../lib/data/write';
import { train } from '../lib/training/train';
import { findPython } from './helpers/python';

/**
 * One data set of sequences as Python writes it in every form: `three*` hold three modalities, `two*` those that
 * formats without text features can hold.
 */
const python = findPython();
const folder = mkdtempSync(join(tmpdir(), 'cmir-formats-'));
python?.run(['test/python/write_formats.py', folder]);
const sources =
  python === undefined ? [] : readdirSync(folder).filter((name) => !/^(three|two)$/.test(name));

afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** All that training sees. */
function contentOf({ modalities, label, splits }: Dataset): object {
  return {
    modalities: modalities.map(({ name, features, values, offsets }) => ({
      name,
      features,
      values,
      offsets,
    })),
    label,
    splits: [...splits],
  };
}

async function modelOf(data: Dataset, out: string): Promise<Buffer> {
  const options = {
    model: { hidden: 8, latent: 4 },
    environments: [
      { kind: 'gaussian', intensity: 0.5 },
      { kind: 'erase', intensity: 0.3 },
    ],
    training: { epochs: 2, batchSize: 5 },
    threads: 1,
  } satisfies Options;
  const run = await train(data, options, { out });
  run.model.dispose();
  return readFileSync(join(out, 'model.safetensors'));
}

const withPython = python === undefined ? test.skip : test;

withPython('Python wrote every form', () => {
  expect(sources.length).toBeGreaterThanOrEqual(9);
});

describe.each(sources.length > 0 ? sources : ['every form'])('%s', (name) => {
  withPython('holds what the CSV folder holds, and trains the same model', async () => {
    const [reference] = name.split('-');
    const csv = await loadDataset(join(folder, reference as string));
    const data = await loadDataset(join(folder, name));
    expect(contentOf(data)).toEqual(contentOf(csv));
    expect(await modelOf(data, join(folder, 'runs', name))).toEqual(
      await modelOf(csv, join(folder, 'runs', `${name}-csv`)),
    );
  });
});

describe.each(WRITE_FORMATS)('written as %s', (format) => {
  withPython('it comes back whole, ids and columns too, and trains the same model', async () => {
    const data = await loadDataset(join(folder, 'three'));
    const out = join(folder, `written-${format}${format === 'npz' ? '.npz' : ''}`);
    await writeDataset(data, out, { format });
    const back = await loadDataset(out);
    expect(contentOf(back)).toEqual(contentOf(data));
    expect(back.ids).toEqual(data.ids);
    expect({ ...back.metadata }).toEqual({ ...data.metadata });
    expect(back.modalities.map(({ columns }) => columns)).toEqual(
      data.modalities.map(({ columns }) => columns),
    );
    expect(await modelOf(back, join(folder, 'runs', format))).toEqual(
      await modelOf(data, join(folder, 'runs', `${format}-csv`)),
    );
  });
});
