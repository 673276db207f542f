import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { ROOT } from '../helpers/program';
import { headingsOf, pages, prose, readPage } from './markdown';

const checked = [...pages(), 'CHANGELOG.md', 'docs/cmir.api.md'];

const LINKS = [
  /\]\(<?([^)\s>]+)>?(?: "[^"]*")?\)/g,
  /^ *\[[^\]]+\]: *(\S+)/gm,
  /\b(?:href|src)="([^"]+)"/g,
];

export function linksOf(text: string): string[] {
  const plain = prose(text);
  return LINKS.flatMap((pattern) => [...plain.matchAll(pattern)].map(([, link]) => link as string));
}

/** What is wrong with a link of a page, or undefined. Links to other sites are looked at, not followed. */
function problemOf(page: string, link: string): string | undefined {
  if (/^[a-z]+:/i.test(link)) {
    return link.startsWith('mailto:') || URL.canParse(link) ? undefined : 'no address';
  }
  const [path = '', anchor] = link.split('#');
  const target = path === '' ? page : join(dirname(page), decodeURI(path));
  if (target.startsWith('..')) return 'leaves the repository';
  if (!existsSync(join(ROOT, target))) return 'no such file';
  if (anchor === undefined) return undefined;
  if (!target.endsWith('.md')) return 'an anchor of a file that is no page';
  const anchors = headingsOf(readPage(target)).map((heading) => heading.anchor);
  return anchors.includes(anchor) ? undefined : `no heading #${anchor}`;
}

test.each(checked)('links of %s lead somewhere', (page) => {
  const problems = linksOf(readPage(page)).flatMap((link) => {
    const problem = problemOf(page, link);
    return problem === undefined ? [] : [`${link}: ${problem}`];
  });
  expect(problems).toEqual([]);
});

test('links and anchors are found where GitHub finds them', () => {
  const text =
    '# A `b()`, _c_\n[x](y.md#z "t") ![i](i.svg) `[no](no.md)`\n```\n[no](no.md)\n# no\n```\n# A `b()`, _c_\n';
  expect(linksOf(text)).toEqual(['y.md#z', 'i.svg']);
  expect(headingsOf(text).map(({ anchor }) => anchor)).toEqual(['a-b-_c_', 'a-b-_c_-1']);
  expect(problemOf('docs/data.md', 'nowhere.md')).toBe('no such file');
  expect(problemOf('docs/data.md', '#nowhere')).toBe('no heading #nowhere');
  expect(problemOf('docs/data.md', '../../x')).toBe('leaves the repository');
});
