import { listNames, quoteCell } from '../cells';
import { describeShape } from '../storage/array';
import { StoredText } from './text';
import {
  PickleArray,
  PickleBytes,
  PickleDict,
  PickleDtype,
  PickleSet,
  PickleTuple,
  type PickleValue,
} from './values';

/** How deep into a value its description goes, and how many items of each level it shows. */
const DEEPEST = 2;
const SHOWN = 4;

/** What a value is, for messages: a list of 3 (float32 [12, 5], 'a', None). */
export function describeValue(value: PickleValue, depth = 0): string {
  if (value === null) return 'None';
  if (typeof value === 'string') return quoteCell(value);
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  if (Array.isArray(value)) return describeItems('a list', value, depth);
  if (value instanceof PickleTuple) return describeItems('a tuple', value.items, depth);
  if (value instanceof PickleSet) return describeItems('a set', value.items, depth);
  if (value instanceof PickleDict) return describeDict(value);
  if (value instanceof PickleArray) return describeArray(value);
  if (value instanceof PickleBytes) return `${String(value.length)} bytes`;
  if (value instanceof StoredText) return `a text of ${String(value.length)} bytes`;
  if (value instanceof PickleDtype) return 'a numpy dtype';
  return `the name ${String(value)}`;
}

function describeItems(kind: string, items: readonly PickleValue[], depth: number): string {
  const whole = `${kind} of ${String(items.length)}`;
  if (depth >= DEEPEST || items.length === 0) return whole;
  const shown = items.slice(0, SHOWN).map((item) => describeValue(item, depth + 1));
  return `${whole} (${[...shown, ...(items.length > SHOWN ? ['…'] : [])].join(', ')})`;
}

function describeDict(dict: PickleDict): string {
  if (dict.size === 0) return 'an empty dict';
  const keys: string[] = [];
  for (const [key] of { [Symbol.iterator]: () => dict[Symbol.iterator]() }) {
    keys.push(typeof key === 'string' ? quoteCell(key) : describeValue(key, DEEPEST));
    if (keys.length > SHOWN) break;
  }
  return `a dict of ${String(dict.size)} (${listNames(keys)}${dict.size > keys.length ? ', …' : ''})`;
}

function describeArray({ content }: PickleArray): string {
  if (content === null) return 'an array without content';
  if (content.kind === 'numbers') return describeShape(content);
  const kind = content.kind === 'objects' ? 'objects' : 'texts';
  return `${kind} [${content.shape.join(', ')}]`;
}
