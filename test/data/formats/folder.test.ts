import { chmodSync, existsSync, mkdirSync } from 'node:fs';
import * as path from 'node:path';

import { FORMATS } from '../../../lib/data/formats';
import { loadDataset, type LoadOptions } from '../../../lib/data/load';
import { errorOf, makeFolder, removeFolders } from '../fixture';

const LABELS = [
  'id,split,speaker,label',
  'a,train,x,1.5',
  'b,train,"y, or z",-2',
  'c,valid,x,0.5',
  'd,test,w,3',
  '',
].join('\n');
const TEXT = 'id,t0,t1\na,1,2\nb,3,4\nc,5,6\nd,7,8\n';
const AUDIO = 'loud,id\n0.5,d\n-1e-3,c\n+.25,b\n4.,a\n';
const FILES = { 'labels.csv': LABELS, 'text.csv': TEXT, 'audio.csv': AUDIO };

afterEach(removeFolders);

async function problemOf(
  change: Record<string, string | Uint8Array>,
  options?: LoadOptions,
): Promise<string> {
  const folder = makeFolder({ ...FILES, ...change });
  const error = await errorOf(() => loadDataset(folder, options));
  expect(error.code).toBe('ERR_CMIR_DATA');
  // Every message starts with the folder or a file in it.
  expect(error.message.startsWith(folder)).toBe(true);
  return error.message.slice(folder.length);
}

describe('reading', () => {
  test('joins modalities by id in the order of labels.csv', async () => {
    const folder = makeFolder(FILES);
    const dataset = await loadDataset(folder);
    expect(dataset.name).toBe(folder);
    expect(dataset.ids).toEqual(['a', 'b', 'c', 'd']);
    expect(dataset.modalities).toEqual([
      {
        name: 'audio',
        features: 1,
        values: Float32Array.of(4, 0.25, -0.001, 0.5),
        columns: ['loud'],
      },
      {
        name: 'text',
        features: 2,
        values: Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8),
        columns: ['t0', 't1'],
      },
    ]);
    expect(dataset.label).toEqual({
      name: 'label',
      task: 'regression',
      values: Float32Array.of(1.5, -2, 0.5, 3),
    });
    expect([...dataset.splits]).toEqual([
      ['train', Int32Array.of(0, 1)],
      ['valid', Int32Array.of(2)],
      ['test', Int32Array.of(3)],
    ]);
    expect(dataset.metadata).toEqual({ speaker: ['x', 'y, or z', 'x', 'w'] });
  });

  test('takes a byte order mark, CRLF, quotes, blank lines and spaces around cells', async () => {
    const labels =
      '\uFEFF"id" , split,label,note\r\n a ,train,1.5,"two\r\nlines ""quoted"""\r\n\r\n"b", train ,2.5,é\r\n';
    const text = '\uFEFF"t0",id\r\n" 1 ",b\r\n2,"a"';
    const dataset = await loadDataset(makeFolder({ 'labels.csv': labels, 'text.csv': text }));
    expect(dataset.ids).toEqual(['a', 'b']);
    expect(dataset.metadata).toEqual({ note: ['two\nlines "quoted"', 'é'] });
    expect(dataset.modalities[0]?.values).toEqual(Float32Array.of(2, 1));
  });

  test('ignores hidden files and files that are not CSV', async () => {
    const folder = makeFolder({ ...FILES, '._text.csv': 'x', 'README.md': '# notes' });
    expect((await loadDataset(folder)).modalities.map(({ name }) => name)).toEqual([
      'audio',
      'text',
    ]);
  });

  test('accepts the split shifted', async () => {
    const labels = LABELS.replace('d,test', 'd,shifted');
    const dataset = await loadDataset(makeFolder({ ...FILES, 'labels.csv': labels }));
    expect(dataset.split('shifted').rows).toEqual(Int32Array.of(3));
  });

  test('keeps NaN and infinity where they are to be replaced', async () => {
    const text =
      'id,a,b,c\na,nan,NaN,-NAN\nb,inf,Infinity,1.#INF\nc,-inf,-INFINITY,1e39\nd,1.#QNAN,1,2\n';
    const dataset = await loadDataset(makeFolder({ ...FILES, 'text.csv': text }), {
      nonFinite: 'mean',
    });
    const values = [NaN, NaN, NaN, Infinity, Infinity, Infinity];
    expect(dataset.modalities[1]?.values).toEqual(
      Float32Array.of(...values, -Infinity, -Infinity, Infinity, NaN, 1, 2),
    );
  });
});

