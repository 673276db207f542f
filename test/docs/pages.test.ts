import { basename } from 'node:path';

import { ERROR_CODES } from '../../lib/errors';
import { headingsOf, pages, readPage } from './markdown';

const topPages = pages().filter((page) => /^docs\/[^/]+\.md$/.test(page));
const codes = Object.keys(ERROR_CODES).sort();

test('troubleshooting has a section for each code, and for no other', () => {
  const sections = headingsOf(readPage('docs/troubleshooting.md'))
    .filter(({ level }) => level === 3)
    .map(({ text }) => text);
  expect(sections.sort()).toEqual(codes);
});

test.each([...pages(), 'CHANGELOG.md'])('%s names no code that there is not', (page) => {
  const named = [...readPage(page).matchAll(/ERR_CMIR_[A-Z_]+\b/g)].map(([code]) => code);
  expect(named.filter((code) => !codes.includes(code))).toEqual([]);
});

test('the index leads to every page', () => {
  const index = readPage('docs/index.md');
  const missing = topPages.filter((page) => !index.includes(`](${basename(page)})`));
  expect(missing).toEqual(['docs/index.md']);
});

test('the site holds every page', () => {
  const { readme, projectDocuments } = JSON.parse(readPage('typedoc.json')) as {
    readme: string;
    projectDocuments: string[];
  };
  expect([readme, ...projectDocuments].sort()).toEqual(topPages);
});

test('every page has one title, and no two have the same', () => {
  const titles = pages().map((page) =>
    headingsOf(readPage(page))
      .filter(({ level }) => level === 1)
      .map(({ text }) => text)
      .join(' | '),
  );
  expect(titles.filter((title) => title === '' || title.includes('|'))).toEqual([]);
  expect(new Set(titles).size).toBe(titles.length);
});
