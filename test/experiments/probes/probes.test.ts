import { writeFileSync } from 'node:fs';

import { syntheticDataset } from '../../../lib/data/synthetic';
import type { Dataset, Split } from '../../../lib/data/dataset';
import { independentFactors, meanProbes, probeModel } from '../../../lib/experiments/probes';
import type { ProbeRow } from '../../../lib/experiments/results';
import type { Codes, Model } from '../../../lib/training/model';
import type { Noise } from '../../../lib/training/noise';
import { train } from '../../../lib/training/train';
import { findPython } from '../../helpers/python';
import { TINY, errorOf, freshPath, removeFresh } from '../../training/fixture';

const SIZES = {
  modalities: { text: 6, audio: 4 },
  train: 160,
  valid: 24,
  test: 80,
  shifted: 40,
} as const;
const data = syntheticDataset(SIZES);
const classes = syntheticDataset({ ...SIZES, classes: 3 });
const ENVIRONMENTS = [
  { kind: 'gaussian', intensity: 2 },
  { kind: 'erase', intensity: 0.5 },
] as const;

let model: Model;
let classifier: Model;

beforeAll(async () => {
  ({ model } = await train(data, TINY));
  ({ model: classifier } = await train(classes, TINY));
});

afterAll(() => {
  model.dispose();
  classifier.dispose();
  removeFresh();
});

function find(
  rows: readonly ProbeRow[],
  code: string,
  target: string,
  modality?: string,
): ProbeRow {
  const found = rows.filter(
    (row) => row.code === code && row.target === target && row.modality === modality,
  );
  expect(found).toHaveLength(1);
  return found[0] as ProbeRow;
}

test('a row for both codes and every target', async () => {
  const rows = await probeModel(model, data, { method: 'cmir' });
  const targets = ['label', 'causal', 'spurious', 'environment'];
  expect(
    rows.map(({ method, code, target, modality }) => [method, code, target, modality]),
  ).toEqual(
    ['invariant', 'spurious'].flatMap((code) =>
      targets.map((target) => ['cmir', code, target, undefined]),
    ),
  );
  for (const { target, probe, explained } of rows) {
    expect(probe).toBeLessThanOrEqual(1);
    if (target === 'environment') expect(explained).toBeNull();
    else expect(explained).toBeGreaterThan(0);
  }
  expect(find(rows, 'invariant', 'label').probe).toBeGreaterThan(0.3);
});

test('with each, rows of each modality too, which alone need not know what all know', async () => {
  const rows = await probeModel(model, data, { each: true });
  expect(rows.slice(0, 8)).toEqual(await probeModel(model, data));
  expect([...new Set(rows.map(({ modality }) => modality))]).toEqual([undefined, 'text', 'audio']);
  const [all, text] = [undefined, 'text'].map((name) => find(rows, 'invariant', 'causal', name));
  expect(text?.probe).toBeLessThan(all?.probe as number);
});

test('environments without noise cannot be told apart, those with much can', async () => {
  const none = [1, 2, 3].map(() => ({ kind: 'gaussian', intensity: 0 }) as const);
  const blind = await probeModel(model, data, { environments: none });
  expect(find(blind, 'invariant', 'environment').probe).toBe(0.25);
  const much = [{ kind: 'gaussian', intensity: 30 } as const];
  const seeing = await probeModel(model, data, { environments: much });
  expect(find(seeing, 'spurious', 'environment').probe).toBeGreaterThan(0.6);
});

test('the same seed gives the same rows, another other ones', async () => {
  const options = { environments: ENVIRONMENTS, seed: 3 };
  const rows = await probeModel(model, data, options);
  expect(await probeModel(model, data, options)).toEqual(rows);
  const other = await probeModel(model, data, { ...options, seed: 4 });
  const of = (all: ProbeRow[], target: string) =>
    all.filter((row) => row.target === target).map(({ probe }) => probe);
  expect(of(other, 'label')).toEqual(of(rows, 'label'));
  expect(of(other, 'environment')).not.toEqual(of(rows, 'environment'));
});

test('a data set without factors or label has fewer rows', async () => {
  const plain = data.with({ factors: {} });
  const targets = (rows: ProbeRow[]) => [...new Set(rows.map(({ target }) => target))];
  expect(targets(await probeModel(model, plain))).toEqual(['label', 'environment']);
  const bare = plain.with({ label: null });
  expect(targets(await probeModel(model, bare))).toEqual(['environment']);
});

describe('refuses', () => {
  test('a split that is not there, or has nothing in it', async () => {
    const missing = await errorOf(() => probeModel(model, data, { score: 'tset' }));
    expect(missing.code).toBe('ERR_CMIR_DATA');
    expect(missing.message).toContain("no split 'tset'");
    const splits = new Map([...data.splits, ['test', new Int32Array()] as const]);
    const empty = await errorOf(() => probeModel(model, data.with({ splits })));
    expect(empty.code).toBe('ERR_CMIR_DATA');
    expect(empty.message).toContain("split 'test' is empty");
  });

  test('an environment that cannot be', async () => {
    const environments = [{ kind: 'gaussian', intensity: -1 } as const];
    const error = await errorOf(() => probeModel(model, data, { environments }));
    expect(error.code).toBe('ERR_CMIR_CONFIG');
    expect(error.message).toContain('environments.0.intensity');
  });

  test('to go on once it was stopped', async () => {
    const signal = AbortSignal.abort();
    expect((await errorOf(() => probeModel(model, data, { signal }))).code).toBe(
      'ERR_CMIR_ABORTED',
    );
  });
});

