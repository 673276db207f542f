import Papa from 'papaparse';

import type { Figure, Row } from './figure';
import { CHART_CONFIG } from './theme';

/** A drawn chart. */
export interface RenderedFigure extends Figure {
  /** The picture as a file of its own. */
  readonly svg: string;
  /** Its data, a line a row. */
  readonly csv: string;
  /** What Vega draws it from in a browser, as wide as its place is. */
  readonly vega: object;
}

/** Draws a chart: compiled by Vega-Lite here, so that a page needs Vega alone. */
export async function renderFigure(figure: Figure): Promise<RenderedFigure> {
  // ES modules, which CommonJS can only import like this.
  const [vega, { compile }] = await Promise.all([import('vega'), import('vega-lite')]);
  measureText(vega);
  const { spec, title, description, rows, height, width } = figure;
  const { spec: compiled } = compile({
    ...spec,
    params: [...(spec.params ?? []), legendSpace(figure)],
    description,
    width: 'container',
    height,
    autosize: { type: 'fit-x', contains: 'padding' },
    data: { values: rows.map((row) => ({ ...row })) },
    config: { ...CHART_CONFIG, view: { ...CHART_CONFIG.view, continuousWidth: width } },
  });
  const view = new vega.View(vega.parse(compiled), { renderer: 'none' });
  try {
    const svg = separateIds(await view.toSVG(), figure.name);
    return { ...figure, svg: withTitle(svg, title), csv: csvOf(rows), vega: compiled };
  } finally {
    view.finalize();
  }
}

interface Text {
  readonly text?: string | number;
  readonly fontSize?: number;
  readonly limit?: number;
}

interface TextMetrics {
  width: (item: Text, text?: string | number) => number;
  readonly estimateWidth: TextMetrics['width'];
}

/** Of a character in common sans-serif fonts, as a share of the font's size. */
const CHARACTER_WIDTH = 0.6;

/**
 * Vega's own estimate of a text's width, where there is no canvas to measure it, is half as wide again as texts are:
 * labels would be cut that have room. Vega means it to be replaced.
 */
function measureText(vega: object): void {
  const { textMetrics } = vega as { textMetrics: TextMetrics };
  if (textMetrics.width !== textMetrics.estimateWidth) return;
  textMetrics.width = ({ text, fontSize = 11, limit = Infinity }, part = text ?? '') => {
    const letters = String(part);
    const wide = letters.match(/[%mwMW]/g)?.length ?? 0;
    const width = CHARACTER_WIDTH * fontSize * (letters.length + 0.6 * wide);
    return limit > 0 ? Math.min(width, limit) : width;
  };
}

/** Pixels for a legend below the chart: what it is wide, less the room of the axis. To be set before the layout is. */
function legendSpace({ width, axisWidth = 60 }: Figure) {
  const whole = `isFinite(containerSize()[0]) ? containerSize()[0] : ${String(width)}`;
  // Named so that it is computed again when the width changes.
  return { name: 'legendSpace', expr: `(${whole}) - ${String(axisWidth)} + 0 * width` };
}

/** Pictures that stand in one page must not share ids, or one's clipping would be used for another. */
function separateIds(svg: string, name: string): string {
  return svg
    .replace(/ id="([^"]+)"/g, ` id="${name}-$1"`)
    .replace(/url\(#([^)]+)\)/g, `url(#${name}-$1)`);
}

function withTitle(svg: string, title: string): string {
  const text = title.replace(/[&<>]/g, (character) => `&#${String(character.charCodeAt(0))};`);
  return svg.replace(/^<svg[^>]*>/, (start) => `${start}<title>${text}</title>`);
}

function csvOf(rows: readonly Row[]): string {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  return `${Papa.unparse(rows as Row[], { columns, newline: '\n' })}\n`;
}
