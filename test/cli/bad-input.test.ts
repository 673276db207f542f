import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { cmir, tablesOf, writeTables, type Tables } from '../helpers/program';
import { freshPath, removeFresh, tinyDataset } from '../training/fixture';

afterAll(removeFresh);

const QUICK = ['--set', 'training.epochs=1', '--set', 'model.hidden=4', '--set', 'model.latent=2'];

/** Changes the tables of a sound data set. Row 0 is the header. */
type Damage = (tables: Tables) => void;

function folderWith(damage: Damage): string {
  const tables = tablesOf(tinyDataset());
  damage(tables);
  return writeTables(freshPath('data'), tables);
}

function setCell(file: string, row: number, column: number, value: string | number): Damage {
  return (tables) => {
    (tables[file]?.[row] as (string | number)[])[column] = value;
  };
}

/** Runs a command that must refuse its input, and returns what it says. */
async function refusal(args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await cmir(args);
  expect(stdout).toBe('');
  expect(stderr).not.toMatch(/^\s+at /m);
  expect({ code, stderr }).toMatchObject({ code: 2 });
  return stderr;
}

/** The same of training, which must leave nothing behind. */
async function refusalOfTraining(args: readonly string[]): Promise<string> {
  const parent = freshPath('runs');
  const message = await refusal(['train', ...QUICK, '--out', join(parent, 'run'), ...args]);
  expect(existsSync(parent)).toBe(false);
  return message;
}

describe('a data set is refused, with file and row, and no run folder is made', () => {
  const FIRST = tinyDataset().ids[0] as string;
  const column = (tables: Tables, name: string) => tables['labels.csv']?.[0]?.indexOf(name) ?? -1;
  const setAll =
    (name: string, value: string): Damage =>
    (tables) => {
      for (const row of tables['labels.csv']?.slice(1) ?? []) row[column(tables, name)] = value;
    };

  test.each<[string, Damage, (string | RegExp)[]]>([
    [
      'no labels.csv',
      (tables) => {
        delete tables['labels.csv'];
      },
      ['labels.csv'],
    ],
    [
      'no modality',
      (tables) => {
        delete tables['audio.csv'];
        delete tables['text.csv'];
      },
      [/modality/],
    ],
    [
      'a word in the place of a number',
      setCell('text.csv', 3, 2, 'high'),
      ['text.csv', /(row|line) 4/, "'high'"],
    ],
    [
      'NaN',
      setCell('audio.csv', 5, 1, 'NaN'),
      ['audio.csv', /(row|line) 6/, 'NaN', 'data.nonFinite'],
    ],
    ['infinity', setCell('audio.csv', 5, 1, '-inf'), ['audio.csv', /(row|line) 6/, /inf/i]],
    ['a number beyond float32', setCell('audio.csv', 5, 1, '1e39'), ['audio.csv', /(row|line) 6/]],
    [
      'a row with a cell too many',
      (tables) => tables['text.csv']?.[7]?.push(1),
      ['text.csv', /(row|line) 8/, '8', '7'],
    ],
    [
      'a row with a cell too few',
      (tables) => tables['text.csv']?.[7]?.pop(),
      ['text.csv', /(row|line) 8/, '6', '7'],
    ],
    ['an id twice', setCell('text.csv', 4, 0, FIRST), ['text.csv', /(row|line) 5/, FIRST]],
    [
      'a label’s id twice',
      setCell('labels.csv', 4, 0, FIRST),
      ['labels.csv', /(row|line) 5/, FIRST],
    ],
    [
      'an id that is missing in one modality',
      (tables) => tables['audio.csv']?.splice(1, 1),
      ['audio.csv', FIRST],
    ],
    [
      'an id that labels.csv does not know',
      (tables) => tables['audio.csv']?.push(['nobody', 0, 0, 0, 0]),
      ['audio.csv', 'nobody'],
    ],
    [
      'an unknown split',
      setCell('labels.csv', 2, 1, 'trian'),
      ['labels.csv', /(row|line) 3/, "'trian'", "'train'"],
    ],
    ['an empty train split', setAll('split', 'test'), ['train']],
    [
      'no valid split',
      (tables) => {
        for (const row of tables['labels.csv'] ?? []) if (row[1] === 'valid') row[1] = 'test';
      },
      ['valid'],
    ],
    ['one constant label', setAll('label', '0.5'), ['labels.csv', '0.5', 'at least two']],
    [
      'a label that is no number',
      setCell('labels.csv', 2, 2, 'nan'),
      ['labels.csv', /(row|line) 3/],
    ],
    ['no label column', setCell('labels.csv', 0, 2, 'mood'), ['labels.csv', 'label', 'mood']],
  ])('%s', async (_, damage, words) => {
    const message = await refusalOfTraining([folderWith(damage)]);
    for (const word of words)
      expect(message).toMatch(
        typeof word === 'string' ? new RegExp(word.replace(/[.\\]/g, '\\$&')) : word,
      );
  });

  test('a label column that is named but absent', async () => {
    const folder = folderWith(() => undefined);
    const message = await refusalOfTraining([folder, '--set', 'data.label=valence']);
    expect(message).toMatch(/labels\.csv.*valence/);
  });

  test('a folder that is not there', async () => {
    const folder = freshPath('nowhere');
    expect(await refusalOfTraining([folder])).toContain(folder);
  });

  test('a file in the place of the folder', async () => {
    const path = freshPath('notes.txt');
    writeFileSync(path, 'hello');
    expect(await refusalOfTraining([path])).toContain(path);
  });
});

