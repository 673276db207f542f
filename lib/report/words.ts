import type { EvaluationSet } from '../experiments/results';
import { listText } from './format';

interface Kind {
  readonly title: string;
  /** What the level is, as an axis says it. */
  readonly axis: string;
  /** What happens at a level. */
  readonly says: (level: number) => string;
}

const percent = (level: number): string => `${String(Number((100 * level).toPrecision(6)))}\u00a0%`;

/** The kinds of noise in words, in the order of the page. */
const KINDS: Readonly<Record<string, Kind>> = {
  gaussian: {
    title: 'Gaussian noise',
    axis: 'noise, in standard deviations of a feature',
    says: (level) =>
      `normal noise of ${String(level)} times a feature’s own spread is added to every feature`,
  },
  laplace: {
    title: 'Laplace noise',
    axis: 'noise, in standard deviations of a feature',
    says: (level) =>
      `noise of ${String(level)} times a feature’s own spread, with rarer and larger shocks than normal noise`,
  },
  erase: {
    title: 'Erased values',
    axis: 'share of values erased',
    says: (level) => `${percent(level)} of all values are replaced by their feature’s mean`,
  },
  replace: {
    title: 'Replaced time steps',
    axis: 'share of time steps replaced',
    says: (level) => `${percent(level)} of all time steps are replaced by random ones`,
  },
  frame: {
    title: 'Missing time steps',
    axis: 'share of time steps missing',
    says: (level) => `${percent(level)} of all time steps are missing, here and there`,
  },
  block: {
    title: 'A missing stretch',
    axis: 'share of time steps missing, in one stretch',
    says: (level) => `one stretch of ${percent(level)} of the time steps is missing`,
  },
  modality: {
    title: 'Missing modalities',
    axis: 'probability that a modality is missing',
    says: (level) =>
      level >= 1
        ? 'the modality is missing altogether'
        : `a modality is missing with a probability of ${percent(level)}`,
  },
  drop: {
    title: 'Dropped modalities',
    axis: 'probability that a modality is missing',
    says: (level) =>
      `a modality is missing with a probability of ${percent(level)}, but never all of them`,
  },
};

function kindOf(kind: string): Kind {
  return (
    KINDS[kind] ?? {
      title: kind,
      axis: `level of ${kind}`,
      says: (level) => `${kind} noise of level ${String(level)}`,
    }
  );
}

/** Kinds in the order of the page, unknown ones last. */
export function inOrder(kinds: readonly string[]): string[] {
  const known = Object.keys(KINDS);
  const rank = (kind: string): number => (known.includes(kind) ? known.indexOf(kind) : Infinity);
  return [...kinds].sort((a, b) => {
    const [first, second] = [rank(a), rank(b)];
    return first === second ? 0 : first - second;
  });
}

export function kindTitle(kind: string): string {
  return kindOf(kind).title;
}

export function kindAxis(kind: string): string {
  return kindOf(kind).axis;
}

/** What a test set is, in a sentence without its end. */
export function describeSet({ name, split, noise }: EvaluationSet): string {
  if (noise !== null) {
    const says = kindOf(noise.kind).says(noise.level);
    if (noise.modalities === null) return says;
    const on = listText(noise.modalities);
    return noise.kind === 'modality' && noise.level >= 1
      ? `${on} ${noise.modalities.length > 1 ? 'are' : 'is'} missing altogether`
      : `${says}, in ${on} alone`;
  }
  if (name === 'clean') return 'the test data as they are';
  if (split === 'shifted') {
    return 'test data whose misleading correlations are not those of the training data';
  }
  return `the split ${split} as it is`;
}

/** A test set in a few words, for axes and sentences. */
export function shortSet({ name, split, noise }: EvaluationSet): string {
  if (noise === null) return name === 'clean' ? 'clean test data' : `${split} data`;
  const amount = ['gaussian', 'laplace'].includes(noise.kind)
    ? String(noise.level)
    : percent(noise.level);
  const on = noise.modalities === null ? '' : ` (${noise.modalities.join(', ')})`;
  return `${kindOf(noise.kind).title} ${amount}${on}`;
}
