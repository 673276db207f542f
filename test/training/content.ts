import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** A JSON text without what tells the time. */
function timeless(text: string): Record<string, unknown> {
  const { seconds, native_seconds, examples_per_second, ...rest } = JSON.parse(text) as Record<
    string,
    unknown
  >;
  expect([seconds, native_seconds, examples_per_second].length).toBe(3);
  return rest;
}

/** Everything in a run folder that does not tell the time. */
export function content(folder: string): Record<string, unknown> {
  const read = (name: string) => readFileSync(join(folder, name));
  const described = (name: string): unknown => {
    if (name.endsWith('.jsonl')) return read(name).toString().trim().split('\n').map(timeless);
    if (name.endsWith('.json')) return timeless(read(name).toString());
    return read(name).toString('base64');
  };
  return Object.fromEntries(readdirSync(folder).map((name) => [name, described(name)]));
}

/** Files of writes that have not ended. */
export function unfinished(folder: string): string[] {
  return readdirSync(folder).filter((name) => name.endsWith('.tmp'));
}