describe('the folder', () => {
  test('missing', async () => {
    const missing = path.join(makeFolder({}), 'no');
    const error = await errorOf(() => loadDataset(missing));
    expect(error.code).toBe('ERR_CMIR_DATA');
    expect(error.message).toBe(`${missing}: found no such file or folder, expected a data set`);
  });

  test('a file of no known format', async () => {
    const file = path.join(makeFolder(FILES), 'text.csv');
    const error = await errorOf(() => loadDataset(file));
    expect(error.code).toBe('ERR_CMIR_DATA');
    expect(error.message).toBe(
      `${file}: found no known format, expected ${FORMATS.map((known) => known.description).join('; ')}`,
    );
    expect(error.message).toContain('a folder with labels.csv and one <modality>.csv a modality');
  });

  test('without labels.csv', async () => {
    const folder = makeFolder({ 'label.csv': LABELS, 'text.csv': TEXT });
    const { message } = await errorOf(() => loadDataset(folder));
    expect(message).toBe(
      `${folder}: found no labels.csv, expected a folder with labels.csv and one <modality>.csv a modality` +
        '; rename label.csv?',
    );
  });

  test('without a modality', async () => {
    const folder = makeFolder({ 'labels.csv': LABELS });
    expect((await errorOf(() => loadDataset(folder))).message).toBe(
      `${folder}: found labels.csv but no modality, expected at least one <modality>.csv beside it`,
    );
  });

  test('a modality with a dot in its name', async () => {
    expect(await problemOf({ 'text.v2.csv': TEXT })).toBe(
      "/text.v2.csv: found modality 'text.v2', expected a name without a dot; " +
        'tensors are named encoders.<modality>.0.weight',
    );
  });

  test('a file that cannot be read', async () => {
    const folder = makeFolder(FILES);
    mkdirSync(path.join(folder, 'vision.csv'));
    const error = await errorOf(() => loadDataset(folder));
    expect(error.code).toBe('ERR_CMIR_DATA');
    expect(error.message).toContain(`${path.join(folder, 'vision.csv')}: cannot be read: `);
    expect(error.message).toContain('EISDIR');
    expect(error.cause).toMatchObject({ code: 'EISDIR' });
  });

  // The superuser may read everything.
  (process.getuid?.() === 0 ? test.skip : test)('a folder without permission', async () => {
    const folder = makeFolder(FILES);
    chmodSync(folder, 0);
    const error = await errorOf(() => loadDataset(folder));
    chmodSync(folder, 0o700);
    expect(error.code).toBe('ERR_CMIR_DATA');
    expect(error.message).toContain('EACCES');
  });
});

describe('a table', () => {
  test.each([
    ['empty', '', '/text.csv: the file is empty, expected a header line with an id column'],
    [
      'without rows',
      'id,t0\n',
      '/text.csv: found no row for id a (labels.csv, line 2) and 3 other',
    ],
    [
      'without features',
      'id\na\nb\nc\nd\n',
      '/text.csv, line 1: found only the id column, expected',
    ],
    [
      'without id',
      'ID,t0\na,1\n',
      "/text.csv: found no column 'id' among ID, t0, expected one; is 'ID' meant?",
    ],
    [
      'with semicolons',
      'id;t0\na;1\n',
      "/text.csv: found no column 'id' among id;t0, expected one; commas must separate columns",
    ],
    [
      'with a nameless column',
      'id,,t1\na,1,2\n',
      '/text.csv, line 1: column 2 has no name; expected a name for every column',
    ],
    [
      'with a repeated column',
      'id,t0,t0\na,1,2\n',
      "/text.csv, line 1: found column 't0' twice, expected unique column names",
    ],
    [
      'with a short row',
      'id,t0,t1\na,1,2\nb,3\n',
      '/text.csv, line 3 (id b): found 2 cells, expected 3 as in the header',
    ],
    [
      'with a long row',
      'id,t0\na,1\n\nb,3,\n',
      '/text.csv, line 4 (id b): found 3 cells, expected 2 as in the header',
    ],
    [
      'with a row of no id',
      'id,t0\na,1\n ,2\n',
      '/text.csv, line 3: found an empty id, expected a name unique in this file',
    ],
    [
      'with an id twice',
      `${TEXT}a,1,2\n`,
      '/text.csv, line 6 (id a): found the id a second time, expected it once; it is also on line 2',
    ],
    [
      'without one id',
      'id,t0\na,1\nb,3\nd,4\n',
      '/text.csv: found no row for id c (labels.csv, line 4), expected one for each of its 4 ids',
    ],
    [
      'with an unknown id',
      `${TEXT}e,1,2\n`,
      '/text.csv, line 6 (id e): found an id that labels.csv does not have, expected one of its ids',
    ],
    [
      'with an open quote',
      'id,t0\na,1\nb,"3\nc,5\n',
      '/text.csv, line 3: found an opening quote that is never closed, expected a closing one',
    ],
    [
      'with text after a quote',
      'id,t0\na,1\nb,"3"4\nc,5\nd,6\n',
      '/text.csv, line 3: found text after a closing quote, expected a comma',
    ],
  ])('%s', async (_, text, expected) => {
    expect(await problemOf({ 'text.csv': text })).toContain(expected);
  });

  test('that is not UTF-8', async () => {
    expect(await problemOf({ 'text.csv': Uint8Array.of(0xff, 0xfe, 0x69, 0x00) })).toBe(
      '/text.csv: cannot be read: not UTF-8 text; save the file as CSV in UTF-8',
    );
  });

  test('counts lines inside quoted cells', async () => {
    const labels = LABELS.replace('a,train,x', 'a,train,"two\nlines"').replace(
      'c,valid',
      'c,wrong',
    );
    expect(await problemOf({ 'labels.csv': labels })).toContain('/labels.csv, line 5 (id c): ');
  });
});

