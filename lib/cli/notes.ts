import type { Dataset } from '../data/dataset';

/** Says on standard error what reading did to the data, a line a note. */
export function printNotes({ notes, name }: Dataset, quiet: boolean): void {
  if (quiet) return;
  for (const note of notes) console.error(`cmir: ${name}: ${note}`);
}
