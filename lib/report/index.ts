import { basename } from 'node:path';

import type { Config } from '../config';
import { CmirError } from '../errors';
import type { Chapter } from './chapter';
import { renderBlocks } from './page/blocks';
import { renderPage, type PageChapter, type PageSection } from './page/page';
import { slug } from './page/html';
import type { RenderedFigure } from './render';
import { sectionsOf } from './sections';
import { readChapters } from './sources/chapters';

/** What a report shows. */
export interface ReportOptions {
  /** Heading of the page. Default: what it is about and the data sets. */
  readonly title?: string;
  /** Name of the metric that charts are about. Default: MAE or Acc. */
  readonly metric?: string;
  /** Predictions and codes are drawn of the first run of so many methods at most; 0 of none. Default 6. */
  readonly models?: number;
  /** Device that the models run on. */
  readonly device?: Config['device'];
  /** Stops the work; the promise rejects with ERR_CMIR_ABORTED. */
  readonly signal?: AbortSignal;
  /** Called once before the first model is read: an engine can be made ready there. */
  readonly beforeModels?: () => Promise<void>;
}

/** One chart of a report. */
export interface ReportFigure {
  /** For a file's name: letters, digits, dots, underscores and hyphens. */
  readonly name: string;
  /** The picture as SVG. */
  readonly svg: string;
  /** Its data, a line a row. */
  readonly csv: string;
}

/** What `makeReport` resolves to. */
export interface Report {
  /** The page, which needs nothing but itself. */
  readonly html: string;
  /** Every chart of the page, in its order. */
  readonly figures: readonly ReportFigure[];
  /** What was left out and why, in sentences; the page says so too. */
  readonly notes: readonly string[];
}

const MOST_MODELS = 6;

/**
 * One HTML page on finished experiments. Each source is a run folder, or a folder that holds compare.json, sweep.json,
 * search.json, probes.json or sensitivity.json.
 * Throws ERR_CMIR_USAGE for a folder that holds none of these, ERR_CMIR_DATA or ERR_CMIR_CHECKPOINT for a damaged
 * file, ERR_CMIR_ABORTED. Models or data sets that cannot be read any more are left out, and `notes` say so.
 */
export async function makeReport(
  sources: readonly string[],
  options: ReportOptions = {},
): Promise<Report> {
  if (sources.length === 0) {
    throw new CmirError('ERR_CMIR_USAGE', 'report: found no folder, expected at least one');
  }
  const { models = MOST_MODELS, ...others } = options;
  const chapters = await readChapters(sources, { ...others, models });
  const drawn: RenderedFigure[] = [];
  const pages: PageChapter[] = [];
  for (const [i, chapter] of chapters.entries()) {
    pages.push(
      await renderChapter(chapter, chapters.length > 1 ? `part${String(i + 1)}-` : '', drawn),
    );
  }
  const charts = Object.fromEntries(drawn.map(({ name, vega, csv }) => [name, { vega, csv }]));
  return {
    html: await renderPage(options.title ?? titleOf(chapters), pages, charts),
    figures: drawn.map(({ name, svg, csv }) => ({ name, svg, csv })),
    notes: chapters.flatMap(({ notes }) => notes),
  };
}

async function renderChapter(
  chapter: Chapter,
  prefix: string,
  drawn: RenderedFigure[],
): Promise<PageChapter> {
  const sections: PageSection[] = [];
  for (const { title, blocks } of sectionsOf(chapter)) {
    const content = await renderBlocks(blocks, prefix, drawn);
    sections.push({ id: `${prefix}${slug(title)}`, title, content });
  }
  const { methods, notes } = chapter;
  return {
    id: `${prefix}results`,
    title: `${nameOf(chapter)}: ${methods.join(', ')}`,
    notes,
    sections,
  };
}

/** Data sets are known by their paths: the last part says enough. */
function nameOf({ dataset }: Chapter): string {
  return basename(dataset) || dataset;
}

function titleOf(chapters: readonly Chapter[]): string {
  return `Results on ${[...new Set(chapters.map(nameOf))].join(', ')}`;
}
