import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';

import { COLOURS, PALETTE, type Colour } from '../../lib/report/theme';
import { saveSource } from '../../lib/training/source';
import { train } from '../../lib/training/train';
import { cmir, tablesOf, writeTables } from '../helpers/program';
import { freshPath, removeFresh, TINY, tinyDataset } from '../training/fixture';
import { drawAll, hasBrowser, launch, visit } from '../helpers/browser';
import { comparison, HOSTILE, probes, search, sensitivity, sweep, writeResults } from './fixture';

interface Result {
  readonly out: string;
  readonly figures: readonly string[];
  readonly notes: readonly string[];
}

/** Runs `cmir report` as users do: charts need ES modules, which this test's own process cannot load. */
async function report(sources: readonly string[], ...flags: string[]): Promise<Result> {
  const out = freshPath('report.html');
  const ended = await cmir(['report', ...sources, '--out', out, '--json', ...flags]);
  expect(ended).toMatchObject({ code: 0 });
  return JSON.parse(ended.stdout) as Result;
}

/** A folder of results with the run folders of two methods. */
async function resultsWithRuns(): Promise<string> {
  const folder = freshPath('results');
  const runs: Record<string, string[]> = {};
  const data = writeTables(freshPath('data'), tablesOf(tinyDataset()));
  for (const [method, invariance] of [
    ['fusion', 0],
    ['cmir', 2],
  ] as const) {
    runs[method] = [`runs/${method}-1`];
    const out = join(folder, 'runs', `${method}-1`);
    mkdirSync(join(folder, 'runs'), { recursive: true });
    const run = await train(tinyDataset(), { ...TINY, weights: { invariance } }, { out });
    run.model.dispose();
    // Predictions are made of the file that the run was trained on.
    await saveSource(out, data);
  }
  return writeResults(folder, {
    'compare.json': { ...comparison(), runs },
    'sweep.json': sweep(),
    'search.json': search(),
    'probes.json': probes(),
    'sensitivity.json': sensitivity(),
  });
}

afterAll(removeFresh);

test('the page holds every section, and files of every chart where they are asked for', async () => {
  const figures = freshPath('figures');
  const result = await report([await resultsWithRuns()], '--figures', figures);
  expect(result.notes).toEqual([]);
  const page = readFileSync(result.out, 'utf8');
  for (const title of [
    ...['The main result', 'Noise curves', 'Methods compared', 'What the parts contribute'],
    ...['Missing modalities', 'Training', 'Predicted and true values', 'What the codes hold'],
    ...['What probes find in the codes', 'Sensitivity to settings', 'Hyper-parameter search'],
    ...['What it costs', 'How to repeat it'],
  ]) {
    expect(page).toMatch(new RegExp(`<h3[^>]*>\\s*${title}\\s*</h3>`));
  }
  expect(new Set(result.figures).size).toBe(result.figures.length);
  expect(readdirSync(figures).sort()).toEqual(
    result.figures.flatMap((name) => [`${name}.csv`, `${name}.svg`]).sort(),
  );
  const csv = readFileSync(join(figures, 'predictions-1.csv'), 'utf8').split('\n');
  expect(csv[0]).toBe('target,predicted');
  // A row an example of the test split, and the end of the last line.
  expect(csv).toHaveLength(1 + 24 + 1);
  expect(readFileSync(join(figures, 'main-result.svg'), 'utf8')).toMatch(/^<svg [^>]*xmlns=/);
});

test('runs whose data are gone are reported without predictions, and a note says so', async () => {
  const out = freshPath();
  const run = await train(tinyDataset(), TINY, { out });
  run.model.dispose();
  await saveSource(out, '/nowhere/at/all');
  const { notes, figures } = await report([out]);
  expect(notes).toHaveLength(1);
  expect(notes[0]).toContain('/nowhere/at/all');
  expect(figures).toContain('training-loss');
  expect(figures.some((name) => name.startsWith('predictions'))).toBe(false);
});

