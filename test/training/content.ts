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

/** TensorBoard's events without their wall times, the first field of each, and the checksums of these. */
function timelessEvents(file: Buffer): string[] {
  const events: string[] = [];
  for (let begin = 0; begin < file.length;) {
    const end = begin + 12 + Number(file.readBigUInt64LE(begin));
    events.push(file.toString('base64', begin + 12 + 9, end));
    begin = end + 4;
  }
  return events;
}

/** Everything in a run folder that does not tell the time. */
export function content(folder: string): Record<string, unknown> {
  const read = (name: string) => readFileSync(join(folder, name));
  const described = (name: string): unknown => {
    if (name.endsWith('.jsonl')) return read(name).toString().trim().split('\n').map(timeless);
    if (name.endsWith('.json')) return timeless(read(name).toString());
    return name.includes('tfevents') ? timelessEvents(read(name)) : read(name).toString('base64');
  };
  return Object.fromEntries(readdirSync(folder).map((name) => [name, described(name)]));
}

/** Files of writes that have not ended. */
export function unfinished(folder: string): string[] {
  return readdirSync(folder).filter((name) => name.endsWith('.tmp'));
}
