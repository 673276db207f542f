import type { RandomGenerator } from 'pure-rand/types/RandomGenerator';

import { CmirError } from '../../errors';
import type { Dataset } from '../dataset';
import { groupsOf } from '../groups';
import { exampleKey } from '../keys';
import { keyedGenerator } from '../random';
import { mergeRows } from '../rows';
import { SPLIT_NAMES, type SplitName } from '../splits';
import { deal, dealGroups } from './deal';
import {
  resolveSplitOptions,
  type Resolved,
  type ResolvedSplitOptions,
  type SplitMethod,
  type SplitOptions,
} from './options';
import { summarizeSplits, type SplitSummaries } from './report';
import { stratifiedOrder } from './strata';
import { splitByWords, type WordsReport } from './words';

export type {
  FoldSplitOptions,
  GroupSplitOptions,
  RandomSplitOptions,
  SplitMethod,
  SplitOptions,
  WordSplitOptions,
} from './options';
export type { ConstantScore, SplitSummaries, SplitSummary } from './report';
export type { WordsReport } from './words';
export type { ProbeScores } from './words/probe';

/** What splits are like. */
export interface SplitReport {
  /** The method that made them. */
  readonly by: SplitMethod;
  /** Of all draws. */
  readonly seed: number;
  /** By the split's name. */
  readonly splits: SplitSummaries;
  /** Number of groups, where no group may be in two splits. */
  readonly groups?: number;
  /** Of a split by words. */
  readonly words?: WordsReport;
}

/** What `splitDataset` returns. */
export interface SplitDataset {
  /** The same data with other splits. */
  readonly dataset: Dataset;
  /** What the new splits are like. */
  readonly report: SplitReport;
}

/**
 * Splits a data set anew; the features stay as they are, and where they are. All but `words` split all examples,
 * whatever their split was; `words` takes a shifted set out of those there are. The same seed gives the same splits.
 * Throws ERR_CMIR_CONFIG that names an option, ERR_CMIR_DATA for data that cannot be split so.
 */
export function splitDataset(dataset: Dataset, options: SplitOptions): SplitDataset {
  const resolved = resolveSplitOptions(options);
  const { by, seed } = resolved;
  const { splits, ...told } = divide(dataset, resolved);
  const inOrder = SPLIT_NAMES.flatMap((name) => {
    const rows = splits.get(name);
    return rows === undefined ? [] : [[name, rows] as const];
  });
  const divided = dataset.with({ splits: new Map(inOrder) });
  return { dataset: divided, report: { by, seed, splits: summarizeSplits(divided), ...told } };
}

interface Divided {
  readonly splits: ReadonlyMap<string, Int32Array>;
  readonly groups?: number;
  readonly words?: WordsReport;
}

function divide(dataset: Dataset, options: ResolvedSplitOptions): Divided {
  switch (options.by) {
    case 'random':
      return byLabel(dataset, partsOf(options.fractions), options);
    case 'group':
      return byGroup(dataset, partsOf(options.fractions), options.group, options.seed);
    case 'kfold':
      return options.group === null
        ? byLabel(dataset, foldsOf(options), options)
        : byGroup(dataset, foldsOf(options), options.group, options.seed);
    case 'words': {
      const { splits, report } = splitByWords(dataset, options);
      return { splits, words: report };
    }
  }
}

/** A part of the examples and the split it goes to; several may go to one. */
interface Part {
  readonly split: SplitName;
  readonly share: number;
}

function partsOf(fractions: Partial<Record<SplitName, number>>): Part[] {
  return SPLIT_NAMES.map((split) => ({ split, share: fractions[split] ?? 0 }));
}

/** What each fold is; which examples are in it does not depend on `fold`. */
function foldsOf({ k, fold }: Resolved<'kfold'>): Part[] {
  const splitOf = (index: number): SplitName =>
    index === fold - 1 ? 'test' : index === fold % k ? 'valid' : 'train';
  return Array.from({ length: k }, (_, index) => ({ split: splitOf(index), share: 1 / k }));
}

function generatorOf(seed: number): RandomGenerator {
  return keyedGenerator(seed, exampleKey('split'));
}

function byLabel(
  { name, size, label }: Dataset,
  parts: readonly Part[],
  { seed, stratify, bins }: { seed: number; stratify: boolean; bins: number },
): Divided {
  const order = stratifiedOrder(size, stratify ? label : null, bins, generatorOf(seed));
  const rows = deal(
    order,
    parts.map(({ share }) => share),
  );
  return { splits: join(name, parts, rows, `${String(size)} examples`) };
}

function byGroup(dataset: Dataset, parts: readonly Part[], column: string, seed: number): Divided {
  const groupOf = groupsOf(dataset, column);
  const groups = new Set(groupOf).size;
  const shares = parts.map(({ share }) => share);
  const rows = dealGroups(groupOf, shares, generatorOf(seed));
  return {
    splits: join(dataset.name, parts, rows, `${String(groups)} groups of ${column}`),
    groups,
  };
}

/** Row numbers by split, in the order of the source. Throws ERR_CMIR_DATA for a part that ought to have some. */
function join(
  source: string,
  parts: readonly Part[],
  rows: readonly Int32Array[],
  units: string,
): Map<string, Int32Array> {
  const splits = new Map<string, Int32Array>();
  parts.forEach(({ split, share }, part) => {
    const members = rows[part] as Int32Array;
    if (share > 0 && members.length === 0) {
      throw new CmirError(
        'ERR_CMIR_DATA',
        `${source}: found ${units}, too few for a share of ${share.toPrecision(2)} in ${split}, expected more of them, ` +
          'or a larger share',
      );
    }
    if (members.length === 0) return;
    splits.set(split, mergeRows(splits.get(split) ?? new Int32Array(0), members));
  });
  return splits;
}
