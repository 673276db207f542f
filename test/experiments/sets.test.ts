import { noiseName, parseSet, sweepSets } from '../../lib/experiments/sets';
import { errorOf } from '../training/fixture';

const names = (...args: Parameters<typeof sweepSets>) => sweepSets(...args).map(({ name }) => name);

test('vectors: additive kinds to 1.4, masks to 0.7, each modality alone and all, missing in every combination', () => {
  const found = names(['text', 'audio', 'vision'], false);
  const levels = ['0.1', '0.2', '0.3', '0.4', '0.5', '0.6', '0.7'];
  const expected = ['clean'];
  for (const kind of ['gaussian', 'laplace', 'erase', 'modality']) {
    for (const on of ['', '@text', '@audio', '@vision']) {
      const all = ['gaussian', 'laplace'].includes(kind) ? [...levels, '1.4'] : levels;
      expected.push(...all.map((level) => `${kind}:${level}${on}`));
    }
  }
  expected.push('modality:1@audio', 'modality:1@text', 'modality:1@vision');
  expected.push('modality:1@audio+text', 'modality:1@audio+vision', 'modality:1@text+vision');
  expect(found).toEqual(expected);
});

test('sequences have kinds of their own', () => {
  const kinds = new Set(names(['text'], true).map((name) => name.split(':')[0]));
  expect([...kinds]).toEqual([
    ...['clean', 'gaussian', 'laplace', 'erase', 'replace', 'frame', 'block', 'modality'],
  ]);
});

test('of one modality nothing is alone or missing', () => {
  expect(names(['text'], false, { kinds: ['modality'], levels: [0.5] })).toEqual([
    'clean',
    'modality:0.5',
  ]);
});

test('kinds, levels and splits can be chosen; a set comes once', () => {
  const options = { kinds: ['modality', 'gaussian'] as const, levels: [1, 2], splits: ['shifted'] };
  expect(names(['b', 'a'], false, options)).toEqual([
    ...['clean', 'modality:1', 'modality:1@b', 'modality:1@a'],
    ...['gaussian:1', 'gaussian:2', 'gaussian:1@b', 'gaussian:2@b', 'gaussian:1@a', 'gaussian:2@a'],
    'shifted',
  ]);
});

test('many modalities are missing alone, or all but one', () => {
  const many = ['a', 'b', 'c', 'd', 'e', 'f'];
  const missing = names(many, false, { kinds: ['modality'], levels: [0.5] }).filter((name) =>
    name.includes(':1@'),
  );
  expect(missing).toHaveLength(12);
  expect(missing).toContain('modality:1@a');
  expect(missing).toContain('modality:1@b+c+d+e+f');
});

test('every name can be read again', () => {
  for (const set of sweepSets(['text', 'audio', 'vision'], true, { splits: ['shifted'] })) {
    expect(parseSet(set.name)).toEqual(set);
  }
  expect(parseSet('frame:.25@vision+text')).toEqual({
    name: 'frame:0.25@vision+text',
    split: 'test',
    noise: { kind: 'frame', level: 0.25, modalities: ['vision', 'text'] },
  });
  expect(noiseName({ kind: 'gaussian', level: 1e-7, modalities: null })).toBe('gaussian:1e-7');
  expect(parseSet('gaussian:1e-7').noise).toMatchObject({ level: 1e-7 });
});

test.each([
  ['fog:0.5', "test set 'fog:0.5': found kind 'fog', expected one of gaussian"],
  ['erase:1.5', "test set 'erase:1.5': found level 1.5, expected a probability from 0 to 1"],
  ['gaussian:', "test set: found 'gaussian:', expected clean, a split, or KIND:LEVEL"],
  ['gaussian:-1', "found 'gaussian:-1'"],
  ['erase:1@', "found 'erase:1@'"],
  ['', "test set: found ''"],
])('the set %j is refused', async (name, message) => {
  const error = await errorOf(() => parseSet(name));
  expect(error.code).toBe('ERR_CMIR_USAGE');
  expect(error.message).toContain(message);
});

test.each([
  [{ levels: [0] }, 'levels: found 0, expected numbers above 0'],
  [{ levels: [NaN] }, 'levels: found NaN'],
  [{ kinds: ['fog' as 'drop'] }, "kinds: found kind 'fog'"],
])('the sweep %j is refused', async (options, message) => {
  const error = await errorOf(() => sweepSets(['text'], false, options));
  expect(error.code).toBe('ERR_CMIR_USAGE');
  expect(error.message).toContain(message);
});