(hasBrowser() ? describe : describe.skip)('in a browser', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launch();
  });
  afterAll(async () => {
    await browser.close();
  });

  test('every chart is drawn, from nothing but the file, in light and dark, wide and narrow', async () => {
    const { out, figures } = await report([await resultsWithRuns()]);
    for (const options of [
      { viewport: { width: 1280, height: 900 } },
      { viewport: { width: 1280, height: 900 }, colorScheme: 'dark' as const },
      { viewport: { width: 360, height: 740 }, isMobile: true },
    ]) {
      const { page, problems } = await visit(browser, out, options);
      await drawAll(page);
      expect(problems).toEqual([]);
      const charts = await page.evaluate<[string, number, number][]>(
        `[...document.querySelectorAll('figure')].map((figure) => {
          const svg = [...figure.querySelectorAll('svg')].filter((one) => one.checkVisibility());
          const marks = svg[0]?.querySelectorAll('.role-mark path, .role-mark line, .role-mark text').length;
          return [figure.id, svg.length, marks ?? 0];
        })`,
      );
      expect(charts.map(([name]) => name).sort()).toEqual([...figures].sort());
      expect(charts.filter(([, count, marks]) => count !== 1 || marks === 0)).toEqual([]);
      expect(await widthOf(page)).toBeLessThanOrEqual(options.viewport.width);
      await page.close();
    }
  });

  test('dark is dark, for charts too, by the system’s wish and by the button', async () => {
    const { out } = await report([writeResults(freshPath(), { 'sweep.json': sweep() })]);
    const { page } = await visit(browser, out, { colorScheme: 'dark' });
    await drawAll(page);
    // The ground, the text of an axis, its grid, and the line of the second method.
    const colours = (): Promise<string[]> =>
      page.evaluate<string[]>(
        `[
          [document.body, 'backgroundColor'],
          [document.querySelector('.live .role-axis-label text'), 'fill'],
          [document.querySelector('.live .role-axis-grid line'), 'stroke'],
          [document.querySelectorAll('#noise-gaussian-all .live .mark-line path')[1], 'stroke'],
        ].map(([element, property]) => getComputedStyle(element)[property])`,
      );
    const ofTheme = (theme: 'light' | 'dark'): string[] =>
      [COLOURS.ground, COLOURS.muted, COLOURS.grid, PALETTE[1] as Colour].map((colour) =>
        rgb(colour[theme]),
      );
    expect(await colours()).toEqual(ofTheme('dark'));
    await page.locator('#theme').click();
    expect(await colours()).toEqual(ofTheme('light'));
    await page.locator('#theme').click();
    expect(await colours()).toEqual(ofTheme('dark'));
    await page.close();
  });

  test('without JavaScript, and in print, the still pictures are shown', async () => {
    const { out, figures } = await report([writeResults(freshPath(), { 'sweep.json': sweep() })]);
    const still = await visit(browser, out, { javaScriptEnabled: false });
    expect(await still.page.locator('.still svg').count()).toBe(figures.length);
    expect(await still.page.locator('#main-result .still svg').isVisible()).toBe(true);
    expect(await still.page.locator('.downloads a').first().isVisible()).toBe(false);
    await still.page.close();

    const { page } = await visit(browser, out, { colorScheme: 'dark' });
    await drawAll(page);
    expect(await page.locator('#main-result .still').isVisible()).toBe(false);
    await page.emulateMedia({ media: 'print' });
    expect(await page.locator('#main-result .still').isVisible()).toBe(true);
    expect(await page.locator('#main-result .live').isVisible()).toBe(false);
    expect(await page.locator('nav').isVisible()).toBe(false);
    expect(await page.evaluate<string>('getComputedStyle(document.body).backgroundColor')).toBe(
      'rgb(255, 255, 255)',
    );
    await page.close();
  });

  test('pictures and data are downloaded from the page itself', async () => {
    const { out } = await report([writeResults(freshPath(), { 'sweep.json': sweep() })]);
    const { page, problems } = await visit(browser, out);
    for (const [link, beginning] of [
      ['#main-result [download$=".csv"]', 'set,method,mean,low,high\n'],
      ['#main-result [download$=".svg"]', '<svg '],
    ] as const) {
      const [download] = await Promise.all([
        page.waitForEvent('download'),
        page.locator(link).click(),
      ]);
      expect(readFileSync(await download.path(), 'utf8').slice(0, beginning.length)).toBe(
        beginning,
      );
    }
    expect(problems).toEqual([]);
    await page.close();
  });

  test('texts of users stay texts: names, classes, messages and options', async () => {
    const methods = [HOSTILE, 'fusion'];
    const hostile = comparison({ methods, dataset: `data/${HOSTILE}` });
    const set = { name: HOSTILE, split: HOSTILE, noise: null };
    const noise = { kind: HOSTILE, level: 1, modalities: [HOSTILE] };
    const folder = writeResults(freshPath(), {
      'compare.json': {
        ...hostile,
        sets: [...hostile.sets, set, { name: 'x', split: 'test', noise }],
        rows: hostile.rows.map((row) => ({
          ...row,
          metric: row.metric === 'MAE' ? 'MAE' : HOSTILE,
        })),
        configs: { [HOSTILE]: { [HOSTILE]: HOSTILE } },
        provenance: { ...hostile.provenance, command: HOSTILE, cpu: HOSTILE },
      },
      'search.json': {
        ...search(),
        options: { a: HOSTILE },
        trials: search().trials.map((trial) => ({ ...trial, values: { [HOSTILE]: HOSTILE } })),
      },
      'probes.json': probes().map((row) => ({ ...row, method: HOSTILE, target: HOSTILE })),
      'sensitivity.json': sensitivity().map((row) => ({ ...row, key: HOSTILE, set: HOSTILE })),
    });
    const { out } = await report([folder, await hostileClasses()], '--title', HOSTILE);
    const phone = { viewport: { width: 360, height: 740 }, isMobile: true };
    const { page, problems } = await visit(browser, out, phone);
    await drawAll(page);
    expect(problems).toEqual([]);
    expect(await widthOf(page)).toBeLessThanOrEqual(360);
    // The two scripts of the page and its data; no picture, and nothing that listens.
    expect(await page.locator('script').count()).toBe(3);
    expect(await page.locator('img, [onerror]').count()).toBe(0);
    expect(await page.title()).toBe(HOSTILE);
    const pictures = await page.locator('.live').allTextContents();
    expect(pictures.some((text) => text.includes('<script>'))).toBe(true);
    await page.close();
  });
});

