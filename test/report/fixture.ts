import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type {
  AreaRow,
  Comparison,
  EvaluationSet,
  ProbeRow,
  Provenance,
  ResultRow,
  SearchResult,
  SensitivityRow,
  Sweep,
  Trial,
} from '../../lib/experiments/results';
import { noiseName, type NoiseSpec } from '../../lib/experiments/sets';

/** Plausible results of the agreed forms. The same call always gives the same numbers. */

/** Text that must never become an element of a page. */
export const HOSTILE = '<script>alert("x")</script>&\'"</script><img src=x onerror=alert(1)>';

const MODALITIES = ['text', 'audio', 'vision'];
const LEVELS = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7];
const KINDS: readonly NoiseSpec['kind'][] = ['gaussian', 'laplace', 'erase', 'modality'];

export const PROVENANCE: Provenance = {
  cmir: '0.1.0',
  libtorch: '2.13.0+cpu',
  node: 'v20.20.2',
  platform: 'linux x64',
  cpu: 'A processor of some name @ 2.60 GHz',
  threads: 2,
  date: '2026-01-31T12:00:00.000Z',
  command:
    'cmir compare mosi --methods fusion,augmentation,cmir,cmir-mixed,cmir-no-invariance --seeds 8',
  data: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
};

/** Numbers in (0, 1) that look random. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
}

/** What a method comes to: how good it is on clean data, and what noise and shift add to its error. */
const METHODS: Readonly<Record<string, { clean: number; noise: number; shift: number }>> = {
  fusion: { clean: 0.937, noise: 0.26, shift: 0.5 },
  augmentation: { clean: 0.951, noise: 0.19, shift: 0.42 },
  cmir: { clean: 0.944, noise: 0.185, shift: 0.3 },
  'cmir-mixed': { clean: 0.939, noise: 0.17, shift: 0.31 },
  'cmir-no-invariance': { clean: 0.948, noise: 0.22, shift: 0.45 },
};

export interface ResultOptions {
  readonly task?: 'regression' | 'classification';
  readonly seeds?: number;
  readonly methods?: readonly string[];
  readonly dataset?: string;
}

export function comparison(options: ResultOptions = {}): Comparison {
  const { task = 'regression', seeds = 8, methods = Object.keys(METHODS) } = options;
  const sets = evaluationSets();
  return {
    kind: 'comparison',
    dataset: options.dataset ?? 'data/made-up',
    task,
    methods,
    seeds: Array.from({ length: seeds }, (_, i) => i + 1),
    sets,
    rows: resultRows(task, methods, sets, seeds),
    baselines: ['majority', ...MODALITIES].flatMap((baseline, b) =>
      sets
        .filter(({ noise }) => noise === null)
        .map(({ name }) => ({
          baseline,
          set: name,
          metric: task === 'regression' ? 'MAE' : 'Acc',
          mean: task === 'regression' ? 1.42 - 0.1 * b : 0.42 + 0.04 * b,
          std: b === 0 ? null : 0.01,
          values: b === 0 ? [1.42] : [1.31, 1.33],
        })),
    ),
    areas: areas(methods),
    configs: Object.fromEntries(methods.map((method, i) => [method, configOf(i)])),
    runs: {},
    costs: Object.fromEntries(
      methods.map((method, i) => [
        method,
        {
          parameters: 123_456 * (i + 1),
          inference_parameters: 100_000,
          training_flops_per_example: 1.3e6 * (i + 1),
          inference_flops_per_example: 2.1e5,
          training_seconds: 6.4 * (i + 1),
          epochs: 31.5,
          latency_1_ms: 0.213,
          latency_128_ms: i === 0 ? null : 1.82,
        },
      ]),
    ),
    provenance: PROVENANCE,
  };
}

export function sweep(options: ResultOptions = {}): Sweep {
  const { dataset, methods, sets, rows, areas, provenance } = comparison(options);
  return { kind: 'sweep', dataset, methods, sets, rows, areas, provenance };
}

function evaluationSets(): EvaluationSet[] {
  const places = [null, ...MODALITIES.map((name) => [name])];
  const noises: NoiseSpec[] = KINDS.flatMap((kind) =>
    places.flatMap((modalities) =>
      [...LEVELS, ...(['gaussian', 'laplace'].includes(kind) ? [1.4] : [])].map((level) => ({
        kind,
        level,
        modalities,
      })),
    ),
  );
  const missing: NoiseSpec[] = [
    ['audio'],
    ['text'],
    ['vision'],
    ['audio', 'text'],
    ['audio', 'vision'],
    ['text', 'vision'],
  ].map((modalities) => ({ kind: 'modality', level: 1, modalities }));
  return [
    { name: 'clean', split: 'test', noise: null },
    { name: 'shifted', split: 'shifted', noise: null },
    ...[...noises, ...missing].map((noise) => ({ name: noiseName(noise), split: 'test', noise })),
  ];
}

function resultRows(
  task: 'regression' | 'classification',
  methods: readonly string[],
  sets: readonly EvaluationSet[],
  seeds: number,
): ResultRow[] {
  const draw = generator(7);
  const metrics =
    task === 'regression'
      ? ['Non0_acc_2', 'Non0_F1_score', 'MAE', 'Corr']
      : ['Acc', 'F1_score', 'Macro_F1_score'];
  return sets.flatMap((set) =>
    metrics.flatMap((metric) =>
      methods.map((method, m) => {
        const error = errorOn(method, set);
        const values = Array.from({ length: seeds }, () => {
          const value = error + 0.012 * (draw() + draw() - 1);
          return metric === 'MAE' ? value : Math.max(0.05, 1.1 - 0.37 * value);
        });
        const mean = values.reduce((a, b) => a + b, 0) / seeds;
        const std = Math.sqrt(
          values.reduce((a, b) => a + (b - mean) ** 2, 0) / Math.max(1, seeds - 1),
        );
        const p = m === 0 || seeds < 2 ? null : pOf(Math.abs(error - errorOn('fusion', set)));
        return {
          method,
          set: set.name,
          metric,
          mean,
          std: seeds < 2 ? null : std,
          values,
          p,
          p_holm: p === null ? null : Math.min(1, p * 4),
          p_wilcoxon: p,
          ci: seeds < 2 ? null : ([mean - 0.7 * std, mean + 0.7 * std] as const),
        };
      }),
    ),
  );
}

