import type { Options } from '../config';

/** `over` laid on `base`: objects are merged key by key, everything else, lists too, is replaced. */
export function mergeOptions(base: Options, ...over: readonly Options[]): Options {
  return over.reduce<Options>((merged, next) => merge(merged, next) as Options, base);
}

function merge(base: unknown, over: unknown): unknown {
  if (!isPlain(base) || !isPlain(over)) return over;
  const merged = { ...base };
  for (const [key, value] of Object.entries(over)) {
    if (value !== undefined) merged[key] = merge(base[key], value);
  }
  return merged;
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Options of dotted keys with their values, as `--set` would make them. */
export function nestedOptions(values: Readonly<Record<string, unknown>>): Options {
  return Object.entries(values).reduce<Options>((options, [key, value]) => {
    const nested = key.split('.').reduceRight<unknown>((inner, part) => ({ [part]: inner }), value);
    return mergeOptions(options, nested as Options);
  }, {});
}
