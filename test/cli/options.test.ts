import { writeFileSync } from 'node:fs';

import { parseNoise, readOptions } from '../../lib/cli/options';
import { errorOf, freshPath, removeFresh } from '../training/fixture';

afterAll(removeFresh);

function configFile(text: string): string {
  const path = freshPath('config.json');
  writeFileSync(path, text);
  return path;
}

test('flags come over settings, settings over the file', async () => {
  const file = configFile('{"seed": 1, "device": "cpu", "model": {"hidden": 8}, "threads": 2}');
  const settings = ['seed=2', 'device=cuda', 'model.latent=4', 'data.label=my=label'];
  expect(await readOptions(file, settings, { seed: '3', device: undefined })).toEqual({
    seed: 3,
    device: 'cuda',
    threads: 2,
    model: { hidden: 8, latent: 4 },
    data: { label: 'my=label' },
  });
});

test('nothing given is nothing set', async () => {
  expect(await readOptions(undefined, [], { seed: undefined })).toEqual({});
});

test.each<[string, string[], string, RegExp]>([
  ['no value', ['seed'], 'ERR_CMIR_USAGE', /--set: found 'seed', expected KEY=VALUE/],
  ['no key', ['=1'], 'ERR_CMIR_USAGE', /--set: found '=1'/],
  [
    'a misspelt key',
    ['weights.invarance=1'],
    'ERR_CMIR_CONFIG',
    /'weights\.invarance'.*'weights\.invariance'/,
  ],
])('a setting with %s is refused', async (_, settings, code, message) => {
  const error = await errorOf(() => readOptions(undefined, settings, {}));
  expect(error.code).toBe(code);
  expect(error.message).toMatch(message);
});

test.each([
  ['text that is not JSON', '{"seed":'],
  ['a list', '[]'],
  ['null', 'null'],
])('a configuration file of %s is refused', async (_, text) => {
  const file = configFile(text);
  const error = await errorOf(() => readOptions(file, [], {}));
  expect(error.code).toBe('ERR_CMIR_CONFIG');
  expect(error.message).toContain(file);
});

test('a configuration file that is not there is refused', async () => {
  const file = freshPath('absent.json');
  const error = await errorOf(() => readOptions(file, [], {}));
  expect(error.code).toBe('ERR_CMIR_CONFIG');
  expect(error.message).toContain(file);
});

test.each([
  ['gaussian:0.7', { kind: 'gaussian', intensity: 0.7, seed: 3 }],
  ['erase:.5', { kind: 'erase', intensity: 0.5, seed: 3 }],
  ['drop:1', { kind: 'drop', intensity: 1, seed: 3 }],
  ['frame:1e-7@text', { kind: 'frame', intensity: 1e-7, seed: 3, modalities: ['text'] }],
  ['modality:1@a b+c', { kind: 'modality', intensity: 1, seed: 3, modalities: ['a b', 'c'] }],
])('noise %s', (text, expected) => {
  expect(parseNoise(text, 3)).toStrictEqual(expected);
});

test.each([
  'gaussian',
  'gaussian:',
  ':0.7',
  'gaussian:x',
  'gaussian:-1',
  'gaussian:0.7:2',
  'erase:1@',
])('noise %s is refused', async (text) => {
  const error = await errorOf(() => parseNoise(text, 0));
  expect(error.code).toBe('ERR_CMIR_USAGE');
  expect(error.message).toContain(`'${text}'`);
});
