import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { resolveConfig, type Options } from '../../lib/config';
import { Dataset } from '../../lib/data/dataset';
import {
  FILES,
  checkRunFolder,
  checkSameConfig,
  configFile,
  createRunFolder,
  fingerprint,
  lastFiles,
  modelFile,
  readLast,
  readModel,
} from '../../lib/training/checkpoint';
import { writeFiles } from '../../lib/training/files';
import { decodeTensors, encodeTensors } from '../../lib/training/safetensors';
import { errorOf, freshPath, removeFresh, tinyDataset } from './fixture';

afterAll(removeFresh);

const config = resolveConfig({ seed: 7 });
const shape = {
  task: 'regression',
  label: 'label',
  classes: null,
  modalities: [{ name: 'text', features: 2, sequence: false }],
  outputs: 1,
} as const;
const state = {
  step: 12,
  tensors: { 'head.0.bias': { shape: [2], data: Float32Array.of(1, 2) } },
};
const progress = { epoch: 3, bestEpoch: 2, bestScore: 0.5, stale: 1, stopped: false, data: 'hash' };

function newFolder(): string {
  const folder = freshPath();
  mkdirSync(folder);
  return folder;
}

test('a new run folder is made, with its parents, and an empty one taken', async () => {
  const folder = join(freshPath(), 'deep', 'run');
  await createRunFolder(folder);
  await createRunFolder(folder);
  expect(readdirSync(folder)).toEqual([]);
});

test('a folder that holds something is refused and left alone', async () => {
  const folder = newFolder();
  writeFileSync(join(folder, 'notes.txt'), 'mine');
  for (const act of [createRunFolder, checkRunFolder]) {
    const error = await errorOf(() => act(folder));
    expect(error.code).toBe('ERR_CMIR_USAGE');
    expect(error.message).toMatch(/found notes\.txt.*--resume/);
  }
  expect(readdirSync(folder)).toEqual(['notes.txt']);
});

test('a folder that cannot be made is an error of the run', async () => {
  const file = freshPath();
  writeFileSync(file, '');
  const error = await errorOf(() => createRunFolder(join(file, 'run')));
  expect(error.code).toBe('ERR_CMIR_IO');
});

test('config.json is the whole configuration', async () => {
  const folder = newFolder();
  await writeFiles(folder, [configFile(config)]);
  expect(JSON.parse(readFileSync(join(folder, FILES.config), 'utf8'))).toEqual(config);
});

test('the model is read back with its configuration and shape', async () => {
  const folder = newFolder();
  await writeFiles(folder, [modelFile({ state, config, shape })]);
  expect(await readModel(folder)).toEqual({ state: { ...state, step: 0 }, config, shape });
});

test('the last state is read back with its progress, which last.json repeats with the time', async () => {
  const folder = newFolder();
  await writeFiles(folder, lastFiles({ state, config, shape }, progress, 4));
  expect(await readLast(folder)).toEqual({ state, config, shape, progress });
  expect(JSON.parse(readFileSync(join(folder, FILES.progress), 'utf8'))).toEqual({
    step: 12,
    ...progress,
    seconds: 4,
  });
});

test('what a missing checkpoint was expected to be', async () => {
  const folder = newFolder();
  for (const [read, name] of [
    [readModel, FILES.model],
    [readLast, FILES.last],
  ] as const) {
    const error = await errorOf(() => read(folder));
    expect(error.code).toBe('ERR_CMIR_CHECKPOINT');
    expect(error.message).toContain(join(folder, name));
  }
});

test.each<[string, (metadata: Record<string, string>) => void, RegExp]>([
  ['without a format', (m) => delete m['cmir_format'], /found format unknown, expected 1/],
  ['of a later format', (m) => (m['cmir_format'] = '2'), /found format 2, expected 1/],
  ['without a configuration', (m) => delete m['config'], /no readable 'config'/],
  ['with a broken configuration', (m) => (m['config'] = '{"seed":'), /no readable 'config'/],
  [
    'with a configuration of another kind',
    (m) => (m['config'] = '{"seed":"x"}'),
    /no readable 'config'/,
  ],
  ['without a shape', (m) => delete m['shape'], /no readable 'shape'/],
  [
    'with a shape of another kind',
    (m) => (m['shape'] = '{"task":"regression"}'),
    /no readable 'shape'/,
  ],
  ['with a shape that is null', (m) => (m['shape'] = 'null'), /no readable 'shape'/],
])('a checkpoint %s is refused', async (_, damage, message) => {
  const folder = newFolder();
  await writeFiles(folder, [modelFile({ state, config, shape })]);
  const path = join(folder, FILES.model);
  const { tensors, metadata } = decodeTensors(readFileSync(path), path);
  const changed = { ...metadata };
  damage(changed);
  writeFileSync(path, encodeTensors({ tensors, metadata: changed }));
  const error = await errorOf(() => readModel(folder));
  expect(error.code).toBe('ERR_CMIR_CHECKPOINT');
  expect(error.message).toContain(path);
  expect(error.message).toMatch(message);
});

