import { resolveConfig, setOption, type Options } from '../config';
import { CmirError, throwIfAborted } from '../errors';
import type { ResultRow, SensitivityRow } from './results';

/** Values that one setting takes, all others as in the base. */
export interface SensitivitySetting {
  /** Dotted configuration key of a number. */
  readonly key: string;
  /** What the key is set to, in turn. */
  readonly values: readonly number[];
}

/** The weights of the constraints, K, and the intensity of the first environment. */
export const SENSITIVITY_SETTINGS: readonly SensitivitySetting[] = [
  { key: 'weights.invariance', values: [0, 0.5, 1, 2, 4, 8] },
  { key: 'weights.decorrelation', values: [0, 0.1, 0.3, 1, 3] },
  { key: 'weights.reconstruction', values: [0, 0.3, 1, 3] },
  { key: 'environments.count', values: [1, 2, 3, 5, 8] },
  { key: 'environments.intensity', values: [0.1, 0.3, 0.6, 1, 1.5] },
];

/** A metric on one test set at one setting. */
export type SensitivityResult = Pick<ResultRow, 'set' | 'metric' | 'mean' | 'std' | 'values'>;

/** What `sensitivity` varies, and how a setting is evaluated. */
export interface SensitivityOptions {
  /** The configuration that one key at a time is changed in. */
  readonly base: Options;
  /** Default SENSITIVITY_SETTINGS. */
  readonly settings?: readonly SensitivitySetting[];
  /** Trains and evaluates one configuration with several seeds: a row for every test set and metric. */
  readonly evaluate: (options: Options) => Promise<readonly SensitivityResult[]>;
  /** After each value, with its rows. */
  readonly onRows?: (rows: readonly SensitivityRow[]) => void;
  /** Stops between settings, with ERR_CMIR_ABORTED. */
  readonly signal?: AbortSignal;
}

/**
 * How metrics answer to one setting at a time, in the order of the settings and their values. Values that make the
 * same configuration, such as that of the base under several keys, are evaluated once.
 *
 * Every configuration is checked before the first is evaluated: ERR_CMIR_CONFIG for a key that does not exist or a
 * value that it cannot take, ERR_CMIR_USAGE for a setting without values, and for a key of the ladder of environments
 * where the base lists them.
 */
export async function sensitivity({
  base,
  settings = SENSITIVITY_SETTINGS,
  evaluate,
  onRows,
  signal,
}: SensitivityOptions): Promise<SensitivityRow[]> {
  const points = settings.flatMap(({ key, values }) => {
    checkSetting(base, key, values);
    return values.map((value) => ({ key, value, options: withValue(base, key, value) }));
  });
  const known = new Map<string, readonly SensitivityResult[]>();
  const rows: SensitivityRow[] = [];
  for (const { key, value, options } of points) {
    throwIfAborted(signal);
    const identity = JSON.stringify(resolveConfig(options));
    const results = known.get(identity) ?? (await evaluate(options));
    known.set(identity, results);
    const own = results.map(({ set, metric, mean, std, values }): SensitivityRow => ({
      key,
      value,
      set,
      metric,
      mean,
      std,
      values,
    }));
    rows.push(...own);
    onRows?.(own);
  }
  return rows;
}

/** A copy of the base with one value in place of its own. Throws where the result is no configuration. */
function withValue(base: Options, key: string, value: number): Options {
  const options = structuredClone(base);
  setOption(options, key, JSON.stringify(value));
  try {
    resolveConfig(options);
  } catch (cause) {
    if (!(cause instanceof CmirError)) throw cause;
    throw new CmirError(cause.code, `${key} = ${String(value)}: ${cause.message}`, { cause });
  }
  return options;
}

function checkSetting(base: Options, key: string, values: readonly number[]): void {
  if (values.length === 0) {
    throw new CmirError('ERR_CMIR_USAGE', `${key}: found no values, expected at least one`);
  }
  const [group, inner] = key.split('.');
  if (group === 'environments' && inner !== undefined && Array.isArray(base.environments)) {
    throw new CmirError(
      'ERR_CMIR_USAGE',
      `${key}: the base lists its environments one by one, so that they have no such setting; ` +
        'write them as { count, intensity, kind }, or leave the setting out',
    );
  }
}
