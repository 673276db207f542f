import type { TopLevelSpec } from 'vega-lite' with { 'resolution-mode': 'import' };

/** One row of a chart's data: what its CSV file holds. */
export type Row = Readonly<Record<string, string | number | boolean | null>>;

/** A Vega-Lite chart without its data, size and configuration, which all charts get from one place. */
export type ChartSpec = Pick<
  Extract<TopLevelSpec, { layer: unknown }>,
  'layer' | 'encoding' | 'params' | 'transform' | 'resolve'
>;

/** A chart with its data and words. */
export interface Figure {
  /** Unique in the report: names files and elements. */
  readonly name: string;
  readonly title: string;
  /** What it shows, for those who cannot see it. */
  readonly description: string;
  readonly rows: readonly Row[];
  readonly spec: ChartSpec;
  /** Of the plot, without axes and legend, in pixels. */
  readonly height: number;
  /** Of the whole, in print and in files; on a screen it is as wide as its place. */
  readonly width: number;
  /** Room of the vertical axis with its labels, in pixels. Default 60. */
  readonly axisWidth?: number;
}
