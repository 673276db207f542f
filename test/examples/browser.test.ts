import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Papa from 'papaparse';
import type { Browser } from 'playwright-core';

import { train } from '../../lib/training/train';
import { hasBrowser, launch, visitUrl, type Visit } from '../helpers/browser';
import { cmir, ROOT, tablesOf, writeTables, type Tables } from '../helpers/program';
import { freshPath, removeFresh, TINY, tinyDataset } from '../training/fixture';

const describeWithBrowser = hasBrowser() ? describe : describe.skip;

/** Starts the example and resolves to the address that it prints. */
function serve(args: readonly string[]): Promise<{ server: ChildProcess; url: string }> {
  const program = join(ROOT, 'examples', 'browser', 'serve.mjs');
  const server = spawn(process.execPath, [program, ...args]);
  return new Promise((resolve, reject) => {
    let errors = '';
    server.stderr.on('data', (text: Buffer) => (errors += text.toString()));
    server.stdout.once('data', (text: Buffer) => {
      resolve({ server, url: text.toString().trim() });
    });
    server.once('close', (code) => {
      reject(new Error(`the example ended with ${String(code)}: ${errors}`));
    });
  });
}

/** What `cmir predict` says of these tables, by id. */
async function predictions(run: string, tables: Tables): Promise<Map<string, number>> {
  const out = freshPath('predictions.csv');
  const data = writeTables(freshPath('data'), tables);
  const ended = await cmir(['predict', run, data, '--out', out]);
  expect(ended).toMatchObject({ code: 0 });
  const { data: rows } = Papa.parse<{ id: string; prediction: string }>(readFileSync(out, 'utf8'), {
    header: true,
    skipEmptyLines: true,
  });
  return new Map(rows.map(({ id, prediction }) => [id, Number(prediction)]));
}

describeWithBrowser('examples/browser', () => {
  const run = freshPath('run');
  const tables = tablesOf(tinyDataset());
  let browser: Browser;
  let server: ChildProcess;
  let visited: Visit;

  beforeAll(async () => {
    const { model } = await train(tinyDataset(), TINY, { out: run });
    model.dispose();
    const started = await serve([run, writeTables(freshPath('data'), tables)]);
    ({ server } = started);
    browser = await launch();
    visited = await visitUrl(browser, started.url, (asked) => asked.startsWith(started.url));
    await visited.page.waitForSelector('#prediction[data-value]');
  });

  afterAll(async () => {
    await browser.close();
    const ended = new Promise((resolve) => server.once('close', resolve));
    server.kill();
    await ended;
    removeFresh();
  });

  const shown = async (id: string): Promise<number> => {
    const output = visited.page.locator(`#prediction[data-example="${id}"]`);
    return Number(await output.getAttribute('data-value'));
  };

  test('predicts in the page what cmir predict says, without a word on the console', async () => {
    const expected = await predictions(run, tables);
    const buttons = await visited.page.locator('#examples button').all();
    expect(buttons).toHaveLength(8);
    const found = new Set<number>();
    for (const button of buttons) {
      const id = (await button.textContent()) ?? '';
      await button.click();
      const value = await shown(id);
      expect(Math.abs(value - (expected.get(id) as number))).toBeLessThan(1e-5);
      found.add(value);
    }
    expect(found.size).toBe(8);
    expect(visited.problems).toEqual([]);
  });

  test('a slider takes a modality away, as an empty row of the data set does', async () => {
    const { page } = visited;
    const [header = [], ...rows] = tables['text.csv'] ?? [];
    const emptied = rows.map((row) => row.map((cell, column) => (column === 0 ? cell : '')));
    const expected = await predictions(run, { ...tables, 'text.csv': [header, ...emptied] });
    const id = (await page.locator('#examples button').first().textContent()) ?? '';
    await page.locator('#examples button').first().click();
    const before = await shown(id);
    await page.getByLabel('share of text that is missing').fill('100');
    await page.waitForFunction(
      `Math.abs(document.getElementById("prediction").dataset.value - ${String(before)}) > 1e-6`,
    );
    expect(Math.abs((await shown(id)) - (expected.get(id) as number))).toBeLessThan(1e-5);
    expect(visited.problems).toEqual([]);
  });
});