describe('a sequence', () => {
  const FRAMES = 'id,frame,f0,f1\nc,0,5,6\na,0,1,2\na,1,3,4\nd,,,\nb,0,7,8\nb,1,9,10\nb,2,11,12\n';

  test('has a row for each frame, in the order of labels.csv', async () => {
    const dataset = await loadDataset(makeFolder({ ...FILES, 'vision.csv': FRAMES }));
    expect(dataset.modalities[2]).toEqual({
      name: 'vision',
      features: 2,
      columns: ['f0', 'f1'],
      values: Float32Array.of(1, 2, 3, 4, 7, 8, 9, 10, 11, 12, 5, 6),
      offsets: Float64Array.of(0, 2, 5, 6, 6),
    });
    expect(dataset.notes).toEqual([]);
  });

  test.each([
    ['a,1,3,4', 'a,2,3,4', "line 4 (id a): found frame '2', expected 1: frames count from 0"],
    ['a,0,1,2', 'a,1,1,2', "line 3 (id a): found frame '1', expected 0: frames count from 0"],
    ['a,1,3,4', 'a,01,3,4', "line 4 (id a): found frame '01', expected 1: frames count from 0"],
    ['d,,,', 'd,,1,', "line 5 (id d): found frame '', expected 0: frames count from 0"],
    ['d,,,', 'd,,,\nd,0,1,2', "line 6 (id d): found frame '0', expected none after an empty one"],
    ['d,,,', 'd,,,\nd,,,', "line 6 (id d): found frame '', expected none after an empty one"],
    [
      'b,2,11,12',
      'a,2,1,2',
      'line 8 (id a): found a frame apart from the others of its id, expected them together',
    ],
    [
      'd,,,\n',
      '',
      'found no row for id d (labels.csv, line 5), expected one for each of its 4 ids',
    ],
  ])('%j made %j is refused', async (from, to, expected) => {
    const problem = await problemOf({ 'vision.csv': FRAMES.replace(from, to) });
    expect(problem.replace(/^\/vision.csv[,:] /, '')).toBe(expected);
  });
});

describe('a feature', () => {
  test.each(['abc', '0x10', '0b1', '1,5', '1_000', '1e', '.', '--1', 'NA', 'null', '1 2', 'true'])(
    "'%s' is no number",
    async (cell) => {
      const text = TEXT.replace('3,4', `3,"${cell}"`);
      expect(await problemOf({ 'text.csv': text })).toBe(
        `/text.csv, line 3 (id b), column t1: found '${cell}', expected a number, or nothing for a missing value`,
      );
    },
  );

  test.each([
    'nan',
    'NaN',
    '-nan',
    'inf',
    '-Infinity',
    '+INF',
    '1.#IND',
    '-1.#INF00',
    '1e999',
    '-4e38',
  ])("'%s' is not finite", async (cell) => {
    expect(await problemOf({ 'text.csv': TEXT.replace('3,4', `${cell},4`) })).toBe(
      `/text.csv, line 3 (id b), column t0: found '${cell}', expected a finite float32 number; ` +
        'set data.nonFinite to mean to take the training mean instead',
    );
  });

  test.each(['', ' '])("an empty cell ('%s') is a missing value", async (cell) => {
    const text = TEXT.replace('3,4', `3,${cell}`).replace('7,8', ',');
    const dataset = await loadDataset(makeFolder({ ...FILES, 'text.csv': text }));
    expect(dataset.modalities[1]).toMatchObject({
      values: Float32Array.of(1, 2, 3, NaN, 5, 6, NaN, NaN),
      nanIsMissing: true,
    });
    expect(dataset.modalities[0]).not.toHaveProperty('nanIsMissing');
    expect(dataset.notes).toEqual(['text: 3 empty cells count as the training mean']);
  });

  test('a long cell is cut in the message', async () => {
    const text = TEXT.replace('3,4', `${'x'.repeat(50)},4`);
    expect(await problemOf({ 'text.csv': text })).toContain(`found '${'x'.repeat(39)}…', expected`);
  });
});

