import * as path from 'node:path';

import { readPickleParts } from '../../../lib/data/formats/pickle';
import { loadDataset } from '../../../lib/data/load';
import type { Field, Part } from '../../../lib/data/parts';
import { CmirError } from '../../../lib/errors';
import { findPython } from '../../helpers/python';
import { errorOf, makeFolder, removeFolders } from '../fixture';
import { fuzz, memory, MUTATIONS } from '../storage/fixture';
import { arrayOf, latin1, listBomb, u32 } from '../pickle/fixture';

const python = findPython();
const describeWithPython = python === undefined ? describe.skip : describe;

afterAll(removeFolders);

/** A pickle of a Python expression; `np` is numpy. */
function dump(expression: string, protocol = 4): Buffer {
  const script = `import pickle, sys\nimport numpy as np\nsys.stdout.write(pickle.dumps(${expression}, ${String(protocol)}).hex())`;
  return Buffer.from(python?.run(['-c', script]) ?? '', 'hex');
}

async function jsonOf(field: Field): Promise<unknown> {
  if (field.kind === 'texts') return { texts: field.shape, values: field.values };
  if (field.kind === 'frames') {
    return { frames: await Promise.all(field.arrays.map(jsonOf)) };
  }
  return { [field.type]: field.shape, values: [...(await field.float64())] };
}

async function partsOf(content: Buffer, name = 'damaged'): Promise<unknown> {
  const { parts, notes } = await readPickleParts(memory(content, name));
  const described: unknown[] = [];
  for (const { split, fields } of parts) described.push([split, await fieldsOf(fields)]);
  return { parts: described, notes };
}

async function fieldsOf(fields: Part['fields']): Promise<Record<string, unknown>> {
  const entries: [string, unknown][] = [];
  for (const [name, field] of fields) entries.push([name, await jsonOf(field)]);
  return Object.fromEntries(entries);
}

async function problemOf(content: Buffer): Promise<string> {
  const error = await errorOf(() => readPickleParts(memory(content)));
  expect(error.code).toBe('ERR_CMIR_DATA');
  return error.message;
}

const ONES = { float32: [1, 2], values: [1, 1] };

