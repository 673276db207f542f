/** What we use of jStat, which brings no types. */
declare module 'jstat' {
  export const jStat: {
    /** The regularised incomplete beta function I_x(a, b). */
    ibeta(x: number, a: number, b: number): number;
  };
}
