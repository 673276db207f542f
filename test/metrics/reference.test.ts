import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { writeFileSync } from 'node:fs';
import * as path from 'node:path';

import { keyedGenerator, normalSource } from '../../lib/data/random';
import {
  computeConventions,
  computeMetrics,
  roundMetric,
  type FloatArray,
  type Metrics,
} from '../../lib/metrics';
import { makeFolder, removeFolders } from '../data/fixture';
import { findPython } from '../helpers/python';

const python = findPython();
const describeWithPython = python === undefined ? describe.skip : describe;

interface Case {
  readonly task: 'regression' | 'classification';
  readonly outputs: number;
  readonly predictions: FloatArray;
  readonly targets: FloatArray;
}

const generator = keyedGenerator(11, 7);
const normal = normalSource(generator);
const f32 = (values: readonly number[]): Float32Array => Float32Array.from(values);
const f64 = (values: readonly number[]): Float64Array => Float64Array.from(values);
const list = <T>(length: number, make: (index: number) => T): T[] =>
  Array.from({ length }, (_, i) => make(i));
const pickOf = (values: readonly number[]): number =>
  values[uniformInt(generator, 0, values.length - 1)] as number;

const HALVES = list(17, (i) => (i - 8) / 2);
const CUTS = [-1.01, -1, -0.7, -0.1, -0, 0, 0.1, 0.7, 1, 1.01];
/** The cuts, and the nearest values of float32 and of float64 on both sides. */
const AT_CUTS = CUTS.flatMap((cut) => [
  ...[cut, cut * (1 - 2 ** -23), cut * (1 + 2 ** -23)],
  ...[cut * (1 - 2 ** -52), cut * (1 + 2 ** -52), Math.fround(cut)],
]);

/** Draws of a target and of a prediction for it. */
const DRAWS: Record<string, readonly [() => number, (target: number) => number]> = {
  'like MOSI': [() => Math.round(15 * normal()) / 5, (t) => 0.7 * t + normal()],
  'like SIMS': [() => pickOf(list(11, (i) => (i - 5) / 5)), (t) => t + normal() / 3],
  halves: [() => pickOf(HALVES), (t) => (t + pickOf(HALVES)) / 2],
  cuts: [() => pickOf(AT_CUTS), () => pickOf(AT_CUTS)],
  signs: [() => pickOf([-1, 0, -0, 1]), () => pickOf([-1, -0, 0, 1])],
  huge: [() => 1e37 * normal(), () => 1e37 * normal()],
  tiny: [() => 1e-30 * normal(), () => 1e-30 * normal()],
};
const AWKWARD: readonly (readonly [number[], number[]])[] = [
  [[], []],
  [[0.3], [0.2]],
  [[0.3], [0]],
  [[-0], [0]],
  [[0.5], [-0.5]],
  [
    [1, 2, 3],
    [0, 0, 0],
  ],
  [
    [1, 2, 3],
    [0, -0, 5],
  ],
  [
    [1, -2, 3],
    [0, -0.5, 0.5],
  ],
  [
    [0.1, 0.1, 0.1],
    [1, 2, 3],
  ],
  [
    [0, 0, 0],
    [0, 0, 0],
  ],
  [
    [0.2, 0.4, 0.6],
    [2, 2, 2],
  ],
  [
    [1, 2, 1.5],
    [1.5, 4, 1],
  ],
  [
    [-1, -2, -3],
    [-3, -2, -1],
  ],
  [
    [1, 2, 3],
    [-1, -2, -4],
  ],
  [
    [1, NaN],
    [1, 2],
  ],
  [
    [1, 2],
    [Infinity, 2],
  ],
];

const cases: Case[] = [
  ...Object.values(DRAWS).flatMap(([target, predict]) =>
    [1, 2, 3, 10, 57, 686].flatMap((n) =>
      [f32, f64].map((array): Case => {
        const targets = array(list(n, target));
        const predictions = array(Array.from(targets, predict));
        return { task: 'regression', outputs: 1, predictions, targets };
      }),
    ),
  ),
  ...AWKWARD.map(([p, t]): Case => ({
    task: 'regression',
    outputs: 1,
    predictions: f64(p),
    targets: f64(t),
  })),
  ...[1, 2, 3, 7].flatMap((outputs) =>
    [0, 1, 2, 9, 200].map((n): Case => {
      const targets = f32(list(n, () => uniformInt(generator, 0, outputs - 1)));
      // Small whole numbers tie often.
      const predictions = f32(list(n * outputs, () => Math.round(2 * normal())));
      return { task: 'classification', outputs, predictions, targets };
    }),
  ),
  {
    task: 'classification',
    outputs: 4,
    predictions: f32(list(40, (i) => Number(i % 4 === 2))),
    targets: f32(list(10, (i) => i % 2)),
  },
];

