import { environmentList, resolveConfig, type Environment } from '../../config';
import type { Dataset, Split } from '../../data/dataset';
import { syntheticDataset, type SyntheticOptions } from '../../data/synthetic';
import { CmirError, throwIfAborted } from '../../errors';
import type { Model } from '../../training/model';
import type { Noise } from '../../training/noise';
import type { ProbeRow } from '../results';
import { encodeSplit, selections, type CodesOf } from './codes';
import { explainedShares } from './explained';
import { joinColumns, oneHot, sliceColumns, stackRows, type Matrix } from './matrix';
import { fitRidge, predictRidge } from './ridge';
import { accuracy, meanR2 } from './scores';
import { targetsOf, type Target } from './targets';

/** What `probeModel` fits and scores. */
export interface ProbeOptions {
  /** Name of the method in the rows. Default model. */
  readonly method?: string;
  /** Split that probes are fitted on. Default train. */
  readonly fit?: string;
  /** Split that they are scored on. Default test. */
  readonly score?: string;
  /** Examples that explained shares are computed on, maybe of another data set: see independentFactors. Default `score`. */
  readonly shares?: Split;
  /**
   * Noisy environments that the probe of the environment tells from each other and from the clean one; compare
   * methods with the same. Default the ladder that the configuration has by default.
   */
  readonly environments?: readonly Environment[];
  /** Key of the noise: environment e draws with seed + e. Default 0. */
  readonly seed?: number;
  /** Rows of each modality's codes too, after those of all side by side. Default false. */
  readonly each?: boolean;
  /** Stops the work; the promise rejects with ERR_CMIR_ABORTED. */
  readonly signal?: AbortSignal;
}

/**
 * What the codes of a model tell of the label, of the environment that they come from and, where the data set has
 * them, of its true factors: a row for both parts of the codes and each of these, invariant first.
 *
 * `probe`: a ridge regression in float64 on standardised codes (see fitRidge), fitted on one split and scored on
 * another: R^2 for numbers, of several factors the mean; accuracy for classes, one column a class. For the environment
 * every example is encoded clean and in each noisy environment. A linear probe finds even a residue of almost no
 * variance, so that it tells what is there, not how much.
 *
 * `explained`: how much. The share of the codes' variance that the label explains, and of each group of factors what
 * it adds to the groups before it (see explainedShares); null for the environment.
 *
 * Throws ERR_CMIR_DATA for a split that is not there or has no examples, ERR_CMIR_CONFIG for an impossible environment,
 * and what Model.encode throws.
 */
export async function probeModel(
  model: Model,
  dataset: Dataset,
  options: ProbeOptions = {},
): Promise<ProbeRow[]> {
  const { method = 'model', seed = 0, each = false, signal } = options;
  const noisy = checkEnvironments(options.environments);
  const [fit, score] = [options.fit ?? 'train', options.score ?? 'test'].map((name) =>
    filled(dataset.split(name)),
  ) as [Split, Split];
  const shares = options.shares === undefined ? score : filled(options.shares);

  const encode = (split: Split, noise?: Noise): Promise<CodesOf> =>
    encodeSplit(model, split, { ...(noise && { noise }), ...(signal && { signal }) });
  const encodeAll = async (split: Split): Promise<CodesOf[]> => {
    const codes = [await encode(split)];
    for (const [e, environment] of noisy.entries()) {
      codes.push(await encode(split, { ...environment, seed: seed + e + 1 }));
    }
    return codes;
  };
  const codes = [await encodeAll(fit), await encodeAll(score)] as const;
  const shared = await encode(shares);
  const targets = [targetsOf(fit), targetsOf(score)] as const;

  const rows: ProbeRow[] = [];
  for (const selection of selections(model, each)) {
    throwIfAborted(signal);
    const [fitted, scored] = codes.map((all) => all.map((of) => of(selection))) as [
      Matrix[],
      Matrix[],
    ];
    const clean = [fitted[0] as Matrix, scored[0] as Matrix] as const;
    const probes = [
      ...(await probe(clean, targets)),
      ...(await probe(
        [stackRows(fitted), stackRows(scored)],
        [[environmentTarget(fitted)], [environmentTarget(scored)]],
      )),
    ];
    const explained = explainedBy(shared(selection), targetsOf(shares));
    const { part, modality } = selection;
    for (const { name, score: found } of probes) {
      rows.push({
        method,
        code: part,
        ...(modality !== null && { modality }),
        target: name,
        probe: found,
        explained: explained.get(name) ?? null,
      });
    }
  }
  return rows;
}

