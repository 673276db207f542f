import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { VERSION } from '../../version';
import type { RenderedFigure } from '../render';
import { CLIENT } from './client';
import { Html, html, scriptJson } from './html';
import { styleSheet } from './style';

/** A section with its heading's id and its content. */
export interface PageSection {
  readonly id: string;
  readonly title: string;
  readonly content: Html;
}

export interface PageChapter {
  readonly id: string;
  /** Of several chapters, its heading. */
  readonly title: string;
  readonly notes: readonly string[];
  readonly sections: readonly PageSection[];
}

/** What a browser needs of each chart, by the id of its element. */
export type ChartData = Readonly<Record<string, Pick<RenderedFigure, 'vega' | 'csv'>>>;

/** The whole page: nothing in it comes from elsewhere, and its own policy forbids that anything does. */
export async function renderPage(
  title: string,
  chapters: readonly PageChapter[],
  charts: ChartData,
): Promise<string> {
  const scripts = [await vegaRuntime(), CLIENT];
  const policy = [
    "default-src 'none'",
    "style-src 'unsafe-inline'",
    // Vega makes functions of the expressions in charts.
    `script-src 'unsafe-eval' ${scripts.map((script) => `'${hashOf(script)}'`).join(' ')}`,
  ].join('; ');
  return html`<!doctype html>
    <html lang="en-GB">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta http-equiv="Content-Security-Policy" content="${policy}" />
        <title>${title}</title>
        <style>
          ${new Html(styleSheet())}
        </style>
      </head>
      <body>
        <header>
          <div>
            <h1>${title}</h1>
            <p class="made">
              Made by cmir ${VERSION}, ${new Date().toISOString().slice(0, 10)}. Everything is in
              this one file.
            </p>
          </div>
          <button id="theme" type="button" hidden>Dark</button>
        </header>
        <main>
          ${contents(chapters)}
          ${chapters.map((chapter) => renderChapter(chapter, chapters.length > 1))}
        </main>
        <footer class="note">
          CmIR: a causal modality-invariant representation for multimodal learning (Mai and Han, ACL
          2026).
        </footer>
        <div id="tip" hidden></div>
        ${new Html(`<script type="application/json" id="charts">${scriptJson(charts).text}</script>`)}
        ${scripts.map((script) => new Html(`<script>${script}</script>`))}
      </body>
    </html> `.text;
}

function contents(chapters: readonly PageChapter[]): Html {
  return html`<nav aria-label="Contents">
    ${chapters.map(({ title, sections }) => {
      const list = html`<ul>
        ${sections.map((section) => html`<li><a href="#${section.id}">${section.title}</a></li>`)}
      </ul>`;
      // Of several chapters, only the names: a wall of links hides the result.
      return chapters.length === 1
        ? list
        : html`<details>
            <summary>${title}</summary>
            ${list}
          </details>`;
    })}
  </nav>`;
}

function renderChapter({ id, title, notes, sections }: PageChapter, isOneOfMany: boolean): Html {
  return html`<article id="${id}">
    ${isOneOfMany ? html`<h2>${title}</h2>` : html`<h2 class="alone">Results</h2>`}
    ${notes.length === 0 ? null : html`<div class="warning" role="note">${notes.map((note) => html`<p>${note}</p>`)}</div>`}
    ${sections.map(
      (section) =>
        html`<section aria-labelledby="${section.id}">
          <h3 id="${section.id}">${section.title}</h3>
          ${section.content}
        </section>`,
    )}
  </article>`;
}

/** Vega, minified, as the installed package has it. */
async function vegaRuntime(): Promise<string> {
  return readFile(join(dirname(require.resolve('vega')), 'vega.min.js'), 'utf8');
}

/** As a policy names a script that may run. */
function hashOf(script: string): string {
  return `sha256-${createHash('sha256').update(script, 'utf8').digest('base64')}`;
}
