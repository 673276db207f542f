import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import ts from 'typescript';

import { findPython } from '../helpers/python';
import { ROOT } from '../helpers/program';
import { removeFresh } from '../training/fixture';
import { environmentOf, makeFolder } from './fixture';
import { blocksOf, pages, readPage, type Block } from './markdown';

/**
 * Every fenced block of README.md and docs/ is run, in the order of its page, in a folder of the page's own
 * (fixture.ts), with few epochs (small.mjs). Blocks without a language, or `text`, show what is printed. `...` at the
 * end of a path stands for the rest of a name. A block that cannot be run says so in a comment above it (markdown.ts).
 */
const SHOWN = ['', 'text', 'csv'];

/** Lines of `sh` blocks that no test runs, and why. */
const SET_UP: readonly (readonly [RegExp, string])[] = [
  [/^(sudo )?apt-get /, 'installs'],
  [/^(LIBTORCH\S*=\S+ )?npm (ci|install) ?/, 'installs'],
  [/^git clone /, 'needs a network'],
  [/^npm test/, 'is what runs this'],
];

interface Placed extends Block {
  readonly page: string;
}

const blocks: Placed[] = pages().flatMap((page) =>
  blocksOf(readPage(page)).map((block) => ({ ...block, page })),
);
const folders = new Map<string, string>();

beforeAll(async () => {
  for (const page of new Set(blocks.map(({ page }) => page))) {
    folders.set(page, await makeFolder(page));
  }
});

afterAll(() => {
  removeFresh();
  for (const folder of folders.values()) rmSync(folder, { recursive: true, force: true });
});

const nameOf = ({ page, line, language }: Placed): string => `${page}:${String(line)} ${language}`;
const folderOf = ({ page }: Placed): string => folders.get(page) as string;

const RUNS: Readonly<Record<string, (block: Placed) => void>> = {
  js: runScript,
  ts: runScript,
  sh: runCommands,
  json: ({ code }) => {
    JSON.parse(code);
  },
  python: runPython,
};

function run(block: Placed, command: string, args: readonly string[]): string {
  const folder = folderOf(block);
  const options = { cwd: folder, env: environmentOf(folder), encoding: 'utf8' } as const;
  const { status, stdout, stderr } = spawnSync(command, args, options);
  if (status !== 0)
    throw new Error(`${nameOf(block)}: status ${String(status)}\n${stdout}${stderr}`);
  return stdout;
}

function write(block: Placed, name: string, text: string): string {
  const file = join(folderOf(block), name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  return file;
}

const sourceName = ({ line, language }: Placed): string =>
  `block-${String(line)}.${language === 'ts' ? 'mts' : 'mjs'}`;

/** Runs it, and looks for what comments behind console.log say that it prints. */
function runScript(block: Placed): void {
  const target = ts.ScriptTarget.ES2022;
  const compilerOptions = { target, module: ts.ModuleKind.ESNext };
  const { outputText } = ts.transpileModule(block.code, { compilerOptions });
  const printed = run(block, 'node', [
    write(block, block.file ?? `run-${String(block.line)}.mjs`, outputText),
  ]).split('\n');
  for (const [, expected] of block.code.matchAll(/^console\.log\(.*\); \/\/ (.+)$/gm)) {
    expect(printed).toContain(expected);
  }
}

function runCommands(block: Placed): void {
  const lines = block.code.split('\n').filter((line) => SET_UP.every(([what]) => !what.test(line)));
  const commands = lines.join('\n').replace(/(?<=\/[\w.-]+-)\.\.\.(?=\s)/g, '*');
  run(block, 'bash', ['-eu', '-o', 'pipefail', '-c', commands]);
}

function runPython(block: Placed): void {
  const file = write(block, block.file ?? `block-${String(block.line)}.py`, block.code);
  findPython()?.run([file], folderOf(block));
}

test.each(blocks.map((block) => [nameOf(block), block] as const))('%s', (_, block) => {
  const { skipped, file, language, code } = block;
  if (skipped !== undefined || (file === undefined && SHOWN.includes(language))) return;
  const act = RUNS[language];
  if (act !== undefined) act(block);
  else if (file !== undefined) write(block, file, code);
  else
    throw new Error(
      `${language} blocks are not run; say why above it: <!-- test: skip because ... -->`,
    );
});

/** What the compiler has to say about blocks of a language; `js` is checked too, but loosely. */
function diagnose(language: 'js' | 'ts'): string[] {
  const chosen = blocks.filter((block) => block.language === language && !block.skipped);
  const files = chosen.map((block) => write(block, sourceName(block), block.code));
  const program = ts.createProgram(files, {
    target: ts.ScriptTarget.ES2023,
    lib: ['lib.es2023.d.ts', 'lib.esnext.disposable.d.ts'],
    module: ts.ModuleKind.NodeNext,
    types: ['node'],
    typeRoots: [join(ROOT, 'node_modules', '@types')],
    noEmit: true,
    skipLibCheck: true,
    allowJs: true,
    checkJs: true,
    strict: language === 'ts',
  });
  return ts.getPreEmitDiagnostics(program).map((found) => {
    const file = found.file?.fileName ?? '';
    const block = chosen[files.indexOf(file)];
    return `${block ? nameOf(block) : file}: ${ts.flattenDiagnosticMessageText(found.messageText, '\n')}`;
  });
}

test.each(['ts', 'js'] as const)(
  '%s blocks compile against the types of the package',
  (language) => {
    expect(diagnose(language)).toEqual([]);
  },
);