/**
 * Examples of the synthetic model in which the spurious factors are independent of the label and the causal ones, as
 * if they had been set by hand: `shares` of probeModel are then unambiguous. `options` are those of the data set that
 * the model was trained on, so that features are mixed alike; none of the examples was in it.
 */
export function independentFactors(options: SyntheticOptions = {}): Split {
  const sizes = { train: 2, valid: 0, test: 0 };
  return syntheticDataset({ ...options, ...sizes, shiftedCorrelation: 0 }).split('shifted');
}

/** The mean of each row over several models of one method, such as those of its seeds; nulls are left out. */
export function meanProbes(models: readonly (readonly ProbeRow[])[]): ProbeRow[] {
  const mean = (values: readonly (number | null | undefined)[]): number | null => {
    const known = values.filter((value) => typeof value === 'number');
    return known.length === 0 ? null : known.reduce((a, b) => a + b, 0) / known.length;
  };
  return (models[0] ?? []).map((row, i) => ({
    ...row,
    probe: mean(models.map((rows) => rows[i]?.probe)),
    explained: mean(models.map((rows) => rows[i]?.explained)),
  }));
}

/** Fits all targets at once on the first of each pair and scores them on the second. */
async function probe(
  [fit, held]: readonly [Matrix, Matrix],
  [known, wanted]: readonly [readonly Target[], readonly Target[]],
): Promise<{ name: string; score: number | null }[]> {
  if (known.length === 0) return [];
  const ridge = await fitRidge(fit, joinColumns(known.map(({ values }) => values)));
  const predictions = predictRidge(ridge, held);
  let at = 0;
  return wanted.map(({ name, kind, values }) => {
    const own = sliceColumns(predictions, at, values.columns);
    at += values.columns;
    return { name, score: kind === 'classes' ? accuracy(own, values) : meanR2(own, values) };
  });
}

/** Shares by target: the label on its own, the groups of factors one after another. */
function explainedBy(codes: Matrix, targets: readonly Target[]): Map<string, number | null> {
  const share = (own: readonly Target[]): [string, number | null][] => {
    const shares = explainedShares(
      codes,
      own.map(({ values }) => values),
    );
    return own.map(({ name }, i) => [name, shares[i] ?? null]);
  };
  return new Map([
    ...share(targets.filter(({ factor }) => !factor)),
    ...share(targets.filter(({ factor }) => factor)),
  ]);
}

/** The number of the environment, of codes that are stacked environment by environment. */
function environmentTarget(codes: readonly Matrix[]): Target {
  const classes = codes.flatMap(({ rows }, e) => new Array<number>(rows).fill(e));
  const values = oneHot(classes, codes.length);
  return { name: 'environment', kind: 'classes', factor: false, values };
}

function checkEnvironments(environments: readonly Environment[] | undefined): Environment[] {
  const weights = { invariance: 0, decorrelation: 0, reconstruction: 0 };
  const config = resolveConfig(
    environments === undefined ? {} : { environments: [...environments], weights },
  );
  return environmentList(config.environments);
}

function filled(split: Split): Split {
  if (split.rows.length > 0) return split;
  throw new CmirError(
    'ERR_CMIR_DATA',
    `${split.dataset.name}: split '${split.name}' is empty; probes need examples to fit and to score on`,
  );
}
