import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import { ROOT } from '../helpers/program';

/** A fenced block. `<!-- test: ... -->` in the line above it says how it is tested. */
export interface Block {
  /** Line of the opening fence, from 1. */
  readonly line: number;
  readonly language: string;
  readonly code: string;
  /** Why it is not run: `<!-- test: skip because it needs a GPU -->`. */
  readonly skipped: string | undefined;
  /** File that it is the content of: `<!-- test: file train.mjs -->`. */
  readonly file: string | undefined;
}

/** README.md and the pages of docs/, relative to the repository, without the generated report of the API. */
export function pages(): string[] {
  const docs = readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' });
  const written = docs.filter((path) => path.endsWith('.md') && path !== 'cmir.api.md').sort();
  return ['README.md', ...written.map((path) => join('docs', path))];
}

export function readPage(page: string): string {
  return readFileSync(join(ROOT, page), 'utf8');
}

const FENCE = /^ *(`{3,}|~{3,}) *(\S*)/;

/** All fenced blocks. Throws for a `test:` comment that is none of those above, or is not right above a block. */
export function blocksOf(text: string): Block[] {
  const blocks: Block[] = [];
  let open: { fence: string; line: number; language: string; code: string[] } | undefined;
  let comment: { line: number; text: string } | undefined;
  for (const [index, line] of text.split('\n').entries()) {
    const [, fence, language = ''] = FENCE.exec(line) ?? [];
    if (open !== undefined) {
      if (fence?.startsWith(open.fence) !== true) {
        open.code.push(line);
        continue;
      }
      const { line: at, language: tag, code } = open;
      const directive = directiveOf(comment?.text, at);
      blocks.push({ line: at, language: tag, code: `${code.join('\n')}\n`, ...directive });
      open = comment = undefined;
    } else if (fence !== undefined) {
      open = { fence, line: index + 1, language, code: [] };
    } else if (line.startsWith('<!-- test:')) {
      comment = { line: index + 1, text: line };
    } else if (comment !== undefined && line !== '') {
      throw new Error(`line ${String(comment.line)}: no block below ${comment.text}`);
    }
  }
  return blocks;
}

function directiveOf(comment: string | undefined, line: number): Pick<Block, 'skipped' | 'file'> {
  if (comment === undefined) return { skipped: undefined, file: undefined };
  const [, skipped, file] =
    /^<!-- test: (?:skip because (\S.+)|file ([\w./-]+)) -->$/.exec(comment) ?? [];
  if (skipped !== undefined || file !== undefined) return { skipped, file };
  throw new Error(`line ${String(line)}: cannot read ${comment}`);
}

/** The text without fenced blocks and inline code, line by line as it was. */
export function prose(text: string): string {
  let fence: string | undefined;
  const lines = text.split('\n').map((line) => {
    const found = FENCE.exec(line)?.[1];
    if (fence === undefined) {
      fence = found;
      return found === undefined ? line : '';
    }
    if (found?.startsWith(fence) === true) fence = undefined;
    return '';
  });
  return lines.join('\n').replace(/`[^`\n]+`/g, (code) => ' '.repeat(code.length));
}

export interface Heading {
  readonly level: number;
  readonly text: string;
  /** As GitHub makes it: #anchor. */
  readonly anchor: string;
}

export function headingsOf(text: string): Heading[] {
  const seen = new Map<string, number>();
  // Code in headings counts: only fenced blocks go.
  const lines = text.replace(/^ *(`{3,}|~{3,})[^]*?^ *\1.*$/gm, '').split('\n');
  return lines.flatMap((line) => {
    const [, marks, content] = /^(#{1,6}) +(.+?)\s*$/.exec(line) ?? [];
    if (marks === undefined || content === undefined) return [];
    const slug = slugOf(content);
    const repeated = seen.get(slug) ?? 0;
    seen.set(slug, repeated + 1);
    const anchor = repeated === 0 ? slug : `${slug}-${String(repeated)}`;
    return [{ level: marks.length, text: content, anchor }];
  });
}

function slugOf(heading: string): string {
  return heading
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\p{M}_\- ]/gu, '')
    .replace(/ /g, '-');
}
