// Pictures of a report, to be looked at: node scripts/report-pictures.mjs FILE.html FOLDER [NAME]

import { existsSync, mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';

const [file, folder, name = 'report'] = process.argv.slice(2);
if (folder === undefined) {
  console.error('report-pictures: expected FILE.html FOLDER [NAME]');
  process.exit(2);
}
const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
if (!existsSync(executablePath)) {
  console.error(`report-pictures: no browser at ${executablePath}; name one with CHROMIUM`);
  process.exit(1);
}
mkdirSync(folder, { recursive: true });
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
const at = (end) => join(folder, `${name}-${end}`);

/** Opens the page, all that is folded too, and scrolls through it so that every chart is drawn. */
async function open(options) {
  const page = await browser.newPage(options);
  await page.goto(pathToFileURL(resolve(file)).href);
  await page.evaluate(async () => {
    /* global document, window, requestAnimationFrame */
    for (let y = 0; y < document.body.scrollHeight; y += 400) {
      window.scrollTo(0, y);
      await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    }
    window.scrollTo(0, 0);
  });
  await page.waitForTimeout(500);
  return page;
}

const desktop = { viewport: { width: 1280, height: 900 } };
const phone = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true };
for (const [end, options] of Object.entries({
  light: desktop,
  dark: { ...desktop, colorScheme: 'dark' },
  phone,
})) {
  const page = await open(options);
  await page.screenshot({ path: at(`${end}.png`), fullPage: true });
  await page.close();
}
const page = await open(desktop);
await page.pdf({ path: at('print.pdf'), format: 'A4', preferCSSPageSize: true });
await browser.close();
