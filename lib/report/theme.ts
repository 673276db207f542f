/**
 * Colours of page and charts. Charts are drawn in the light ones; the page's style sheet exchanges each for its dark
 * counterpart, so that a chart need not be drawn again. Marks have a contrast of 3:1 on both grounds, texts 4.5:1.
 */
export interface Colour {
  readonly light: string;
  readonly dark: string;
}

export const COLOURS = {
  ground: { light: '#ffffff', dark: '#14171c' },
  raised: { light: '#f5f7fa', dark: '#1d2128' },
  ink: { light: '#1c2127', dark: '#e6e9ee' },
  muted: { light: '#58616d', dark: '#a5afbc' },
  grid: { light: '#e1e5eb', dark: '#30363f' },
  axis: { light: '#8a94a1', dark: '#7d8794' },
  accent: { light: '#005f96', dark: '#6cbcf0' },
} as const satisfies Record<string, Colour>;

/**
 * Of methods, sets and classes, in their order: after Okabe and Ito's palette for colour-blind readers, darkened for
 * white ground. Dashes and shapes tell the same, so no reader needs the colour.
 */
export const PALETTE: readonly Colour[] = [
  { light: '#5d6672', dark: '#aab4c0' },
  { light: '#0072b2', dark: '#56b4e9' },
  { light: '#d55e00', dark: '#ff8f4d' },
  { light: '#00845f', dark: '#2fc79b' },
  { light: '#b5519a', dark: '#e79acb' },
  { light: '#9a7500', dark: '#f0c948' },
  { light: '#5b4fc4', dark: '#a9a0ff' },
  { light: '#8c3b2e', dark: '#e0907f' },
];
export const DASHES: readonly (readonly number[])[] = [
  [1, 0],
  [1, 0],
  [7, 3],
  [2, 2],
  [8, 3, 2, 3],
  [4, 2],
  [10, 4],
  [1, 3],
];
export const SHAPES: readonly string[] = [
  'circle',
  'square',
  'triangle-up',
  'diamond',
  'cross',
  'triangle-down',
  'triangle-right',
  'triangle-left',
];

/** Entry `index` of a list that starts again at its end. */
export function cycled<T>(list: readonly T[], index: number): T {
  return list[index % list.length] as T;
}

/** From low to high values: seen on both grounds, and by colour-blind readers. */
export const DIVERGING: readonly string[] = ['#2f6fd0', '#8b8f96', '#d97800'];

export const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, Helvetica, Arial, sans-serif';

/** Vega-Lite's configuration of every chart. */
export const CHART_CONFIG = {
  background: 'transparent',
  font: FONT,
  padding: 4,
  view: { stroke: null },
  axis: {
    labelColor: COLOURS.muted.light,
    titleColor: COLOURS.ink.light,
    gridColor: COLOURS.grid.light,
    domainColor: COLOURS.axis.light,
    tickColor: COLOURS.axis.light,
    labelFontSize: 12,
    titleFontSize: 12.5,
    titleFontWeight: 500,
    titlePadding: 8,
    labelLimit: 220,
    tickCount: 6,
  },
  axisX: { grid: false, labelFlush: false, labelOverlap: 'greedy', labelSeparation: 6 },
  legend: {
    orient: 'top',
    labelColor: COLOURS.ink.light,
    titleColor: COLOURS.muted.light,
    labelFontSize: 12,
    titleFontSize: 12,
    titleFontWeight: 500,
    labelLimit: 240,
    symbolSize: 90,
    symbolStrokeWidth: 2,
    columnPadding: 16,
    rowPadding: 4,
    offset: 10,
  },
  header: { labelColor: COLOURS.ink.light, labelFontSize: 12 },
  text: { color: COLOURS.ink.light, fontSize: 12 },
  rule: { color: COLOURS.axis.light },
} as const;
