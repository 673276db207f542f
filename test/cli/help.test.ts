import { readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';

import { CATALOGUE } from '../../lib/cli/catalogue';
import { VERSION } from '../../lib/version';
import { DIST, cmir } from '../helpers/program';
import { freshPath, removeFresh } from '../training/fixture';

afterAll(removeFresh);

const names = Object.values(CATALOGUE).flatMap((entries) => entries.map(({ name }) => name));
const DATA = ['inspect', 'convert', 'split', 'synthesize'].map((name) => `data ${name}`);

async function helpOf(...words: string[]): Promise<string> {
  const { code, stdout, stderr } = await cmir(words);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout;
}

/** Modules of this package and of its dependencies that a command line loads, and its output. */
async function loadedBy(...words: string[]): Promise<{ modules: string[]; stdout: string }> {
  const hook = freshPath('hook.cjs');
  const list = JSON.stringify(`${hook}.txt`);
  writeFileSync(
    hook,
    `process.on('exit', () => require('node:fs').writeFileSync(${list}, Object.keys(require.cache).join('\\n')));`,
  );
  const NODE_OPTIONS = `--require ${hook}`;
  const { stdout } = await cmir(words, { env: { ...process.env, NODE_OPTIONS } });
  const files = readFileSync(`${hook}.txt`, 'utf8').split('\n');
  return {
    modules: files
      .filter((file) => file !== hook)
      .map((file) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1] ?? relative(DIST, file)),
    stdout,
  };
}

describe('of the program', () => {
  test('fits on one screen, lists the commands, says where to go on and how it ends', async () => {
    const help = await helpOf('--help');
    const lines = help.trimEnd().split('\n');
    expect(lines.length).toBeLessThanOrEqual(32);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(80);
    const listed = [...help.matchAll(/^ {2}(\w+) {2,}/gm)].map(([, name]) => name);
    expect(listed).toEqual(names);
    expect(help).toContain('cmir help train');
    expect(help).toMatch(/Exit codes: 0 .*, 1 .*, 2 .*, 130 /);
    expect(await helpOf('help')).toBe(help);
    expect(await helpOf('-h')).toBe(help);
  });

  test.each(['--help', '--version'])('%s loads little, and nothing heavy', async (flag) => {
    const { modules, stdout } = await loadedBy(flag);
    expect(stdout).toContain(flag === '--help' ? 'Usage: cmir' : VERSION);
    const packages = new Set(modules.filter((name) => !name.includes('.js')));
    expect([...packages].sort()).toEqual(['commander']);
    const own = modules.filter((name) => name.includes('.js'));
    expect(own).toContain(join('cli', 'main.js'));
    for (const name of own) expect(name).toMatch(/^(cli\/\w+|errors|version)\.js$/);
  });

  test('the list sees what a command loads', async () => {
    const { modules } = await loadedBy('train', '--help');
    expect(modules).toEqual(expect.arrayContaining(['zod', 'cli/commands/train.js']));
  });

  test('--version', async () => {
    expect(await helpOf('--version')).toBe(`${VERSION}\n`);
  });
});

describe('of a command', () => {
  test.each([...names, ...DATA])('%s: usage, options, examples that name it', async (name) => {
    const words = name.split(' ');
    const help = await helpOf(...words, '--help');
    expect(await helpOf('help', ...words)).toBe(help);
    expect(help.startsWith(`Usage: cmir ${name} `)).toBe(true);
    expect(help).toMatch(/\nOptions:\n[^]*-h, --help/);
    for (const line of help.split('\n')) expect(line.length).toBeLessThanOrEqual(100);
    const examples = help.slice(help.indexOf('\nExamples:\n')).split('\n').slice(2, -1);
    expect(examples.length).toBeGreaterThanOrEqual(1);
    expect(examples.length).toBeLessThanOrEqual(3);
    expect(examples[0]).toContain(`cmir ${name} `.trimEnd());
  });

  test.each([
    [['data', 'inspekt'], "'inspekt'; did you mean 'inspect'?\n(cmir data --help lists"],
    [['data', 'inspekt', '--help'], "'inspekt'; did you mean 'inspect'?"],
    [['help', 'trian'], "'trian'; did you mean 'train'?"],
    [['trian', '--help'], "'trian'; did you mean 'train'?"],
    [['evaluate', '--sed'], "'--sed'; did you mean '--seed'?\n(cmir evaluate --help lists"],
    [['completion', 'bsh'], "shell: found 'bsh', expected one of bash, zsh, fish; did you mean"],
    [['report', 'x', '--out', 'y', '--metric', 'MEA'], "Macro_F1_score; did you mean 'MAE'?"],
  ])('%j is answered with what may be meant', async (words, message) => {
    const { code, stdout, stderr } = await cmir(words);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(message);
    expect(stderr).toMatch(/^cmir: /);
  });
});

test('every example of the help is a command line that is understood', async () => {
  for (const name of [...names, ...DATA]) {
    const help = await helpOf(...name.split(' '), '--help');
    const at = help.indexOf('\nExamples:\n');
    if (at < 0) continue;
    for (const line of help.slice(at).split('\n').slice(2, -1)) {
      const [command = ''] = line.trim().split(/ {4}/);
      const words = command
        .replace(/^source <\(cmir (.*)\)$/, 'cmir $1')
        .split(' ')
        .slice(1);
      const flags = words.filter((word) => word !== '>' && word.startsWith('--'));
      const owner = await helpOf(...words.slice(0, words[0] === 'data' ? 2 : 1), '--help');
      for (const flag of flags) expect(owner).toContain(`${flag} `);
    }
  }
});
