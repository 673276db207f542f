import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { EXPORT_FORMATS, exportModel, type ExportFormat } from '../../lib/export';
import type { Model } from '../../lib/training/model';
import { decodeTensors, encodeTensors } from '../../lib/training/safetensors';
import { VERSION } from '../../lib/version';
import { cmir } from '../helpers/program';
import { findPython, type Python } from '../helpers/python';
import { errorOf, freshPath, removeFresh } from '../training/fixture';
import { CASES, trained, type Case } from './fixture';

let model: Model;
let folder: string;

beforeAll(async () => {
  ({ model, folder } = await trained(CASES['attention, classification'] as Case));
});

afterAll(() => {
  model.dispose();
  removeFresh();
});

/** A copy of the run's model with other tensors or metadata. */
function changedRun(change: (file: ReturnType<typeof decodeTensors>) => object): string {
  const source = join(folder, 'model.safetensors');
  const run = freshPath();
  const file = decodeTensors(readFileSync(source), source);
  mkdirSync(run);
  const changed = { ...file, ...change(file) };
  writeFileSync(join(run, 'model.safetensors'), encodeTensors(changed));
  return run;
}

describe('exportModel', () => {
  test.each(EXPORT_FORMATS)(
    '%s: the same bytes of a run folder and of its model',
    async (format) => {
      const [first, second] = [freshPath('a'), freshPath('b')];
      await exportModel(folder, { format, out: first });
      expect(await exportModel(model, { format, out: second })).toEqual({ format, out: second });
      const names = format === 'onnx' ? [''] : readdirSync(first);
      for (const name of names) {
        expect(readFileSync(join(first, name)).equals(readFileSync(join(second, name)))).toBe(true);
      }
    },
  );

  test('makes the parents of the path', async () => {
    const out = join(freshPath(), 'deep', 'model.onnx');
    await exportModel(folder, { format: 'onnx', out });
    expect(existsSync(out)).toBe(true);
    expect(readdirSync(dirname(out))).toEqual(['model.onnx']);
  });

  test('refuses a format that there is not, with the nearest', async () => {
    const error = await errorOf(() => exportModel(folder, { format: 'onx' as ExportFormat }));
    expect(error.code).toBe('ERR_CMIR_USAGE');
    expect(error.message).toBe(
      `format: found "onx", expected onnx or pytorch; did you mean 'onnx'?`,
    );
    const other = await errorOf(() => exportModel(folder, { format: 'tflite' as ExportFormat }));
    expect(other.message).not.toContain('did you mean');
  });

  test.each(EXPORT_FORMATS)('%s: refuses a path that holds something', async (format) => {
    const out = freshPath();
    mkdirSync(out);
    writeFileSync(join(out, 'notes.txt'), 'mine');
    const error = await errorOf(() => exportModel(folder, { format, out }));
    expect(error.code).toBe('ERR_CMIR_USAGE');
    expect(error.message).toContain('notes.txt');
    expect(readdirSync(out)).toEqual(['notes.txt']);
  });

  test.each(EXPORT_FORMATS)('%s: a path that cannot be written leaves nothing', async (format) => {
    const file = freshPath();
    writeFileSync(file, 'a file, not a folder');
    const error = await errorOf(() => exportModel(folder, { format, out: join(file, 'x') }));
    expect(['ERR_CMIR_IO', 'ERR_CMIR_USAGE']).toContain(error.code);
    expect(error.message).toContain(join(file, 'x'));
    expect(readdirSync(dirname(file))).toEqual(['run']);
  });

  test('a model in memory needs a path', async () => {
    const error = await errorOf(() => exportModel(model, { format: 'onnx' }));
    expect(error.code).toBe('ERR_CMIR_USAGE');
    expect(error.message).toContain('out:');
  });

  test.each([
    ['no folder', () => join(freshPath(), 'nowhere'), 'found no such folder'],
    [
      'half a file',
      () => {
        const run = changedRun((file) => file);
        const path = join(run, 'model.safetensors');
        const bytes = readFileSync(path);
        writeFileSync(path, bytes.subarray(0, bytes.length / 2));
        return run;
      },
      'not a readable safetensors file',
    ],
    [
      'no head',
      () =>
        changedRun(({ tensors }) => ({
          tensors: Object.fromEntries(
            Object.entries(tensors).filter(([name]) => name !== 'head.3.bias'),
          ),
        })),
      "no tensor 'head.3.bias'",
    ],
    [
      'a head of another width',
      () =>
        changedRun(({ tensors }) => ({
          tensors: { ...tensors, 'head.3.bias': { shape: [2], data: new Float32Array(2) } },
        })),
      "found shape [2] of 'head.3.bias', expected shape [3]",
    ],
    [
      'another format of checkpoints',
      () => changedRun(({ metadata }) => ({ metadata: { ...metadata, cmir_format: '9' } })),
      'found format 9',
    ],
  ])('a damaged run: %s', async (_, make, message) => {
    const run = make();
    for (const format of EXPORT_FORMATS) {
      const out = freshPath('out');
      const error = await errorOf(() => exportModel(run, { format, out }));
      expect(error.code).toBe('ERR_CMIR_CHECKPOINT');
      expect(error.message).toContain(message);
      expect(error.message).toContain(run);
      expect(existsSync(out)).toBe(false);
    }
  });
});