function pOf(difference: number): number {
  return Math.exp(-difference * 160) * 0.8;
}

function errorOn(method: string, { noise, split }: EvaluationSet): number {
  const { clean, noise: slope, shift } = METHODS[method] ?? { clean: 0.94, noise: 0.2, shift: 0.4 };
  if (split === 'shifted') return clean + shift;
  if (noise === null) return clean;
  const share = noise.modalities === null ? 1 : noise.modalities.includes('text') ? 0.8 : 0.15;
  const scale = ['erase', 'modality'].includes(noise.kind) ? 1.2 : 0.72;
  return clean + share * slope * scale * noise.level ** 1.6;
}

function areas(methods: readonly string[]): AreaRow[] {
  return methods.map((method) => ({
    method,
    kind: 'gaussian',
    modalities: 'all',
    metric: 'MAE',
    area: 0.97,
    drop: 0.08,
    worst: 1.02,
    to: 0.7,
  }));
}

function configOf(index: number): unknown {
  return {
    seed: 0,
    task: 'regression',
    model: { hidden: 128, latent: index === 0 ? 32 : 64, dropout: 0.3, pooling: 'mean' },
    environments:
      index === 0
        ? []
        : [
            { kind: 'gaussian', intensity: 0.5 },
            { kind: 'erase', intensity: 0.3 * index },
          ],
    weights: {
      invariance: index < 2 ? 0 : 2,
      decorrelation: index < 2 ? 0 : 0.3,
      reconstruction: 1,
    },
    training: { epochs: 100, batchSize: 32, learningRate: 0.001, metric: 'MAE' },
  };
}

export function search(): SearchResult {
  const draw = generator(11);
  const trials: Trial[] = Array.from({ length: 40 }, (_, trial) => {
    const rate = 10 ** (-4 + 2 * draw());
    const dropout = 0.5 * draw();
    const state = trial % 9 === 4 ? 'failed' : draw() < 0.35 ? 'halved' : 'finished';
    const score =
      0.93 + 0.05 * (Math.log10(rate) + 3) ** 2 + 0.1 * (dropout - 0.3) ** 2 + 0.02 * draw();
    return {
      trial,
      values: {
        'training.learningRate': rate,
        'model.dropout': dropout,
        'model.hidden': [64, 128, 256][Math.floor(3 * draw())],
        'prediction.on': draw() < 0.5 ? 'all' : 'clean',
      },
      score: state === 'failed' ? null : score + (state === 'halved' ? 0.05 : 0),
      epochs: state === 'finished' ? 40 : 8,
      seconds: 12 * draw() + 2,
      state,
      ...(state === 'failed' ? { message: 'the loss became NaN' } : {}),
    };
  });
  const best = trials.reduce((a, b) => ((b.score ?? 9) < (a.score ?? 9) ? b : a)).trial;
  return {
    kind: 'search',
    dataset: 'data/made-up',
    method: 'cmir',
    metric: 'MAE',
    direction: 'lower',
    trials,
    best,
    options: { training: { learningRate: 0.00112 }, model: { dropout: 0.31, hidden: 128 } },
    seeds: [1, 2, 3, 4, 5].map((seed) => ({ seed, score: 0.938 + 0.004 * Math.sin(seed) })),
    seconds: 415.2,
    provenance: { ...PROVENANCE, command: 'cmir search mosi --trials 40' },
  };
}

export function probes(): ProbeRow[] {
  return ['fusion', 'cmir'].flatMap((method, m) =>
    (['invariant', 'spurious'] as const).flatMap((code, c) =>
      ['label', 'environment', 'causal', 'spurious'].map((target, t) => ({
        method,
        code,
        target,
        probe: 0.95 - 0.1 * t - 0.2 * c * m,
        explained: target === 'environment' ? null : 0.8 / (1 + t + c + m),
      })),
    ),
  );
}

export function sensitivity(): SensitivityRow[] {
  const settings: Readonly<Record<string, readonly number[]>> = {
    'weights.invariance': [0.1, 0.3, 1, 3, 10],
    'environments.count': [1, 2, 3, 4, 5],
    'environments.intensity': [0.2, 0.5, 1, 1.5],
  };
  return Object.entries(settings).flatMap(([key, values]) =>
    values.flatMap((value, i) =>
      ['clean', 'gaussian:0.7'].map((set, s) => ({
        key,
        value,
        set,
        metric: 'MAE',
        mean: 0.94 + 0.06 * s + 0.01 * (i - 2) ** 2,
        std: 0.006,
        values: [0.94, 0.95, 0.93],
      })),
    ),
  );
}

/** Writes results into a folder as the commands do. */
export function writeResults(folder: string, files: Readonly<Record<string, unknown>>): string {
  mkdirSync(folder, { recursive: true });
  for (const [name, content] of Object.entries(files)) {
    writeFileSync(join(folder, name), JSON.stringify(content));
  }
  return folder;
}