test.each(['null', '{"epoch":"three"}', '{'])('progress %s is refused', async (text) => {
  const folder = newFolder();
  await writeFiles(folder, lastFiles({ state, config, shape }, progress, 4));
  const path = join(folder, FILES.last);
  const { tensors, metadata } = decodeTensors(readFileSync(path), path);
  writeFileSync(path, encodeTensors({ tensors, metadata: { ...metadata, progress: text } }));
  const error = await errorOf(() => readLast(folder));
  expect(error.code).toBe('ERR_CMIR_CHECKPOINT');
  expect(error.message).toMatch(/progress/);
});

describe('a continuation', () => {
  const saved = resolveConfig({ seed: 3, training: { epochs: 5 } });

  test('may train longer, elsewhere, on more threads', () => {
    const wanted = { seed: 3, training: { epochs: 50 }, device: 'cuda:0', threads: 4 };
    expect(() => {
      checkSameConfig(saved, resolveConfig(wanted));
    }).not.toThrow();
  });

  test.each<[string, Options]>([
    ['seed', { seed: 4 }],
    ['model.hidden', { seed: 3, model: { hidden: 64 } }],
    ['training.learningRate', { seed: 3, training: { learningRate: 0.1 } }],
    ['environments.0.intensity', { seed: 3, environments: { intensity: 0.9 } }],
    ['environments.3', { seed: 3, environments: { count: 4 } }],
    ['environments.2', { seed: 3, environments: { count: 2 } }],
  ])('may not change %s', async (key, options) => {
    const error = await errorOf(() => {
      checkSameConfig(saved, resolveConfig(options));
    });
    expect(error.code).toBe('ERR_CMIR_CONFIG');
    expect(error.message).toContain(key);
  });
});

test.each<[string, NonNullable<Options['training']>]>([
  ['schedule cosine', { schedule: 'cosine' }],
  ['warmup 0.1', { warmup: 0.1 }],
])('with %s a run may not be made longer', async (words, training) => {
  const of = (epochs: number) => resolveConfig({ training: { ...training, epochs } });
  const error = await errorOf(() => {
    checkSameConfig(of(10), of(20));
  });
  expect(error.code).toBe('ERR_CMIR_CONFIG');
  expect(error.message).toContain('--resume: training.epochs is 20');
  expect(error.message).toContain('started with 10');
  expect(error.message).toContain(`training.${words}`);
  expect(() => {
    checkSameConfig(of(10), of(10));
  }).not.toThrow();
});

describe('the fingerprint of a data set', () => {
  const original = tinyDataset();
  const { name, ids, modalities, splits } = original;
  const change = (fields: Partial<Dataset>) =>
    fingerprint(new Dataset({ name, ids, modalities, label, splits, ...fields }));
  const label = original.label as NonNullable<Dataset['label']>;
  const [text, audio] = original.modalities as [Dataset['modalities'][0], Dataset['modalities'][0]];
  const bumped = (values: Float32Array) => values.map((value, i) => (i === 5 ? 99 : value));

  test('is the same for the same content', () => {
    expect(fingerprint(tinyDataset())).toBe(fingerprint(original));
    expect(change({ name: 'elsewhere' })).toBe(fingerprint(original));
  });

  test.each<[string, Partial<Dataset>]>([
    ['an id', { ids: ['other', ...original.ids.slice(1)] }],
    ['a label', { label: { ...label, values: bumped(label.values) } }],
    ['the label’s name', { label: { ...label, name: 'other' } }],
    ['a feature', { modalities: [{ ...text, values: bumped(text.values) }, audio] }],
    ['a modality’s name', { modalities: [{ ...text, name: 'words' }, audio] }],
    ['the order of modalities', { modalities: [audio, text] }],
    ['a split', { splits: new Map([...original.splits, ['train', Int32Array.of(0, 1)]]) }],
    ['a split’s name', { splits: new Map([...original.splits].map(([n, r]) => [`${n}x`, r])) }],
  ])('changes with %s', (_, fields) => {
    expect(change(fields)).not.toBe(fingerprint(original));
  });
});