describeWithPython('dicts of splits', () => {
  test('hold arrays, and lists of rows, texts and numbers; a configuration is no split', async () => {
    const content = dump(`{
      'config': {'audio': {'tool': 'x'}, 'align': None},
      'train': {
        'vision': np.ones((1, 2), 'f4'),
        'audio': [np.ones((2, 1)), np.zeros((1, 1))],
        'text': [[[1, 2], [3, 4]]] * 2,
        'rows': [np.ones(2, 'f4')] * 2,
        'regression_labels': [0.5, np.float32(1)],
        'labels': np.ones((2, 1, 1)),
        'id': np.array(['a', 'b']),
        'ids': [['v', '0.5'], ['w', '1']],
        'raw_text': ['x', None],
        'words': [['a', 'b'], ['c']],
        'bytes': [b'a', b'b'],
        'object texts': np.array(['x', None], dtype=object),
        'object rows': np.array([[1, None], [3, 4]], dtype=object),
        'align': [[1, 2], [3]],
        'comment': 'none',
        'nothing': None,
      },
    }`);
    expect(await partsOf(content)).toEqual({
      parts: [
        [
          'train',
          {
            vision: ONES,
            audio: {
              frames: [
                { float64: [2, 1], values: [1, 1] },
                { float64: [1, 1], values: [0] },
              ],
            },
            text: { float64: [2, 2, 2], values: [1, 2, 3, 4, 1, 2, 3, 4] },
            rows: { float32: [2, 2], values: [1, 1, 1, 1] },
            regression_labels: { float64: [2], values: [0.5, 1] },
            labels: { float64: [2, 1, 1], values: [1, 1] },
            id: { texts: [2], values: ['a', 'b'] },
            ids: { texts: [2, 2], values: ['v', '0.5', 'w', '1'] },
            raw_text: { texts: [2], values: ['x', ''] },
            words: { texts: [2], values: ['a b', 'c'] },
            bytes: { texts: [2], values: ['a', 'b'] },
            'object texts': { texts: [2], values: ['x', ''] },
            'object rows': { float64: [2, 2], values: [1, NaN, 3, 4] },
          },
        ],
      ],
      notes: [
        "config is left out: it holds a dict of 2 ('audio', 'align'), no examples",
        'train.align is left out: it holds arrays of several shapes, float64 [2] and float64 [1]',
        "train.comment is left out: it holds 'none'",
        'train.nothing is left out: it holds None',
      ],
    });
  });

  test('keep the names of splits, known or not; a dict of arrays alone is one split', async () => {
    const fields = "{'vision': np.ones((1, 2), 'f4')}";
    const splits = `{'dev': ${fields}, 'train_mix': ${fields}, 'test': {}}`;
    expect(await partsOf(dump(splits))).toMatchObject({
      parts: [
        ['dev', { vision: ONES }],
        ['train_mix', { vision: ONES }],
        ['test', {}],
      ],
    });
    expect(await partsOf(dump(fields))).toMatchObject({ parts: [[null, { vision: ONES }]] });
    expect(await partsOf(dump(fields), 'x/test_OOD.pkl')).toMatchObject({
      parts: [['test_OOD', { vision: ONES }]],
    });
  });

  test.each([
    ["{'train': {'audio': 3}}", /^damaged, train\.audio: found 3, expected an array, or a list of/],
    [
      "{'train': {'audio': [np.ones(2), np.ones(3)]}}",
      /train\.audio: found arrays of several shapes, float64 \[2\] and float64 \[3\]/,
    ],
    ["{'train': {'audio': [1, 'a']}}", /train\.audio: found a list of 2 \(1, 'a'\)/],
    ["{'train': {'audio': []}}", /train\.audio: found an empty list/],
    [
      "{'train': {'eeg': [np.ones(2), 'a']}}",
      /train\.eeg: found a list of 2 \(float64 \[2\], 'a'\)/,
    ],
    [
      "{'train': {'audio': np.array([{}, {}])}}",
      /train\.audio: found a list of 2 \(an empty dict, an empty dict\)/,
    ],
    ["{'train': 5}", /train: found 5, expected a dict of arrays or a list of \(\(words/],
    ["{'train': [1, 2]}", /train: found a list of 2 \(1, 2\), expected a dict of arrays or/],
    ["{'a': {'b': 1}}", /^damaged: found a dict of 1 \('a'\), expected \{'train': \.\.\./],
    ['[1, 2]', /^damaged: found a list of 2 \(1, 2\), expected \{'train'/],
    ['5', /^damaged: found 5, expected \{'train'/],
  ])('%s', async (expression, message) => {
    expect(await problemOf(dump(expression))).toMatch(message);
  });
});

const MAG = `[((['a', 'b'], np.ones((2, 1)), np.zeros((2, 2))), 1.5, 's1'), ((['c'], np.ones((1, 1)), np.zeros((1, 2))), -1, 's2')]`;
const NOTE = /^word ids are left out: they need the embedding table/;

describeWithPython('lists of examples', () => {
  const fields = {
    raw_text: { texts: [2], values: ['a b', 'c'] },
    vision: {
      frames: [
        { float64: [2, 1], values: [1, 1] },
        { float64: [1, 1], values: [1] },
      ],
    },
    audio: {
      frames: [
        { float64: [2, 2], values: [0, 0, 0, 0] },
        { float64: [1, 2], values: [0, 0] },
      ],
    },
    label: { float64: [2], values: [1.5, -1] },
  };

  test('words first, as ITHP and MAG; segments that are unique are ids', async () => {
    expect(await partsOf(dump(`{'train': ${MAG}, 'dev': []}`))).toEqual({
      parts: [['train', { ...fields, id: { texts: [2], values: ['s1', 's2'] } }]],
      notes: [
        'there is no text modality: words are kept as the column raw_text, and need a language model first',
        'dev is left out: it holds a list of 0, no examples',
      ],
    });
    expect(await partsOf(dump(`{'train': ${MAG}, 'dev': ${MAG}}`))).toMatchObject({
      parts: [
        ['train', { segment: { texts: [2], values: ['s1', 's2'] } }],
        ['dev', { segment: { texts: [2], values: ['s1', 's2'] } }],
      ],
    });
  });

  test('word ids first, as MISA and CLUE, in a file a split; seven labels, no segments', async () => {
    const misa = `[((np.arange(2), np.ones((2, 1)), np.zeros((2, 2)), ['a', 'b']), np.arange(7.0).reshape(1, 7))]`;
    const result = (await partsOf(dump(misa, 2), 'test_OOD.p')) as { notes: string[] };
    expect(result).toMatchObject({
      parts: [
        [
          'test_OOD',
          {
            raw_text: { texts: [1], values: ['a b'] },
            vision: { frames: [{ float64: [2, 1], values: [1, 1] }] },
            label: { float64: [1, 1, 7], values: [0, 1, 2, 3, 4, 5, 6] },
          },
        ],
      ],
    });
    expect(result.notes).toEqual([expect.stringMatching(NOTE)]);
  });

  test('word vectors first are a modality', async () => {
    const vectors = `[((np.ones((2, 3)), np.ones((2, 1)), np.zeros((2, 2))), 1, 's')]`;
    expect(await partsOf(dump(vectors))).toMatchObject({
      parts: [[null, { text: { frames: [{ float64: [2, 3] }] } }]],
      notes: [],
    });
  });

  test.each([
    [
      `[${MAG}[0], (1, 2, 3)]`,
      /^damaged, list\[1\]: found a tuple of 3 \(1, 2, 3\), expected \(\(words/,
    ],
    [
      `{'train': [((['a'], 'b', np.ones((1, 1))), 1, 's')]}`,
      /^damaged, train, vision: found 'b', expected arrays of frames/,
    ],
    [
      `{'train': [((['a'], np.ones((1, 1)), np.ones((1, 1))), {}, 's')]}`,
      /^damaged, train, label: found a list of 1 \(an empty dict\), expected one number/,
    ],
  ])('%s', async (expression, message) => {
    expect(await problemOf(dump(expression))).toMatch(message);
  });

  test('a folder of files is loaded, whatever else is in it', async () => {
    const files = { 'train.pkl': dump(MAG), 'dev.pkl': dump(MAG.replaceAll("'s", "'d")) };
    const folder = makeFolder({ ...files, 'embedding_and_mapping.pt': 'PK\x03\x04' });
    const dataset = await loadDataset(folder);
    expect(dataset.ids).toEqual(['s1', 's2', 'd1', 'd2']);
    expect([...dataset.splits.keys()]).toEqual(['train', 'valid']);
    expect(dataset.modalities.map(({ name }) => name)).toEqual(['audio', 'vision']);
    expect(dataset.metadata['raw_text']).toEqual(['a b', 'c', 'a b', 'c']);
  });

  test.each([
    [['train.pkl', 'train.p'], /^.*: found train\.p and train\.pkl, expected one file a split/],
    [['train.pkl', 'val.pkl', 'dev.pickle'], /: found dev\.pickle and val\.pkl, expected one/],
  ])('a folder of %j, two of one split, is refused', async (names, message) => {
    const folder = makeFolder(Object.fromEntries(names.map((name) => [name, dump(MAG)])));
    expect((await errorOf(() => loadDataset(folder))).message).toMatch(message);
  });
});

describe('without Python', () => {
  const text = (value: string): string => `X${u32(value.length)}${value}`;
  const train = (opcodes: string): Buffer =>
    latin1(`}${text('train')}}${text('vision')}${opcodes}ss.`);

  test('values that are shared without end are refused before they are spelled out', async () => {
    const same = /found the same values over and over, expected arrays and lists that stand/;
    // The keys of the memo begin anew: the bomb comes first.
    const bomb = latin1(listBomb(), 'q\x200', `}${text('train')}}${text('vision')}h\x20ss.`);
    expect(await problemOf(bomb)).toMatch(/train\.vision: found a list of 1000/);
    const array = arrayOf(
      'f4',
      'M\xe8\x03M\xe8\x03\x86',
      `B${u32(4_000_000)}${'\0'.repeat(4_000_000)}`,
    );
    expect(await problemOf(train(`](${array}q\0${'h\0'.repeat(100)}e`))).toMatch(same);
    const numbers = `](${'K\x01'.repeat(10_000)}eq\0`;
    expect(await problemOf(train(`](${numbers}${'h\0'.repeat(10_000)}e`))).toMatch(same);
  });

  test.each([
    ['a zip archive', 'PK\x03\x04rest', /not a readable NPZ file/],
    ['zlib', '\x78\x9crest', /found zlib data, as joblib\.dump/],
    ['an HDF5 file', '\x89HDF\r\n\x1a\n', /found an HDF5 file/],
    ['a pickle that is cut', '\x80\x04', /\(truncated\?\)/],
    ['a pickle of protocol 0', '(dp0\n.', /found an empty dict, expected/],
    ['a pickle of protocol 1 without memo keys', '}X\x01\0\0\0aK\x01s.', /found a dict of 1/],
    ['a program', 'cos\nsystem\n(S"true"\ntR.', /found os\.system, but cmir never runs code/],
  ])('loading %s is refused, and says why', async (_, content, message) => {
    const file = path.join(makeFolder({ data: latin1(content) }), 'data');
    const error = await errorOf(() => loadDataset(file));
    expect(error).toBeInstanceOf(CmirError);
    expect(error.message.startsWith(file)).toBe(true);
    expect(error.message).toMatch(message);
  });
});

describeWithPython('damaged files', () => {
  test.each([
    [
      'a dict of splits',
      `{'train': {'vision': np.ones((2, 3, 1), 'f4'), 'audio': [np.ones((2, 1)), np.ones((1, 1))], 'id': np.array(['a', 'b']), 'label': [1, 2.5], 'raw_text': ['x', 'y']}}`,
    ],
    ['a list of examples', `{'train': ${MAG}}`],
  ])('%s: never crash or hang', async (_, expression) => {
    const result = { read: 0, refused: 0 };
    for (const protocol of [0, 2, 4, 5]) {
      const { read, refused, wrong } = await fuzz(
        dump(expression, protocol),
        Math.ceil(MUTATIONS / 8),
        (damaged) => partsOf(damaged),
      );
      expect(wrong).toEqual([]);
      result.read += read;
      result.refused += refused;
    }
    expect(result.read).toBeGreaterThan(0);
    expect(result.refused).toBeGreaterThan(0);
  });
});
