/** The command line that runs now, as it can be pasted into a shell. */
export function commandLine(): string {
  return ['cmir', ...process.argv.slice(2)].map(quoted).join(' ');
}

/** A word that a shell takes as it is. */
export function quoted(word: string): string {
  return /^[\w./:=@%+,-]+$/.test(word) ? word : `'${word.replace(/'/g, `'\\''`)}'`;
}