test('independent factors are new examples, mixed as those of the data set', () => {
  const { dataset, rows } = independentFactors({ ...SIZES, shifted: 4000 });
  expect(rows).toHaveLength(4000);
  const label = Array.from(rows, (row) => dataset.label?.values[row] as number);
  const spurious = dataset.factors['spurious'];
  const covariance = label.reduce(
    (sum, y, i) => sum + y * (spurious?.values[(rows[i] as number) * 4] as number),
    0,
  );
  expect(Math.abs(covariance / 4000)).toBeLessThan(0.05);
  // With r = -0.9 the same draws make the same causes: features differ by the shortcuts alone.
  const shifted = syntheticDataset({ ...SIZES, shifted: 4000 }).split('shifted');
  const causal = (split: Split) => split.dataset.factors['causal']?.values.slice(-8);
  expect(causal({ dataset, rows, name: '' })).toEqual(causal(shifted));
});

test('means over models leave out what is undefined', () => {
  const row = { method: 'a', code: 'invariant', target: 'label' } as const;
  expect(
    meanProbes([[{ ...row, probe: 0.5, explained: null }], [{ ...row, probe: 1, explained: 0.2 }]]),
  ).toEqual([{ ...row, probe: 0.75, explained: 0.2 }]);
  expect(meanProbes([[{ ...row, probe: null, explained: null }]])[0]).toMatchObject({
    probe: null,
    explained: null,
  });
  expect(meanProbes([])).toEqual([]);
});

describe('numpy finds the same of', () => {
  const python = findPython();
  const check = python === undefined ? test.skip : test;

  check.each([
    ['numbers', () => model, data],
    ['classes', () => classifier, classes],
  ] as const)('%s', async (_, pick, dataset) => {
    const used = pick();
    const shares = independentFactors(SIZES);
    const rows = await probeModel(used, dataset, { environments: ENVIRONMENTS, seed: 7, shares });
    const problems = await Promise.all(
      (['invariant', 'spurious'] as const).map((part) => problemsOf(used, dataset, part, shares)),
    );
    const path = freshPath('problems.json');
    writeFileSync(path, JSON.stringify(problems.flat()));
    const answers = JSON.parse(python?.run(['test/python/probes.py', path]) ?? '') as (
      number | number[]
    )[];
    for (const [p, part] of (['invariant', 'spurious'] as const).entries()) {
      const [label, causal, spurious, environment, ofLabel, ofFactors] = answers.slice(6 * p) as [
        number,
        number,
        number,
        number,
        number[],
        number[],
      ];
      const expected = {
        label: [label, ofLabel[0]],
        causal: [causal, ofFactors[0]],
        spurious: [spurious, ofFactors[1]],
        environment: [environment, undefined],
      };
      for (const [target, [probe, explained]] of Object.entries(expected)) {
        const row = find(rows, part, target);
        expect(row.probe).toBeCloseTo(probe as number, 8);
        if (explained !== undefined) expect(row.explained).toBeCloseTo(explained, 8);
      }
    }
  });
});

/** The six problems that test/python/probes.py solves for one part of the codes. */
async function problemsOf(
  used: Model,
  dataset: Dataset,
  part: 'invariant' | 'spurious',
  shares: Split,
): Promise<object[]> {
  const codesOf = async (split: Split, noise?: Noise): Promise<number[][]> =>
    lists(await used.encode(split, noise === undefined ? {} : { noise }), part, split.rows.length);
  const environments = async (split: Split): Promise<number[][]> => [
    ...(await codesOf(split)),
    ...(await codesOf(split, { ...ENVIRONMENTS[0], seed: 8 })),
    ...(await codesOf(split, { ...ENVIRONMENTS[1], seed: 9 })),
  ];
  const { train: fit, test: score } = dataset;
  const [codes, held] = [await codesOf(fit), await codesOf(score)];
  const probe = (kind: string, of: (split: Split) => number[][]): object => ({
    kind,
    fit: codes,
    held,
    known: of(fit),
    wanted: of(score),
  });
  const which = ({ rows }: Split): number[][] =>
    [0, 1, 2].flatMap((e) => Array.from(rows, () => [0, 1, 2].map((k) => Number(k === e))));
  const isClasses = dataset.label?.task === 'classification';
  return [
    probe(isClasses ? 'classes' : 'ridge', labels),
    probe('ridge', factors('causal')),
    probe('ridge', factors('spurious')),
    {
      kind: 'classes',
      fit: await environments(fit),
      held: await environments(score),
      known: which(fit),
      wanted: which(score),
    },
    { kind: 'shares', codes: await codesOf(shares), groups: [labels(shares)] },
    {
      kind: 'shares',
      codes: await codesOf(shares),
      groups: [factors('causal')(shares), factors('spurious')(shares)],
    },
  ];
}

function lists(codes: Codes, part: 'invariant' | 'spurious', rows: number): number[][] {
  const { latent } = TINY.model;
  return Array.from({ length: rows }, (_, row) =>
    Object.values(codes).flatMap((z) => [...z[part].subarray(row * latent, (row + 1) * latent)]),
  );
}

function labels({ dataset, rows }: Split): number[][] {
  const { values, classes: names } = dataset.label ?? { values: new Float32Array() };
  return Array.from(rows, (row) =>
    names === undefined ? [values[row] as number] : names.map((_, k) => Number(k === values[row])),
  );
}

function factors(group: string): (split: Split) => number[][] {
  return ({ dataset, rows }) => {
    const { width, values } = dataset.factors[group] ?? { width: 0, values: new Float32Array() };
    return Array.from(rows, (row) => [...values.subarray(row * width, (row + 1) * width)]);
  };
}