describe('an option is refused by its name', () => {
  test.each<[string, string[], string]>([
    ['unknown option', ['--speed', '9'], "unknown option '--speed'"],
    [
      'misspelt option',
      ['--sed', '9'],
      "unknown option '--sed'; did you mean '--seed' or '--set'?",
    ],
    ['option without its value', ['--seed'], "'--seed <n>' argument missing"],
    ['misspelt key', ['--set', 'weights.invarience=1'], "did you mean 'weights.invariance'?"],
    ['setting without a value', ['--set', 'seed'], "--set: found 'seed', expected KEY=VALUE"],
    [
      'weight below 0',
      ['--set', 'weights.decorrelation=-0.1'],
      'weights.decorrelation: found -0.1, expected at least 0',
    ],
    [
      'no environment with a constraint on',
      ['--set', 'environments.count=0'],
      'environments.count',
    ],
    [
      'epochs that are no number',
      ['--set', 'training.epochs=many'],
      'training.epochs: found "many", expected a number',
    ],
    ['seed below 0', ['--seed', '-1'], 'seed: found -1, expected at least 0'],
    [
      'unknown device',
      ['--device', 'gpu'],
      "--device: found 'gpu', expected auto, cpu, cuda or cuda:<index>",
    ],
    ['unknown metric', ['--set', 'training.metric=MEA'], "did you mean 'MAE'?"],
    ['misspelt name', ['--set', 'model.pooling=atention'], "gru; did you mean 'attention'?"],
    ['too many arguments', ['a', 'b'], 'too many arguments'],
    ['loss of another task', ['--set', 'prediction.loss=crossEntropy'], 'prediction.loss'],
    ['resume of no run', ['--resume'], 'found no such folder, expected that of a run'],
  ])('%s', async (_, args, words) => {
    expect(await refusalOfTraining(args)).toContain(words);
  });

  test('misspelt key of a configuration file', async () => {
    const path = freshPath('config.json');
    writeFileSync(path, '{"training": {"epoch": 3}}');
    expect(await refusalOfTraining(['--config', path])).toContain(
      "unknown key 'training.epoch'; did you mean 'training.epochs'?",
    );
  });

  test('a configuration file that is not JSON', async () => {
    const path = freshPath('config.json');
    writeFileSync(path, 'epochs: 3');
    expect(await refusalOfTraining(['--config', path])).toContain(path);
  });

  test('a device that is not there', async () => {
    const args = ['--device', 'cuda:99', ...QUICK, '--out', freshPath()];
    const { code, stderr } = await cmir(['train', ...args]);
    expect(code).not.toBe(0);
    expect(stderr).toContain('cuda:99');
    expect(existsSync(args.at(-1) as string)).toBe(false);
  });

  test('a command that is misspelt', async () => {
    expect(await refusal(['trian'])).toMatch(
      /unknown command 'trian'; did you mean 'train'\?\n\(cmir --help lists the commands\)/,
    );
  });

  test('a run folder in use stays as it is', async () => {
    const out = freshPath();
    mkdirSync(out);
    writeFileSync(join(out, 'thesis.txt'), 'mine');
    expect(await refusal(['train', ...QUICK, '--out', out])).toContain(out);
    expect(readdirSync(out)).toEqual(['thesis.txt']);
  });
});