describe('cmir export', () => {
  test('writes where it says, and exits with 2 for what it refuses', async () => {
    const out = freshPath('model.onnx');
    const first = await cmir(['export', folder, '--format', 'onnx', '--out', out, '--json']);
    expect(JSON.parse(first.stdout)).toEqual({ format: 'onnx', out });
    expect(first).toMatchObject({ code: 0, stderr: '' });
    const second = await cmir(['export', folder, '--format', 'onnx', '--out', out]);
    expect(second.code).toBe(2);
    expect(second.stderr).toContain(out);
    const third = await cmir(['export', folder, '--format', 'pytorh']);
    expect(third.code).toBe(2);
    expect(third.stderr).toContain("did you mean 'pytorch'?");
  });

  test('needs no LibTorch', async () => {
    const env = { ...process.env, LIBTORCH: freshPath(), HOME: freshPath() };
    const { code } = await cmir(['export', folder, '--format', 'pytorch'], { env });
    expect(code).toBe(0);
    rmSync(join(folder, 'pytorch'), { recursive: true });
  });
});

const python = findPython();
const testWithPython = python === undefined ? test.skip : test;

testWithPython('the ONNX file passes the checker and says what it is', async () => {
  const out = freshPath('model.onnx');
  await exportModel(folder, { format: 'onnx', out });
  const printed = (python as Python).run([join('test', 'python', 'check_onnx.py'), out]);
  const found = JSON.parse(printed) as { metadata: Record<string, string> };
  expect(found).toMatchObject({
    producer: ['cmir', VERSION],
    metadata: { cmir_version: VERSION, cmir_format: '1', task: 'classification', label: 'label' },
    inputs: {
      text: ['FLOAT', ['batch', 'text_frames', 6]],
      text_lengths: ['INT64', ['batch']],
      audio: ['FLOAT', ['batch', 4]],
    },
    outputs: {
      logits: ['FLOAT', ['batch', 3]],
      probabilities: ['FLOAT', ['batch', 3]],
      text_invariant: ['FLOAT', ['batch', 4]],
      audio_invariant: ['FLOAT', ['batch', 4]],
    },
    described: true,
  });
  expect(JSON.parse(found.metadata['classes'] ?? '')).toEqual(model.shape.classes);
  expect(JSON.parse(found.metadata['outputs'] ?? '')).toEqual({
    logits: 'logits',
    probabilities: 'probabilities',
  });
  expect(JSON.parse(found.metadata['modalities'] ?? '')).toContainEqual({
    ...{ name: 'text', features: 6, sequence: true },
    ...{ input: 'text', lengths: 'text_lengths', invariant: 'text_invariant' },
  });
});
