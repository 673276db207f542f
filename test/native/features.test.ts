import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type { NativeConfig, NativeData, NativeFeatures, NativeFile, Trainer } from '../../binding';
import { nativeConfig, resolveConfig } from '../../lib/config';
import { fitNormalizer } from '../helpers/normalizer';
import { messageOf } from '../../lib/errors';
import { loadAddon } from '../../lib/native/load';
import { newFolder, removeFolders } from './fixture';

const addon = loadAddon();

afterAll(removeFolders);

const ROWS = 50;
const WIDTHS = { text: 7, audio: 3 };
const CONFIG: NativeConfig = nativeConfig(
  resolveConfig({
    device: 'cpu',
    threads: 1,
    prediction: { loss: 'l1' },
    model: { hidden: 8, latent: 4 },
    environments: { count: 2 },
  }),
  {
    modalities: Object.entries(WIDTHS).map(([name, features]) => ({
      name,
      features,
      sequence: false,
    })),
    outputs: 1,
  },
);

/** Values that differ, some of them far from 0. */
function values(length: number): Float32Array {
  return Float32Array.from({ length }, (_, i) => 100 + Math.sin(i * i + length) * (1 + (i % 5)));
}

/** The features as they are in memory, and in a file behind `offset` other bytes. */
function both(
  values: Float32Array,
  width: number,
  offset = 0,
): [NativeFeatures, { values: NativeFile; offsets: null }] {
  const path = join(newFolder(), 'values.f32');
  writeFileSync(path, Buffer.concat([Buffer.alloc(offset, 0x7f), Buffer.from(values.buffer)]));
  const rows = values.length / width;
  return [
    { values, offsets: null },
    { values: { path, offset, rows }, offsets: null },
  ];
}

async function refusal(act: () => Promise<unknown>): Promise<string> {
  try {
    await act();
  } catch (error) {
    return messageOf(error);
  }
  throw new Error('nothing was thrown');
}

const text = both(values(ROWS * WIDTHS.text), WIDTHS.text);
const audio = both(values(ROWS * WIDTHS.audio), WIDTHS.audio, 4100);
const rows = Int32Array.from({ length: ROWS }, (_, i) => (i * 7) % ROWS);

function data(features: NativeFeatures[]): NativeData {
  return {
    rows: ROWS,
    features,
    replaceNonFinite: false,
    targets: Float32Array.from({ length: ROWS }, (_, i) => Math.cos(i)),
    keys: Uint32Array.from({ length: ROWS }, (_, i) => 3 * i),
  };
}

async function trained(features: NativeFeatures[]): Promise<unknown[]> {
  const trainer = new addon.Trainer(CONFIG);
  await trainer.upload(data(features));
  const epochs = [await trainer.trainEpoch(rows, 8), await trainer.trainEpoch(rows, 8)];
  const noise = { kind: 'laplace', intensity: 0.5, seed: 3, modalities: null } as const;
  const results = [
    epochs.map(({ terms, steps, examples }) => ({ terms, steps, examples })),
    await trainer.getState(true),
    await trainer.predict(rows, null),
    await trainer.predict(rows, noise),
    await trainer.encode(rows, noise),
    await trainer.gradients(rows),
  ];
  trainer.dispose();
  return results;
}

