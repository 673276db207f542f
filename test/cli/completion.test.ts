import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { configKeys } from '../../lib/config';
import { METHODS } from '../../lib/experiments/methods';
import { DIST, ROOT, cmir } from '../helpers/program';
import { freshPath, removeFresh } from '../training/fixture';

afterAll(removeFresh);

/** What may stand in the place of the last word, as the shells' scripts are told. */
async function completionsOf(...words: string[]): Promise<string[]> {
  const { code, stdout, stderr } = await cmir(['__complete', ...words]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout.split('\n').flatMap((line) => (line === '' ? [] : [line.split('\t')[0] as string]));
}

describe('the program knows', () => {
  test.each<[string[], string[]]>([
    [['tr'], ['train']],
    [['--debug', 'tr'], ['train']],
    [
      ['help', 'co'],
      ['compare', 'completion'],
    ],
    [
      ['data', ''],
      ['inspect', 'convert', 'split', 'synthesize'],
    ],
    [['help', 'data', 'sp'], ['split']],
    [['nonsense', ''], []],
    [['train', '--res'], ['--resume']],
    [['train', '--seed', '1', '--se'], ['--set']],
    [
      ['train', '--set', 'seed=1', '--se'],
      ['--set', '--seed'],
    ],
    [['train', '--se', '--res'], ['--resume']],
    [
      ['data', 'convert', 'a', 'b', '--format', ''],
      ['csv', 'parquet', 'safetensors', 'npz'],
    ],
    [['data', 'convert', '--format=p'], ['--format=parquet']],
    [['data', 'split', '--by', 'g'], ['group']],
    [['train', '--set', 'weights.in'], ['weights.invariance=']],
    [['train', '--set=model.p'], ['--set=model.pooling=']],
    [['train', '--set', 'model.pooling=g'], ['model.pooling=gru']],
    [
      ['train', '--set', 'training.decayBiases='],
      ['training.decayBiases=true', 'training.decayBiases=false'],
    ],
    [['train', '--set', 'seed='], []],
    [
      ['data', 'synthesize', '--set', 'spurious'],
      ['spurious=', 'spuriousScale='],
    ],
    [['compare', '--methods', 'fusion,vr'], ['fusion,vrex']],
    [['compare', '--methods', 'vrex,vr'], []],
    [
      ['train', '--device', 'cu'],
      ['cuda', 'cuda:0'],
    ],
    [
      ['evaluate', 'run', '--split', 't'],
      ['train', 'test'],
    ],
    [['evaluate', 'run', '--noise', 'g'], ['gaussian:']],
    [['robustness', 'run', '--metric', 'Co'], ['Corr']],
    [['train', '--seed', ''], []],
    [['train', ''], [':files']],
    [['train', '--config', ''], [':files']],
    [['train', '--config=a'], [':files']],
    [['train', '--out', ''], [':folders']],
    [['report', 'a', 'b', ''], [':files']],
    [['predict', 'run', 'data', ''], []],
    [
      ['completion', ''],
      ['bash', 'zsh', 'fish'],
    ],
  ])('%j: %j', async (words, expected) => {
    expect(await completionsOf(...words)).toEqual(expected);
  });

  test('every configuration key, and every method', async () => {
    const keys = configKeys().map((key) => `${key}=`);
    expect(await completionsOf('train', '--set', '')).toEqual(keys);
    expect(await completionsOf('search', '--methods', '')).toEqual(METHODS.map(({ name }) => name));
  });

  test('every command and every option that the help lists', async () => {
    const commands = await completionsOf('');
    expect(commands).toEqual(expect.arrayContaining(['train', 'data', 'doctor', 'help']));
    for (const command of commands.filter((name) => name !== 'help' && name !== 'data')) {
      const { stdout } = await cmir([command, '--help']);
      const listed = [...stdout.matchAll(/^ {2}(?:-h, )?(--[\w-]+)/gm)].map(([, flag]) => flag);
      expect((await completionsOf(command, '--')).sort()).toEqual(listed.sort());
    }
  });
});

/** A folder with files to complete, and a folder with `cmir` in it for the PATH. */
function place(): { cwd: string; env: NodeJS.ProcessEnv } {
  const cwd = freshPath('place');
  const bin = freshPath('bin');
  for (const folder of [cwd, bin, join(cwd, 'my folder')]) mkdirSync(folder, { recursive: true });
  writeFileSync(join(cwd, 'my file.json'), '');
  const program = `#!/bin/sh\nexec '${process.execPath}' '${join(DIST, 'cli', 'main.js')}' "$@"\n`;
  writeFileSync(join(bin, 'cmir'), program, { mode: 0o755 });
  return { cwd, env: { ...process.env, PATH: `${bin}:${process.env['PATH'] ?? ''}` } };
}

/** Lines that a shell prints for a program in its language; undefined where there is no such shell. */
function linesOf(shell: string, args: readonly string[]): string[] | undefined {
  const { error, stdout, stderr } = spawnSync(shell, args, { encoding: 'utf8', ...place() });
  if (error !== undefined) {
    console.log(`skipped: ${shell} is not installed`);
    return undefined;
  }
  expect(stderr).toBe('');
  return stdout.split('\n').slice(0, -1);
}

test.each(['bash', 'zsh', 'fish'])('cmir completion %s prints its script', async (shell) => {
  const { code, stdout } = await cmir(['completion', shell]);
  expect(code).toBe(0);
  expect(stdout).toBe(readFileSync(join(ROOT, 'completions', `cmir.${shell}`), 'utf8'));
});

describe('bash', () => {
  // The words as bash cuts them: = and : are words of their own.
  test.each<[string[], string[]]>([
    [['tr'], ['train']],
    [['train', '--set', 'weights.inv'], ['weights.invariance=']],
    [['train', '--set', 'model.pooling', '=', 'g'], ['gru']],
    [
      ['train', '--set', 'model.pooling', '='],
      ['mean', 'attention', 'gru'],
    ],
    [['train', '--set', '=', 'model.po'], ['model.pooling=']],
    [['train', '--device', 'cuda', ':'], ['0']],
    [
      ['train', 'my'],
      ['my file.json', 'my folder'],
    ],
    [['train', '--out', 'my'], ['my folder']],
    [
      ['train', '--config', '=', 'my'],
      ['my file.json', 'my folder'],
    ],
    [['train', '--seed', ''], []],
  ])('%j: %j', (words, expected) => {
    const script = `
      source <(cmir completion bash)
      complete -p cmir >/dev/null || exit
      COMP_WORDS=(cmir "$@"); COMP_CWORD=$#
      _cmir cmir
      for reply in "\${COMPREPLY[@]}"; do printf '%s\\n' "$reply"; done`;
    const lines = linesOf('bash', ['--norc', '-c', script, 'bash', ...words]);
    expect(lines?.sort()).toEqual(lines && [...expected].sort());
  });
});

describe('zsh', () => {
  // What the script hands to zsh's own functions, which only run in its line editor.
  const script = `
    compdef() { : }
    compset() { : }
    _describe() { local -a given; given=("\${(@P)3}"); print -rl -- "\${given[@]}" "\${@[4,-1]}" }
    _files() { print -r -- files "$@" }
    source <(cmir completion zsh)
    words=(cmir "$@"); CURRENT=$#words
    _cmir`;
  test.each<[string[], string[]]>([
    [['tr'], ['train:train, evaluate on test, write a run folder']],
    [
      ['train', '--set', 'weights.inv'],
      ['weights.invariance=:', '-S', ''],
    ],
    [['train', '--device', 'cuda:'], ['cuda\\:0:']],
    [['train', 'my'], ['files ']],
    [['train', '--out', ''], ['files -/']],
  ])('%j: %j', (words, expected) => {
    const lines = linesOf('zsh', ['-f', '-c', script, 'zsh', ...words]);
    expect(lines?.map((line) => line.trimEnd())).toEqual(
      lines && expected.map((line) => line.trimEnd()),
    );
  });
});

describe('fish', () => {
  test.each<[string, string[]]>([
    ['cmir tr', ['train']],
    ['cmir train --set weights.inv', ['weights.invariance=']],
    ['cmir train --device cuda:', ['cuda:0']],
    ['cmir train my', ['my file.json', 'my folder/']],
    ['cmir train --out my', ['my folder/']],
    ['cmir train --seed ', []],
  ])('%j: %j', (line, expected) => {
    const script = `cmir completion fish | source; complete -C '${line}'`;
    const lines = linesOf('fish', ['--no-config', '-c', script]);
    expect(lines?.map((text) => text.split('\t')[0]).sort()).toEqual(lines && [...expected].sort());
  });
});