/** A colour as browsers compute it. */
function rgb(hexadecimal: string): string {
  const parts = [1, 3, 5].map((at) => parseInt(hexadecimal.slice(at, at + 2), 16));
  return `rgb(${parts.join(', ')})`;
}

/** Of the whole page: more than the window's means that it scrolls sideways. */
function widthOf(page: Page): Promise<number> {
  return page.evaluate<number>('document.documentElement.scrollWidth');
}

/** A run on a data set whose classes, label and modality have hostile names. */
async function hostileClasses(): Promise<string> {
  const folder = freshPath('classes');
  const rows = Array.from({ length: 60 }, (_, i) => i);
  const splitOf = (i: number): string => (i < 36 ? 'train' : i < 48 ? 'valid' : 'test');
  const quoted = `"${HOSTILE.replaceAll('"', '""')}"`;
  mkdirSync(folder);
  const lines = (all: readonly string[]): string => all.map((line) => `${line}\n`).join('');
  writeFileSync(
    join(folder, 'labels.csv'),
    lines([
      'id,split,label',
      ...rows.map((i) => `e${String(i)},${splitOf(i)},${i % 2 === 0 ? quoted : 'other'}`),
    ]),
  );
  writeFileSync(
    join(folder, 'text.csv'),
    lines(['id,a,b', ...rows.map((i) => `e${String(i)},${String(i % 2)},${String(i % 5)}`)]),
  );
  const out = freshPath();
  const run = await train(folder, TINY, { out });
  run.model.dispose();
  await saveSource(out, folder);
  return out;
}
