import { closest, distance } from 'fastest-levenshtein';

/** The known name that a misspelt one most likely means, if any is near. */
export function closestTo(name: string, known: readonly string[]): string | undefined {
  if (known.length === 0) return undefined;
  // Letters that changed places are two edits, which makes a short name far.
  const swapped = known.find((other) => lettersOf(other) === lettersOf(name));
  if (swapped !== undefined) return swapped;
  // The last part of a key with dots: epochs for training.epochs.
  const whole = known.find((other) => other.endsWith(`.${name}`));
  if (whole !== undefined) return whole;
  const nearest = closest(name, known);
  return distance(name, nearest) <= Math.max(2, Math.floor(nearest.length / 3))
    ? nearest
    : undefined;
}

function lettersOf(name: string): string {
  return Array.from(name).sort().join('');
}

/** The end of a message on a misspelt name: the known one that is near, or nothing. */
export function didYouMean(name: string, known: readonly string[]): string {
  const nearest = closestTo(name, known);
  // Of short names every other short one is near: those must begin alike.
  const isFar =
    nearest === undefined || (nearest.length < 5 && !name.startsWith(nearest.charAt(0)));
  return isFar ? '' : `; did you mean '${nearest}'?`;
}

/** What there is in the place of a name that is unknown, and which of it may be meant. */
export function expectedOneOf(name: string, known: readonly string[]): string {
  return `expected one of ${known.join(', ')}${didYouMean(name, known)}`;
}
