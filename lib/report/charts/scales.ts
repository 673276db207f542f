import { COLOURS, cycled, DASHES, PALETTE, SHAPES } from '../theme';

/** How wide a character of a legend is about, and its symbol with the space between columns, in pixels. */
const CHARACTER = 6.3;
const SYMBOL = 36;

/** Names in their order with a colour each; a legend with as many columns as the chart's width holds. */
export function colourBy(field: string, names: readonly string[], symbol?: 'stroke') {
  return {
    field,
    type: 'nominal' as const,
    sort: [...names],
    title: null,
    scale: { domain: [...names], range: names.map((_, i) => cycled(PALETTE, i).light) },
    legend: legendOf(names, symbol),
  };
}

/** The same names told apart by dashes. */
export function dashBy(field: string, names: readonly string[]) {
  const range = names.map((_, i) => [...cycled(DASHES, i)]);
  return { ...named(field, names, 'stroke'), scale: { domain: [...names], range } };
}

/** The same names told apart by shapes. */
export function shapeBy(field: string, names: readonly string[]) {
  const range = names.map((_, i) => cycled(SHAPES, i));
  return { ...named(field, names), scale: { domain: [...names], range } };
}

function named(field: string, names: readonly string[], symbol?: 'stroke') {
  const legend = legendOf(names, symbol);
  return { field, type: 'nominal' as const, sort: [...names], title: null, legend };
}

/** None for one name alone. Of lines, symbols are pieces of them. */
function legendOf(names: readonly string[], symbol?: 'stroke') {
  if (names.length < 2) return null;
  const longest = Math.max(...names.map((name) => name.length));
  const column = Math.min(SYMBOL + CHARACTER * longest, 280);
  return {
    columns: { expr: `max(1, floor(legendSpace / ${column.toFixed(0)}))` },
    symbolOpacity: 1,
    ...(symbol === undefined ? {} : { symbolType: symbol, symbolSize: 320 }),
  };
}

/** A click on a name in the legend makes the others faint. */
export function pick(field: string) {
  return [
    { name: 'pick', select: { type: 'point' as const, fields: [field] }, bind: 'legend' as const },
  ];
}

export function faint(shown: number) {
  return { condition: { param: 'pick', value: shown }, value: shown / 8 };
}

export const AXIS_LINE = { color: COLOURS.axis.light } as const;
export const INK = COLOURS.ink.light;
