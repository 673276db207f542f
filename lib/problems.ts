import type { z } from 'zod';

import { didYouMean } from './suggest';

/** What is wrong with `value`: for each problem where, what was found and what was expected. `keys` are those there are. */
export function describeProblems(
  { issues }: z.ZodError,
  value: unknown,
  keys: readonly string[],
): string {
  return issues.flatMap((issue) => describeIssue(issue, value, keys)).join('; ');
}

function describeIssue(
  issue: z.core.$ZodIssue,
  options: unknown,
  keys: readonly string[],
): string[] {
  const path = issue.path.join('.');
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => unknownKey(path === '' ? key : `${path}.${key}`, keys));
  }
  // A union reports every branch; the one that got furthest says what the user meant.
  if (issue.code === 'invalid_union') {
    const value = valueAt(options, issue.path);
    const branch = issue.errors[Array.isArray(value) ? 0 : 1] ?? [];
    return branch.flatMap((inner) =>
      describeIssue({ ...inner, path: [...issue.path, ...inner.path] }, options, keys),
    );
  }
  const value = valueAt(options, issue.path);
  // JSON has no words for undefined, functions and the like, and takes NaN for null.
  const found =
    typeof value === 'number' || typeof value === 'bigint'
      ? String(value)
      : ((JSON.stringify(value) as string | undefined) ?? 'nothing');
  return [`${path}: found ${found}, ${describeExpected(issue, value)}`];
}

function describeExpected(issue: z.core.$ZodIssue, value: unknown): string {
  if (issue.code === 'too_small' && issue.origin !== 'string') {
    const bound = issue.inclusive === false ? 'more than' : 'at least';
    return `expected ${bound} ${String(issue.minimum)}`;
  }
  if (issue.code === 'too_big') {
    const bound = issue.inclusive === false ? 'less than' : 'at most';
    return `expected ${bound} ${String(issue.maximum)}`;
  }
  if (issue.code === 'too_small') return 'expected a text that is not empty';
  if (issue.code === 'invalid_value') {
    const names = issue.values.map(String);
    return `expected ${names.join(', ')}${typeof value === 'string' ? didYouMean(value, names) : ''}`;
  }
  if (issue.code === 'invalid_type')
    return `expected ${EXPECTED[issue.expected] ?? issue.expected}`;
  return issue.message;
}

const EXPECTED: Readonly<Record<string, string>> = {
  int: 'an integer',
  number: 'a number',
  string: 'a text',
  object: 'an object of keys',
  array: 'a list',
};

/** What is wrong with a key that does not exist, with the nearest that does. */
export function unknownKey(key: string, keys: readonly string[]): string {
  const inside = keys.filter((other) => other.startsWith(`${key}.`));
  if (inside.length > 0) return `'${key}' is a group of keys, expected ${inside.join(', ')}`;
  const groups = keys.map((other) => other.replace(/\.[^.]+$/, ''));
  return `unknown key '${key}'${didYouMean(key, [...keys, ...groups])}`;
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (inner, key) => (inner as Record<PropertyKey, unknown> | undefined)?.[key],
    value,
  );
}
