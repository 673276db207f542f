import { listNames } from '../cells';
import type { Dataset } from '../dataset';
import { findVideos } from '../groups';
import type { Inspection } from './inspection';

type Facts = Omit<Inspection, 'warnings'>;

/** Fewer examples than this in a split make its metrics a matter of luck. */
const FEW_EXAMPLES = 50;
/** A class rarer than this share of the most frequent one is rare. */
const RARE = 0.1;
/** One value of a quantity in more than this share of the examples is most of what there is to learn. */
const CONCENTRATED = 0.5;
/** A mean of the label that differs so much from that of train, in its deviations, is another distribution. */
const SHIFTED_MEAN = 0.25;
/** So is a class whose share differs so much. */
const SHIFTED_SHARE = 0.1;
/** Standard errors within which a difference may be chance. */
const CHANCE = 3;

/** What may be wrong with a data set, each with what to do about it. `hashes` are those of its examples. */
export function warningsOf(dataset: Dataset, facts: Facts, hashes: Uint32Array): string[] {
  return [
    ...splitWarnings(facts),
    ...Object.entries(facts.modalities).flatMap(([name, modality]) =>
      modalityWarnings(name, modality, facts.examples),
    ),
    ...labelWarnings(dataset, facts),
    ...videoWarnings(dataset),
    ...copyWarnings(dataset, hashes),
  ];
}

function splitWarnings({ splits }: Facts): string[] {
  const absent = ['train', 'valid', 'test'].filter((name) => splits[name] === undefined);
  const few = Object.entries(splits).filter(([, count]) => count < FEW_EXAMPLES);
  return [
    ...(absent.length > 0
      ? [
          `no split ${listNames(absent)}: training needs train and valid; make them with cmir data split`,
        ]
      : []),
    ...few.map(
      ([name, count]) =>
        `${name} has ${plural(count, 'example')}: too few for its metrics to mean much; use several seeds, or k folds`,
    ),
  ];
}

function modalityWarnings(
  name: string,
  facts: Facts['modalities'][string],
  examples: number,
): string[] {
  const { constant_features: constant, duplicated_features: duplicated, missing } = facts;
  return [
    ...(facts.non_finite > 0
      ? [
          `${name}: ${plural(facts.non_finite, 'value')} NaN or infinite; mend the features, or set data.nonFinite to mean`,
        ]
      : []),
    ...(missing > 0
      ? [
          `${name}: missing for ${plural(missing, 'example')} (${percent(missing / examples)}), where it counts as the ` +
            'training mean; environments of kind drop train for that',
        ]
      : []),
    ...(constant.length > 0
      ? [
          `${name}: ${plural(constant.length, 'constant feature')} (${listNames(constant)}), of no use; leave out what ` +
            'never changes',
        ]
      : []),
    ...(duplicated.length > 0
      ? [
          `${name}: ${plural(duplicated.length, 'feature')} the same as another ` +
            `(${listNames(duplicated.map(([a, b]) => `${a} = ${b}`))}), which counts it twice; leave one out`,
        ]
      : []),
  ];
}

function labelWarnings({ label, splits }: Dataset, facts: Facts): string[] {
  if (label === null || facts.label === null) {
    return ['no labels: enough to predict, not to train; name a column with --set data.label=...'];
  }
  return label.classes === undefined
    ? [...concentrationWarnings(label.values), ...shiftWarnings(label.values, splits)]
    : [...classWarnings(facts.label), ...classShiftWarnings(label.values, label.classes, splits)];
}

function concentrationWarnings(values: Float32Array): string[] {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts]
    .filter(([, count]) => count > CONCENTRATED * values.length)
    .map(
      ([value, count]) =>
        `the label is ${String(value)} in ${percent(count / values.length)} of the examples: a constant scores well; ` +
        'compare every score with the constant that training prints beside it',
    );
}

function classWarnings({ histogram }: NonNullable<Facts['label']>): string[] {
  const most = Math.max(...histogram.map(({ count }) => count));
  const rare = histogram.flatMap((bar) =>
    'class' in bar && bar.count < RARE * most ? [`${bar.class} (${String(bar.count)})`] : [],
  );
  if (rare.length === 0) return [];
  return [
    `rare classes: ${listNames(rare)}, beside ${String(most)} of the most frequent; read Macro_F1_score, and mind that ` +
      'accuracy may only count the frequent ones',
  ];
}