const numbers = f64([
  ...[0.00005, 0.00015, 0.12345, -0.00005, 0.5, 1e-300, 1e16, 3e37, 1e300, -0],
  ...list(2000, (i) => (2 * i + 1) / 20_000),
  ...list(500, () => 10 * normal()),
]);

/** Float32 predictions of an ordinary size. */
function isSingle({ task, predictions }: Pick<Case, 'task' | 'predictions'>): boolean {
  const isOrdinary = predictions.every(
    (value) => value === 0 || Math.abs(Math.log10(Math.abs(value))) < 6,
  );
  return task === 'regression' && predictions instanceof Float32Array && isOrdinary;
}

type Reports = Record<string, Metrics>;
interface Reference {
  readonly cases: readonly {
    readonly exact: Reports;
    readonly rounded: Reports;
    readonly single?: Reports;
  }[];
  readonly rounded: readonly number[];
}

function reportsOf({ task, predictions, targets, outputs }: Case): Reports {
  if (task === 'classification') {
    return { classification: computeMetrics(task, predictions, targets, outputs).metrics };
  }
  return Object.fromEntries(
    Object.entries(computeConventions(task, predictions, targets, outputs)).map(
      ([name, { metrics }]) => [name, metrics],
    ),
  );
}

/** Names with values, as mmsa.MAE. */
function flat(reports: Reports): [string, number | null][] {
  return Object.entries(reports).flatMap(([convention, metrics]) =>
    Object.entries(metrics).map(([name, value]): [string, number | null] => [
      `${convention}.${name}`,
      value,
    ]),
  );
}

/** Values of such a size have no fourth decimal; -0 is 0. */
const LARGE = 1e10;
function shown(reports: Reports, round: (value: number) => number): [string, number | null][] {
  return flat(reports).map(([name, value]) => [
    name,
    value === null || Math.abs(value) > LARGE ? null : round(value) + 0,
  ]);
}

describeWithPython('numpy and scikit-learn agree', () => {
  let reference: Reference;
  beforeAll(() => {
    const described = cases.map(({ task, outputs, targets, predictions }) => ({
      ...{ task, outputs, single: isSingle({ task, predictions }) },
      rows: targets.length,
    }));
    const folder = makeFolder({ 'cases.json': JSON.stringify(described) });
    const values = cases.flatMap(({ predictions, targets }) => [...predictions, ...targets]);
    const bytes = new Uint8Array(f64([...values, ...numbers]).buffer);
    writeFileSync(path.join(folder, 'values.bin'), bytes);
    const script = path.join('test', 'python', 'metrics_reference.py');
    reference = JSON.parse(python?.run([script, folder]) ?? '') as Reference;
  });
  afterAll(removeFolders);

  test('on every metric of every convention', () => {
    expect(reference.cases).toHaveLength(cases.length);
    cases.forEach((one, i) => {
      const found = flat(reportsOf(one));
      const exact = flat(reference.cases[i]?.exact ?? {});
      expect(found.map(([name]) => name)).toEqual(exact.map(([name]) => name));
      const off = found.filter(([, value], k) => {
        const expected = exact[k]?.[1] as number | null;
        if (value === null || expected === null) return value !== expected;
        return !(Math.abs(value - expected) <= 1e-9 * Math.max(1, Math.abs(expected)));
      });
      expect([i, off]).toEqual([i, []]);
    });
  });

  test('on every metric to the fourth decimal', () => {
    cases.forEach((one, i) => {
      const expected = shown(reference.cases[i]?.rounded ?? {}, (value) => value);
      expect([i, shown(reportsOf(one), roundMetric)]).toEqual([i, expected]);
    });
  });

  test('to the fourth decimal also where they compute in float32', () => {
    const single = cases.filter(isSingle);
    expect(single.length).toBeGreaterThan(20);
    for (const one of single) {
      const i = cases.indexOf(one);
      const expected = shown(reference.cases[i]?.single ?? {}, (value) => value);
      expect([i, shown(reportsOf(one), roundMetric)]).toEqual([i, expected]);
    }
  });

  test('on rounding, bit for bit', () => {
    expect(Array.from(numbers, (value) => roundMetric(value) + 0)).toEqual(
      reference.rounded.map((value) => value + 0),
    );
  });
});
