import type { Figure } from '../figure';
import { renderFigure, type RenderedFigure } from '../render';
import type { Block, Charts } from '../section';
import { Html, html } from './html';

/** Panels at most this wide stand three to a line. */
const SMALL = 340;
/** Charts at least this wide have a line of their own. */
const WIDE = 700;

/** Draws the charts of blocks and puts them into the page; `drawn` gathers them. */
export async function renderBlocks(
  blocks: readonly Block[],
  prefix: string,
  drawn: RenderedFigure[],
): Promise<Html> {
  const parts: Html[] = [];
  for (const block of blocks) {
    if (block instanceof Html) parts.push(block);
    else if ('figures' in block) parts.push(await renderCharts(block, prefix, drawn));
    else {
      const inner = await renderBlocks(block.blocks, prefix, drawn);
      parts.push(
        html`<details>
          <summary>${block.summary}</summary>
          ${inner}
        </details>`,
      );
    }
  }
  return html`${parts}`;
}

async function renderCharts(
  { figures }: Charts,
  prefix: string,
  drawn: RenderedFigure[],
): Promise<Html> {
  const parts: Html[] = [];
  for (const figure of figures) {
    const name = uniqueName(`${prefix}${figure.name}`, drawn);
    const rendered = await renderFigure({ ...figure, name });
    drawn.push(rendered);
    parts.push(element(rendered));
  }
  return html`<div class="charts${layoutOf(figures)}">${parts}</div>`;
}

function layoutOf(figures: readonly Figure[]): string {
  if (figures.every(({ width }) => width >= WIDE)) return ' one';
  return figures.every(({ width }) => width <= SMALL) ? ' small' : '';
}

function element({ name, title, description, svg }: RenderedFigure): Html {
  return html`<figure id="${name}">
    <figcaption>
      <span>${title}</span>
      <span class="downloads"
        ><a download="${name}.svg" aria-label="${title} as SVG">SVG</a>
        <a download="${name}.csv" aria-label="Data of ${title} as CSV">CSV</a></span
      >
    </figcaption>
    <div class="chart" role="img" aria-label="${description}">
      <div class="live"></div>
      <div class="still">${new Html(svg)}</div>
    </div>
  </figure>`;
}

function uniqueName(text: string, drawn: readonly RenderedFigure[]): string {
  // Names become ids and file names.
  const name = text.replace(/[^\w.-]+/g, '-').slice(0, 80);
  const taken = drawn.filter((other) => other.name.replace(/-again\d*$/, '') === name).length;
  return taken === 0 ? name : `${name}-again${taken === 1 ? '' : String(taken)}`;
}