describe('features in a file', () => {
  test('give what features in memory give, to the bit', async () => {
    const expected = await trained([text[0], audio[0]]);
    expect(await trained([text[1], audio[1]])).toEqual(expected);
    expect(await trained([text[0], audio[1]])).toEqual(expected);
  });

  test('take no memory of the trainer', async () => {
    const memory: number[] = [];
    for (const which of [0, 1] as const) {
      const trainer = new addon.Trainer(CONFIG);
      await trainer.upload(data([text[which], audio[which]]));
      memory.push(trainer.memory);
      trainer.dispose();
    }
    const [here = 0, there = 0] = memory;
    expect(here - there).toBe(4 * ROWS * (WIDTHS.text + WIDTHS.audio));
  });

  test.each<[string, Partial<{ path: string; offset: number; rows: number }>, string]>([
    ['a file that is not there', { path: '/no/such/file' }, '/no/such/file: No such file'],
    ['a file that ends too soon', { offset: 4 }, 'expected at least 1404 bytes, found 1400'],
    ['an offset past the end', { offset: 4e9 }, 'expected at least 4000001400 bytes, found 1400'],
    ['an offset amid a value', { offset: 2 }, 'a byte on that is a multiple of 4, found 2'],
    ['an offset before the file', { offset: -4 }, 'a byte on that is a multiple of 4, found -4'],
    ['an offset of half a byte', { offset: 0.5 }, 'values.offset: expected a safe integer'],
    ['other examples', { rows: 49 }, 'data.features[0]: expected 50 examples, found 49'],
  ])('%s is refused, and what was there before stays', async (_, spoilt, words) => {
    const trainer = new addon.Trainer(CONFIG);
    await trainer.upload(data([text[0], audio[0]]));
    const before = await trainer.predict(rows, null);
    const file = { ...text[1], values: { ...text[1].values, ...spoilt } };
    const message = await refusal(async () => trainer.upload(data([file, audio[1]])));
    expect(message).toContain(words);
    expect(message).not.toMatch(/frame #|\.cc:\d/);
    expect(await trainer.predict(rows, null)).toEqual(before);
    trainer.dispose();
  });

  describe('of a trainer that has them', () => {
    let trainer: Trainer;
    let file: { values: NativeFile; offsets: null };

    beforeEach(async () => {
      file = both(values(ROWS * WIDTHS.text), WIDTHS.text)[1];
      trainer = new addon.Trainer(CONFIG);
      await trainer.upload(data([file, audio[1]]));
    });
    afterEach(() => {
      trainer.dispose();
    });

    test('a file that is cut short is an error that names it, not the end of the process', async () => {
      const { path } = file.values;
      truncateSync(path, 100);
      const message = await refusal(() => trainer.trainEpoch(rows, 8));
      expect(message).toContain(`${path}: expected at least 1400 bytes, found 100`);
    });

    test('a dispose ends the epoch', async () => {
      const many = Int32Array.from({ length: 200_000 }, (_, i) => i % ROWS);
      const epoch = trainer.trainEpoch(many, 1);
      trainer.dispose();
      expect(await epoch).toMatchObject({ aborted: true });
    });
  });
});

test('what is not finite is an error that says where, or the mean', async () => {
  const holes = values(ROWS * WIDTHS.text);
  holes[3 * WIDTHS.text + 2] = Number.NaN;
  const words = "'text', row 3, feature 2: expected a finite number, found nan";
  const results: unknown[] = [];
  for (const features of both(holes, WIDTHS.text)) {
    const trainer = new addon.Trainer(CONFIG);
    const given = data([features, audio[0]]);
    const refused = async (): Promise<void> => {
      await trainer.upload(given);
      await trainer.predict(rows, null);
    };
    expect(await refusal(refused)).toContain(words);
    await trainer.upload({ ...given, replaceNonFinite: true });
    results.push(await trainer.predict(rows, null));
    trainer.dispose();
  }
  // An untrained normaliser has mean 0.
  const trainer = new addon.Trainer(CONFIG);
  const filled = Float32Array.from(holes, (value) => (Number.isNaN(value) ? 0 : value));
  await trainer.upload(data([{ values: filled, offsets: null }, audio[0]]));
  expect(results).toEqual(Array(2).fill(await trainer.predict(rows, null)));
  trainer.dispose();
});

describe('fitNormalizer', () => {
  const width = 4;
  const spoilt = values(800 * width);
  spoilt[5 * width] = Number.NaN;
  spoilt[700 * width + 1] = Number.POSITIVE_INFINITY;
  for (let row = 0; row < 800; row += 1) spoilt[row * width + 3] = Number.NaN;
  const some = Int32Array.from({ length: 500 }, (_, i) => (i * 13) % 800);

  test.each([
    ['in memory', 0],
    ['in a file', 1],
  ] as const)('values %s: as lib/data has it', async (_, which) => {
    const features = both(spoilt, width, 8)[which];
    const found = await addon.fitNormalizer(features, width, some, 0);
    const expected = fitNormalizer({ name: 'x', features: width, values: spoilt }, some);
    for (const part of ['mean', 'std'] as const) {
      expect(found[part]).toHaveLength(width);
      found[part].forEach((value, f) => {
        expect(value).toBeCloseTo(expected[part][f] as number, 4);
      });
    }
    expect([found.mean[3], found.std[3]]).toEqual([0, 1]);
  });

  test('a sequence: the frames that count, of the examples that are asked for', async () => {
    const offsets = Float64Array.of(0, 3, 3, 10, 12);
    const rows = Int32Array.of(0, 2, 1);
    const frames = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
    const features = both(values(12 * width), width)[1];
    const vectors = { ...features, offsets: null };
    const fit = (maxLength: number) =>
      addon.fitNormalizer({ ...features, offsets }, width, rows, maxLength);
    expect(await fit(0)).toEqual(
      await addon.fitNormalizer(vectors, width, Int32Array.from(frames), 0),
    );
    expect(await fit(2)).toEqual(
      await addon.fitNormalizer(vectors, width, Int32Array.of(0, 1, 3, 4), 0),
    );
  });

  const flat = { values: values(3 * width), offsets: null };
  test.each<[string, () => Promise<unknown>, string]>([
    [
      'a row that is not there',
      () => addon.fitNormalizer(flat, width, Int32Array.of(3), 0),
      'rows: expected indices from 0 to 2, found 3',
    ],
    [
      'no width',
      () => addon.fitNormalizer(flat, 0, Int32Array.of(0), 0),
      'width: expected at least 1, found 0',
    ],
    [
      'a negative length',
      () => addon.fitNormalizer(flat, width, Int32Array.of(0), -1),
      'maxLength: expected at least 0, found -1',
    ],
    [
      'offsets that descend',
      () =>
        addon.fitNormalizer(
          { ...flat, offsets: Float64Array.of(0, 2, 1) },
          width,
          Int32Array.of(0),
          0,
        ),
      'features: expected offsets that ascend',
    ],
    [
      'offsets past the end',
      () =>
        addon.fitNormalizer(
          { ...flat, offsets: Float64Array.of(0, 2, 4) },
          width,
          Int32Array.of(0),
          0,
        ),
      'features: expected offsets that ascend from 0 to 3 at most, found 4',
    ],
    [
      'no features',
      () => addon.fitNormalizer(undefined as never, width, Int32Array.of(0), 0),
      'features: expected an object',
    ],
  ])('%s is refused', async (_, act, words) => {
    const message = await refusal(async () => act());
    expect(message).toContain(words);
    expect(message).not.toMatch(/frame #|\.cc:\d/);
  });
});
