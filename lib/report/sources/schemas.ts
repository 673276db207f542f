import { z } from 'zod';

import type {
  Comparison,
  ProbeRow,
  SearchResult,
  SensitivityRow,
  Sweep,
} from '../../experiments/results';

/**
 * The forms of lib/experiments/results.ts as files are checked against them: a report must not stumble over a file
 * of another kind, or one that was cut off. Keys beyond these are let be.
 */

const number = z.number().nullable();
const numbers = z.array(number);
const texts = z.array(z.string());
const spread = { mean: number, std: number, values: numbers };

const resultRow = z.looseObject({
  method: z.string(),
  set: z.string(),
  metric: z.string(),
  ...spread,
  p: number,
  p_holm: number.optional(),
  p_wilcoxon: number.optional(),
  ci: z.tuple([z.number(), z.number()]).nullable().optional(),
});

const set = z.looseObject({
  name: z.string(),
  split: z.string(),
  noise: z
    .looseObject({ kind: z.string(), level: z.number(), modalities: texts.nullable() })
    .nullable(),
});

const area = z.looseObject({
  method: z.string(),
  kind: z.string(),
  modalities: z.string(),
  metric: z.string(),
  area: number,
  drop: number,
  worst: number,
  to: z.number(),
});

const provenance = z.looseObject({
  cmir: z.string(),
  libtorch: z.string(),
  node: z.string(),
  platform: z.string(),
  cpu: z.string(),
  threads: z.number(),
  date: z.string(),
  command: z.string().nullable(),
  data: z.string(),
});

const cost = z.looseObject({
  parameters: z.number(),
  inference_parameters: z.number(),
  training_flops_per_example: z.number(),
  inference_flops_per_example: z.number(),
  training_seconds: z.number(),
  epochs: z.number(),
  latency_1_ms: number,
  latency_128_ms: number,
});

const tables = {
  dataset: z.string(),
  methods: texts.min(1),
  sets: z.array(set),
  rows: z.array(resultRow),
  areas: z.array(area),
  provenance,
};

const comparison = z.looseObject({
  kind: z.literal('comparison'),
  ...tables,
  task: z.enum(['regression', 'classification']),
  seeds: z.array(z.number()),
  baselines: z.array(
    z.looseObject({ baseline: z.string(), set: z.string(), metric: z.string(), ...spread }),
  ),
  configs: z.record(z.string(), z.unknown()),
  runs: z.record(z.string(), texts),
  costs: z.record(z.string(), cost),
});

const sweep = z.looseObject({ kind: z.literal('sweep'), ...tables });

const search = z.looseObject({
  kind: z.literal('search'),
  dataset: z.string(),
  method: z.string(),
  metric: z.string(),
  direction: z.enum(['higher', 'lower']),
  trials: z.array(
    z.looseObject({
      trial: z.number(),
      values: z.record(z.string(), z.unknown()),
      score: number,
      epochs: z.number(),
      seconds: z.number(),
      state: z.enum(['finished', 'halved', 'failed']),
      message: z.string().optional(),
    }),
  ),
  best: z.number(),
  options: z.unknown(),
  seeds: z.array(z.looseObject({ seed: z.number(), score: number })),
  seconds: z.number(),
  provenance,
});

const probes = z.array(
  z.looseObject({
    method: z.string(),
    code: z.enum(['invariant', 'spurious']),
    modality: z.string().optional(),
    target: z.string(),
    probe: number,
    explained: number,
  }),
);

const sensitivity = z.array(
  z.looseObject({
    key: z.string(),
    value: z.number(),
    set: z.string(),
    metric: z.string(),
    ...spread,
  }),
);

/** Codes of one modality, or of all side by side where none is named. */
export type ProbeOfModality = ProbeRow & { readonly modality?: string };

/** What the files of a result folder hold. */
export interface ResultFiles {
  readonly comparison?: Comparison;
  readonly sweep?: Sweep;
  readonly search?: SearchResult;
  readonly probes?: readonly ProbeOfModality[];
  readonly sensitivity?: readonly SensitivityRow[];
}

export const RESULT_FILES: Readonly<
  Record<keyof ResultFiles, { file: string; schema: z.ZodType }>
> = {
  comparison: { file: 'compare.json', schema: comparison },
  sweep: { file: 'sweep.json', schema: sweep },
  search: { file: 'search.json', schema: search },
  probes: { file: 'probes.json', schema: probes },
  sensitivity: { file: 'sensitivity.json', schema: sensitivity },
};
