import { existsSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';

const CHROMIUM = process.env['CHROMIUM'] ?? '/usr/bin/chromium';

/** Whether there is a browser to look at pages with; a message says where one was looked for. */
export function hasBrowser(): boolean {
  if (existsSync(CHROMIUM)) return true;
  console.warn(`skipped: no Chromium at ${CHROMIUM}; CHROMIUM names another place`);
  return false;
}

export function launch(): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
}

/** A page that was opened, and what went wrong in it. */
export interface Visit {
  readonly page: Page;
  /** Errors and warnings of the console, exceptions, and addresses that were asked for. */
  readonly problems: readonly string[];
}

/** Opens a file with everything else out of reach. */
export function visit(
  browser: Browser,
  file: string,
  options: BrowserContextOptions = {},
): Promise<Visit> {
  const url = pathToFileURL(file).href;
  return visitUrl(browser, url, (asked) => asked === url, options);
}

/** Opens a page; addresses that are not `allowed` are out of its reach, and problems. */
export async function visitUrl(
  browser: Browser,
  url: string,
  allowed: (asked: string) => boolean,
  options: BrowserContextOptions = {},
): Promise<Visit> {
  const page = await browser.newPage(options);
  const problems: string[] = [];
  await page.route('**/*', async (route) => {
    const asked = route.request().url();
    if (allowed(asked)) return route.continue();
    problems.push(`asked for ${asked}`);
    return route.abort();
  });
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) problems.push(message.text());
  });
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('dialog', (dialog) => {
    problems.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  await page.goto(url);
  return { page, problems };
}

/** Opens what is folded and brings every chart into sight; resolves when all are drawn. */
export async function drawAll(page: Page): Promise<void> {
  await page.evaluate('for (const d of document.querySelectorAll("details")) d.open = true');
  for (const figure of await page.locator('figure').all()) {
    await figure.scrollIntoViewIfNeeded();
  }
  await page.waitForFunction('document.querySelectorAll("figure:not(.drawn)").length === 0');
}