function shiftWarnings(values: Float32Array, splits: Dataset['splits']): string[] {
  const train = splits.get('train');
  if (train === undefined || train.length < 2) return [];
  const { mean, deviation } = momentsOf(values, train);
  return [...splits].flatMap(([name, rows]) => {
    if (name === 'train' || name === 'shifted' || rows.length === 0) return [];
    const other = momentsOf(values, rows).mean;
    const difference = Math.abs(other - mean) / deviation;
    if (!(difference > Math.max(SHIFTED_MEAN, chance(train.length, rows.length)))) return [];
    return [
      `the label's mean is ${other.toFixed(2)} in ${name} and ${mean.toFixed(2)} in train: another distribution; ` +
        'split again by random, or call it shifted',
    ];
  });
}

/** How far chance may put the means of m and n values with deviation 1 apart. */
function chance(m: number, n: number): number {
  return CHANCE * Math.sqrt(1 / m + 1 / n);
}

/** The class whose share in a split differs most from that in train, where chance does not explain it. */
function classShiftWarnings(
  values: Float32Array,
  classes: readonly string[],
  splits: Dataset['splits'],
): string[] {
  const train = splits.get('train');
  if (train === undefined) return [];
  const expected = sharesOf(values, classes, train);
  return [...splits].flatMap(([name, rows]) => {
    if (name === 'train' || name === 'shifted' || rows.length === 0) return [];
    const found = sharesOf(values, classes, rows);
    const apart = found.map((share, index) => Math.abs(share - (expected[index] as number)));
    const most = apart.indexOf(Math.max(...apart));
    const [here, there] = [found[most] as number, expected[most] as number];
    const common = (here * rows.length + there * train.length) / (rows.length + train.length);
    const noise = Math.sqrt(common * (1 - common)) * chance(train.length, rows.length);
    if (!((apart[most] as number) > Math.max(SHIFTED_SHARE, noise))) return [];
    return [
      `class ${classes[most] as string} is ${percent(here)} of ${name} and ${percent(there)} of train: another ` +
        'distribution; split again by random, or call it shifted',
    ];
  });
}

function sharesOf(values: Float32Array, classes: readonly string[], rows: Int32Array): number[] {
  const counts = new Float64Array(classes.length);
  for (const row of rows) {
    const index = values[row] as number;
    counts[index] = (counts[index] as number) + 1;
  }
  return Array.from(counts, (count) => count / rows.length);
}

function momentsOf(values: Float32Array, rows: Int32Array): { mean: number; deviation: number } {
  let [sum, squares] = [0, 0];
  for (const row of rows) sum += values[row] as number;
  const mean = sum / rows.length;
  for (const row of rows) squares += ((values[row] as number) - mean) ** 2;
  return { mean, deviation: Math.sqrt(squares / rows.length) };
}

function videoWarnings(dataset: Dataset): string[] {
  const videos = findVideos(dataset);
  if (videos === null) return [];
  const splitsOf = new Map<string, Set<string>>();
  for (const [name, rows] of dataset.splits) {
    for (const row of rows) {
      const video = videos[row] as string;
      splitsOf.set(video, (splitsOf.get(video) ?? new Set()).add(name));
    }
  }
  const shared = [...splitsOf].filter(([, names]) => names.size > 1).map(([video]) => video);
  if (shared.length === 0) return [];
  return [
    `${plural(shared.length, 'video')} in more than one split (${listNames(shared.slice(0, 5))}${shared.length > 5 ? ' ...' : ''}): ` +
      'scores will look better than they are; split with --by group',
  ];
}

function copyWarnings({ splits, size }: Dataset, hashes: Uint32Array): string[] {
  const seen = new Map<string, string>();
  let copies = 0;
  for (const [name, rows] of splits) {
    for (const row of rows) {
      const key = `${String(hashes[row])} ${String(hashes[size + row])}`;
      if (key === '0 0') continue; // It has nothing that could be the same.
      const first = seen.get(key);
      if (first !== undefined && first !== name) copies += 1;
      seen.set(key, first ?? name);
    }
  }
  if (copies === 0) return [];
  return [
    `${plural(copies, 'example')} with exactly the features of one in another split: the test is not new to the model; ` +
      'leave copies out',
  ];
}

function plural(count: number, noun: string): string {
  return `${String(count)} ${noun}${count === 1 ? '' : 's'}`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
