import { METRICS } from '../metrics';

const DIGITS = 3;
/** Values this many times apart are wide apart, if half of them are below this share of the largest. */
const WIDE = 20;
const LOW_MIDDLE = 0.3;
const SMALLEST_P = 0.001;

/** Whether a metric is a share of examples or an F1, which tables tell in percent. */
export function isShare(metric: string): boolean {
  return /acc|f1/i.test(metric);
}

/** Whether more or less of a metric is better; an unknown one is taken for an error if its name says so. */
export function directionOf(metric: string): 'higher' | 'lower' {
  const known = METRICS.find(({ name }) => name === metric);
  return known?.better ?? (/mae|mse|loss|error/i.test(metric) ? 'lower' : 'higher');
}

/** What a metric is, in a sentence; empty for an unknown one. */
export function describeMetric(metric: string): string {
  return METRICS.find(({ name }) => name === metric)?.description ?? '';
}

/** A value of a metric: 74.2 % of a share, 0.937 otherwise; a dash for null. */
export function metricText(metric: string, value: number | null): string {
  if (value === null) return '–';
  return isShare(metric) ? `${(100 * value).toFixed(1)}\u00a0%` : withMinus(value.toFixed(DIGITS));
}

/** Mean and standard deviation: 74.2 ± 0.5 % or 0.937 ± 0.006. */
export function spreadText(metric: string, mean: number | null, std: number | null): string {
  if (mean === null || std === null) return metricText(metric, mean);
  return isShare(metric)
    ? `${(100 * mean).toFixed(1)}\u00a0±\u00a0${(100 * std).toFixed(1)}\u00a0%`
    : `${withMinus(mean.toFixed(DIGITS))}\u00a0±\u00a0${std.toFixed(DIGITS)}`;
}

export function pText(p: number): string {
  return p < SMALLEST_P
    ? 'p\u00a0<\u00a00.001'
    : `p\u00a0=\u00a0${Number(p.toPrecision(2)).toString()}`;
}

/** 1,234,567; four significant digits below a thousand. */
export function numberText(value: number | null): string {
  if (value === null) return '–';
  if (Number.isInteger(value)) return grouped(value);
  if (Math.abs(value) >= 1000) return grouped(Math.round(value));
  return withMinus(String(Number(value.toPrecision(4))));
}

const PREFIXES: readonly (readonly [size: number, prefix: string])[] = [
  [1e12, 'T'],
  [1e9, 'G'],
  [1e6, 'M'],
  [1e3, 'k'],
];

/** 12.3 M and the like, for counts of parameters and operations. */
export function countText(value: number): string {
  const [size, prefix] = PREFIXES.find(([least]) => value >= least) ?? [1, ''];
  const digits = size === 1 ? String(value) : (value / size).toPrecision(3);
  return prefix === '' ? digits : `${digits} ${prefix}`;
}

/** 0.35 s, 12 s, 3 min 5 s, 2 h 10 min. */
export function secondsText(seconds: number): string {
  if (seconds < 10) return `${seconds.toPrecision(2)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${String(whole)} s`;
  if (whole < 3600) return `${String(Math.floor(whole / 60))} min ${String(whole % 60)} s`;
  const minutes = Math.round(whole / 60);
  return `${String(Math.floor(minutes / 60))} h ${String(minutes % 60)} min`;
}

/** A value of a configuration: numbers and words as they are, environments as gaussian 0.5, the rest as JSON. */
export function valueText(value: unknown): string {
  if (typeof value === 'string') return value;
  // Of sums such as 0.1 + 0.2, what was meant.
  if (typeof value === 'number') return String(rounded(value, 12));
  if (Array.isArray(value)) return arrayText(value);
  return value === undefined ? '–' : JSON.stringify(value);
}

function arrayText(values: readonly unknown[]): string {
  const words = values.map((value) => {
    const { kind, intensity } = Object(value) as Record<string, unknown>;
    return kind === undefined ? valueText(value) : `${valueText(kind)} ${valueText(intensity)}`;
  });
  return words.length === 0 ? 'none' : words.join(', ');
}

/** Whether values are all above 0 and spread over so many sizes that an axis had better be logarithmic. */
export function isWide(values: readonly number[]): boolean {
  const sorted = [...values].sort((a, b) => a - b);
  const [low = 0, middle = 0, high = 0] = [0, sorted.length >> 1, sorted.length - 1].map(
    (i) => sorted[i],
  );
  return low > 0 && high / low >= WIDE && middle < LOW_MIDDLE * high;
}

/** To so many significant digits: what a chart can show, in a smaller page. */
export function rounded(value: number, digits = 5): number {
  return Number(value.toPrecision(digits));
}

/** `one`, or `many` of another number than 1: 1 seed, 5 seeds. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${grouped(count)} ${count === 1 ? one : many}`;
}

/** a, b and c. */
export function listText(names: readonly string[]): string {
  if (names.length < 2) return names.join('');
  return `${names.slice(0, -1).join(', ')} and ${names.at(-1) as string}`;
}

function grouped(value: number): string {
  return withMinus(value.toLocaleString('en-GB'));
}

function withMinus(text: string): string {
  return text.replace(/^-/, '−');
}
