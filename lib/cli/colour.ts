import { stripVTControlCharacters } from 'node:util';

/** The codes that begin a style and that end it. */
const STYLES = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  cyan: [36, 39],
} as const;
export type Style = keyof typeof STYLES;

/** What of a stream says whether it shows colours. */
interface Target {
  readonly isTTY?: boolean;
}

/**
 * Whether text for a stream may have colours: on a terminal that has them, unless NO_COLOR is set (no-color.org);
 * FORCE_COLOR comes before both, as in Node itself: 0 for never, anything else for always.
 */
export function hasColours({ isTTY }: Target, env = process.env): boolean {
  const { FORCE_COLOR: forced, NO_COLOR: refused, TERM: terminal } = env;
  if (forced !== undefined) return forced !== '0' && forced !== 'false';
  return isTTY === true && (refused ?? '') === '' && terminal !== 'dumb';
}

/** The text in styles, where the stream it is for shows them; else as it is. */
export function styled(
  text: string,
  styles: readonly Style[],
  stream: Target = process.stdout,
): string {
  if (!hasColours(stream) || text === '') return text;
  return styles.reduce((inner, style) => {
    const [begin, end] = STYLES[style];
    return `\u001b[${String(begin)}m${inner}\u001b[${String(end)}m`;
  }, text);
}

/** Headings of tables and pages. */
export const heading = (text: string): string => styled(text, ['bold']);
/** The best of several values. */
export const best = (text: string): string => styled(text, ['green', 'bold']);

/** Columns of a text on a terminal, whatever its styles. */
export function widthOf(text: string): number {
  return stripVTControlCharacters(text).length;
}

/** Spaces before or after a text up to a width. */
export function pad(text: string, width: number, side: 'left' | 'right'): string {
  const spaces = ' '.repeat(Math.max(0, width - widthOf(text)));
  return side === 'left' ? spaces + text : text + spaces;
}