describe('a run that is damaged or does not fit is refused', () => {
  const run = freshPath();
  const data = freshPath('data');
  const model = join(run, 'model.safetensors');
  let sound: Buffer;

  beforeAll(async () => {
    writeTables(data, tablesOf(tinyDataset()));
    const { code, stderr } = await cmir(['train', data, ...QUICK, '--out', run]);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    sound = readFileSync(model);
  });
  afterEach(() => {
    writeFileSync(model, sound);
  });

  const predictions = freshPath('predictions.csv');

  async function refusals(): Promise<string> {
    const message = await refusal(['predict', run, data, '--out', predictions]);
    expect(existsSync(predictions)).toBe(false);
    expect(await refusal(['evaluate', run, data])).toBe(message);
    return message;
  }

  test.each<[string, (bytes: Buffer) => Buffer]>([
    ['empty', () => Buffer.alloc(0)],
    ['cut in its length', (bytes) => bytes.subarray(0, 5)],
    ['cut in its header', (bytes) => bytes.subarray(0, 100)],
    ['cut in its tensors', (bytes) => bytes.subarray(0, bytes.length - 7)],
    ['longer than it says', (bytes) => Buffer.concat([bytes, Buffer.from('more')])],
    ['with a header that is not JSON', (bytes) => Buffer.from(bytes).fill('!', 20, 40)],
    ['with a length beyond the file', (bytes) => Buffer.from(bytes).fill(0xff, 0, 8)],
    ['another kind of file', () => Buffer.from('PK\u0003\u0004 not safetensors at all')],
  ])('model.safetensors %s', async (_, damage) => {
    writeFileSync(model, damage(sound));
    expect(await refusals()).toContain(model);
  });

  test('a folder without a model', async () => {
    const empty = freshPath();
    mkdirSync(empty);
    expect(await refusal(['evaluate', empty, data])).toContain(empty);
    expect(await refusal(['evaluate', `${empty}-not`, data])).toContain(`${empty}-not`);
  });

  test.each<[string, Damage, string]>([
    [
      'a modality less',
      (tables) => {
        delete tables['audio.csv'];
      },
      'audio',
    ],
    [
      'a modality more',
      (tables) => {
        tables['depth.csv'] = (tables['audio.csv'] ?? []).map((row) => [...row]);
      },
      'depth',
    ],
    [
      'a wider modality',
      (tables) => {
        tables['audio.csv'] = (tables['audio.csv'] ?? []).map((row, i) => [
          ...row,
          i === 0 ? 'extra' : 1,
        ]);
      },
      'audio',
    ],
  ])('data of %s', async (_, damage, words) => {
    const other = folderWith(damage);
    const message = await refusal(['evaluate', run, other]);
    expect(message).toContain(words);
    expect(await refusal(['predict', run, other, '--out', predictions])).toContain(words);
    expect(existsSync(predictions)).toBe(false);
  });

  test.each<[string, string[], string]>([
    [
      'unknown split',
      ['--split', 'tset'],
      "no split 'tset'; it has train, valid, test, shifted; did you mean 'test'?",
    ],
    ['unknown convention', ['--metrics', 'ithps'], "sims, all; did you mean 'ithp'?"],
    ['misspelt kind of noise', ['--noise', 'gausian:1'], "modality; did you mean 'gaussian'?"],
    ['unknown device', ['--device', 'cdua'], "cuda or cuda:<index>; did you mean 'cuda'?"],
    ['unknown kind of noise', ['--noise', 'fog:1'], "found kind 'fog', expected one of gaussian"],
    [
      'a probability above 1',
      ['--noise', 'erase:2'],
      'noise.intensity: found 2, expected at most 1',
    ],
    ['noise on no modality', ['--noise', 'erase:1@txt'], "noise.modalities: found 'txt'"],
    ['noise without a level', ['--noise', 'gaussian'], "'gaussian'"],
    ['noise below 0', ['--noise', 'gaussian:-1'], "'gaussian:-1'"],
    ['seed that is no number', ['--noise', 'gaussian:1', '--seed', 'x'], "--seed: found 'x'"],
  ])('%s', async (_, args, words) => {
    expect(await refusal(['evaluate', run, data, ...args])).toContain(words);
  });

  test('predict needs a file to write', async () => {
    expect(await refusal(['predict', run, data])).toContain('--out');
  });
});
