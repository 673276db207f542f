/**
 * Words of English that say nothing by themselves, and what is left of contractions once their apostrophe is a
 * space. Negations and words of degree (not, no, very, too) are kept: they carry sentiment.
 */
const STOP_WORDS: ReadonlySet<string> = new Set(
  [
    'a an the this that these those there here',
    'i me my mine myself you your yours yourself he him his himself she her hers herself',
    'it its itself we us our ours ourselves they them their theirs themselves one ones',
    'am is are was were be been being do does did doing done have has had having',
    'will would shall should can could may might must gonna',
    'and or but if then than so because as while when where which who whom whose what why how',
    'of in on at by for from to into onto with about over under through during before after between out up down off',
    'also just s t d m ll re ve don didn doesn isn wasn aren weren hasn haven hadn won wouldn shouldn couldn can',
    'um uh umm uhh er ah oh',
  ].flatMap((line) => line.split(' ')),
);

/** Scripts that put no space between words: each of their characters counts as one. */
const UNSPACED = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]/gu;

/** What separates words: all but letters, the marks on them, and digits. */
const SEPARATORS = /[^\p{L}\p{M}\p{N}]+/u;

/** The words of a text: lower case, punctuation taken for spaces, stop words left out if asked. */
export function wordsOf(text: string, stopWords: 'drop' | 'keep'): string[] {
  const words = text.toLowerCase().replace(UNSPACED, ' $& ').split(SEPARATORS);
  return words.filter((word) => word !== '' && (stopWords === 'keep' || !STOP_WORDS.has(word)));
}
