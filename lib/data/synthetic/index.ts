import { setImmediate } from 'node:timers/promises';

import { CmirError } from '../../errors';
import { Dataset, type Label } from '../dataset';
import {
  resolveSyntheticOptions,
  SYNTHETIC_SPLITS,
  type Model,
  type SyntheticOptions,
} from './options';
import { normalCuts } from './quantiles';
import { SplitSource, type Block, type Extent, type Target } from './source';

export type { SequenceLength, SyntheticOptions } from './options';

/**
 * Draws from a structural causal model in which a shortcut is easier to find than the cause:
 *
 *     c ~ N(0, I)                             causal factors
 *     y = (c . w + a e) / sqrt(1 + a^2)       label, |w| = 1, e ~ N(0, 1), a = labelNoise
 *     s = r y + sqrt(1 - r^2) N(0, I)         spurious factors; r becomes shiftedCorrelation in `shifted`
 *     x_m = c A_m + b s B_m + noise N(0, I)   features, b = spuriousScale
 *     x_mt = x_m + frameNoise (n_t - mean n)  frames of a sequence, n_t ~ N(0, I): their mean is x_m
 *
 * A_m and B_m are Gaussian matrices scaled by 1 / sqrt(number of factors). Classes are the parts of equal probability
 * into which N(0, 1), the distribution of y, is cut. What an example lacks is NaN, or a sequence of length 0. The true
 * factors are kept in `factors.causal` and `factors.spurious`. Every part has its own stream of draws, keyed by the
 * seed, so that changing one size or strength leaves the draws of the other parts as they were.
 * Throws ERR_CMIR_CONFIG that names an option that is unknown or out of range.
 */
export function syntheticDataset(options: SyntheticOptions = {}): Dataset {
  const model = resolveSyntheticOptions(options);
  return fill(
    model,
    sourcesOf(model).map((source) => source.next(model[source.split])),
  );
}

/** Examples of a chunk unless asked for otherwise. */
const CHUNK = 4096;

/**
 * The same examples in the same order, at most `examples` at a time and all of one split, for what is written out and
 * need not fit into memory.
 */
export async function* syntheticChunks(
  options: SyntheticOptions = {},
  { examples = CHUNK }: { readonly examples?: number } = {},
): AsyncGenerator<Dataset> {
  const model = resolveSyntheticOptions(options);
  if (!Number.isSafeInteger(examples) || examples < 1) {
    throw new CmirError(
      'ERR_CMIR_CONFIG',
      `synthetic.examples: found ${String(examples)}, expected an integer from 1`,
    );
  }
  for (const source of sourcesOf(model)) {
    for (let left = model[source.split]; left > 0; left -= examples) {
      yield fill(model, [source.next(Math.min(examples, left))]);
      // Whoever writes the chunk may be busy with it; others want their turn too.
      await setImmediate();
    }
  }
}

function sourcesOf(model: Model): SplitSource[] {
  return SYNTHETIC_SPLITS.filter((split) => model[split] > 0).map(
    (split) => new SplitSource(model, split),
  );
}

/** Draws the values of blocks into one data set, whose arrays have just the size they need. */
function fill(model: Model, blocks: readonly Block[]): Dataset {
  const target = allocate(model, blocks);
  const ids: string[] = [];
  const splits = new Map<string, Int32Array>();
  const rows = model.modalities.map(() => 0);
  for (const block of blocks) {
    const { split, size, first, extents } = block;
    const begin = ids.length;
    block.fill(targetFrom(model, target, begin, rows));
    extents.forEach((extent, m) => {
      rows[m] = (rows[m] as number) + extent.rows;
    });
    splits.set(
      split,
      Int32Array.from({ length: size }, (_, row) => begin + row),
    );
    for (let row = first + 1; row <= first + size; row += 1) {
      ids.push(`${split}-${String(row).padStart(4, '0')}`);
    }
  }
  const { labels, causal, spurious, values } = target;
  return new Dataset({
    name: 'synthetic',
    ids,
    modalities: model.modalities.map(({ name, features, frames, missing }, m) => ({
      name,
      features,
      values: values[m] as Float32Array,
      ...(frames === null ? {} : { offsets: offsetsOf(blocks, m) }),
      ...(frames === null && missing > 0 ? { nanIsMissing: true } : {}),
    })),
    label: labelOf(model, labels),
    splits,
    factors: {
      causal: { width: model.causal, values: causal },
      spurious: { width: model.spurious, values: spurious },
    },
  });
}

function allocate(model: Model, blocks: readonly Block[]): Target {
  const size = blocks.reduce((sum, block) => sum + block.size, 0);
  return {
    labels: new Float32Array(size),
    causal: new Float32Array(size * model.causal),
    spurious: new Float32Array(size * model.spurious),
    values: model.modalities.map(({ features }, m) => {
      const rows = blocks.reduce((sum, { extents }) => sum + (extents[m] as Extent).rows, 0);
      return new Float32Array(rows * features);
    }),
  };
}

/** What is behind the first `examples`, which have so many `rows` by modality. */
function targetFrom(
  { causal, spurious, modalities }: Model,
  target: Target,
  examples: number,
  rows: readonly number[],
): Target {
  return {
    labels: target.labels.subarray(examples),
    causal: target.causal.subarray(examples * causal),
    spurious: target.spurious.subarray(examples * spurious),
    values: modalities.map(({ features }, m) =>
      (target.values[m] as Float32Array).subarray((rows[m] as number) * features),
    ),
  };
}

function offsetsOf(blocks: readonly Block[], modality: number): Float64Array {
  const size = blocks.reduce((sum, block) => sum + block.size, 0);
  const offsets = new Float64Array(size + 1);
  let example = 0;
  for (const { extents } of blocks) {
    for (const length of (extents[modality] as Extent).lengths ?? []) {
      offsets[example + 1] = (offsets[example] as number) + length;
      example += 1;
    }
  }
  return offsets;
}

function labelOf({ classes }: Model, values: Float32Array): Label {
  if (classes === 0) return { name: 'label', task: 'regression', values };
  const cuts = normalCuts(classes);
  return {
    name: 'label',
    task: 'classification',
    values: values.map((value) => cuts.filter((cut) => cut <= value).length),
    classes: Array.from({ length: classes }, (_, index) => String(index)),
  };
}