describe('labels.csv', () => {
  test('without split', async () => {
    expect(await problemOf({ 'labels.csv': LABELS.replace('split', 'splits') })).toBe(
      "/labels.csv: found no column 'split' among id, splits, speaker, label, expected one; is 'splits' meant?",
    );
  });

  test('without rows', async () => {
    expect(await problemOf({ 'labels.csv': 'id,split,label\n' })).toBe(
      '/labels.csv: found a header but no rows, expected one an example',
    );
  });

  test.each([
    ['trian', 'train'],
    ['validation', 'valid'],
    ['dev', 'valid'],
    ['Test', 'test'],
    ['constructor', null],
    ['', null],
  ])("unknown split '%s'", async (name, meant) => {
    expect(await problemOf({ 'labels.csv': LABELS.replace('c,valid', `c,${name}`) })).toBe(
      `/labels.csv, line 4 (id c): found split '${name}', expected train, valid, test, shifted` +
        (meant === null ? '' : `; is '${meant}' meant?`),
    );
  });

  test('empty train split', async () => {
    expect(await problemOf({ 'labels.csv': LABELS.replaceAll('train', 'test') })).toBe(
      '/labels.csv: found only valid, test, expected examples with split train to learn from',
    );
  });

  test('one constant label in train', async () => {
    expect(await problemOf({ 'labels.csv': LABELS.replace('-2', '1.50') })).toBe(
      "/labels.csv: label 'label' is 1.5 in all 2 examples of train, expected at least two values",
    );
    const words = LABELS.replace('1.5', 'joy').replace('-2', 'joy');
    const labels = words.replace('0.5', 'fear').replace(',3', ',fear');
    expect(await problemOf({ 'labels.csv': labels })).toContain("label 'label' is joy in all 2");
  });

  test('evaluation needs no train split', async () => {
    const folder = makeFolder({ ...FILES, 'labels.csv': LABELS.replaceAll('train', 'test') });
    const dataset = await loadDataset(folder, { requireTrain: false });
    expect(dataset.test.rows.length).toBe(3);
  });
});

describe('prediction', () => {
  const unlabelled = 'id\na\nb\nc\nd\n';

  test('needs neither label nor split', async () => {
    const folder = makeFolder({ ...FILES, 'labels.csv': unlabelled });
    const dataset = await loadDataset(folder, { requireLabel: false, label: 'sentiment' });
    expect(dataset.label).toBeNull();
    expect(dataset.splits.size).toBe(0);
    expect(dataset.all.rows).toEqual(Int32Array.of(0, 1, 2, 3));
    expect(() => dataset.test).toThrow("no split 'test'; it has none");
  });

  test('takes empty label cells as unlabelled', async () => {
    const folder = makeFolder({ ...FILES, 'labels.csv': LABELS.replace('0.5', ' ') });
    expect((await loadDataset(folder, { requireLabel: false })).label).toBeNull();
  });

  test('keeps labels that are there', async () => {
    const dataset = await loadDataset(makeFolder(FILES), { requireLabel: false });
    expect(dataset.label?.values).toEqual(Float32Array.of(1.5, -2, 0.5, 3));
  });
});

describe('CMU-MOSI', () => {
  const folder = path.join(__dirname, '../../../../shared/data/cmu-mosi');

  test('is read whole', async () => {
    if (!existsSync(folder)) {
      console.warn('skipped: ../shared/data/cmu-mosi is not here');
      return;
    }
    const dataset = await loadDataset(folder);
    expect(dataset.size).toBe(2199);
    expect(dataset.modalities.map(({ name, features }) => [name, features])).toEqual([
      ['audio', 73],
      ['text', 100],
      ['vision', 100],
    ]);
    expect([...dataset.splits.keys()].sort()).toEqual(['test', 'train', 'valid']);
    expect(dataset.label?.name).toBe('sentiment');
    expect(dataset.label?.task).toBe('regression');
    expect(Math.max(...(dataset.label?.values ?? []))).toBe(3);
    expect(dataset.modalities[0]?.values[0]).toBe(Math.fround(211.09));
  });
});
