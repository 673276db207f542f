import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';

import { CmirError, messageOf } from '../../errors';
import type { SearchResult, Trial } from '../../experiments/results';
import { METHODS } from '../../experiments/methods';
import { search } from '../../experiments/search';
import { parseSpace, type Space } from '../../experiments/space';
import { best as inBest } from '../colour';
import { commandLine } from '../command-line';
import { experimentOptions, openExperiment, type ExperimentFlags } from '../experiment';
import { interruptible } from '../interrupt';
import { examples } from '../help';
import { suggesting } from '../named';
import { countOf, parseList } from '../options';
import { alignedTable } from '../table';

interface Flags extends ExperimentFlags {
  methods: string;
  trials: number;
  space?: string;
  seeds: number;
  finalists: number;
  halving: boolean;
  resume: boolean;
  seed?: number;
}

export function register(program: Command): void {
  const names = METHODS.map(({ name }) => name);
  const command = program
    .command('search')
    .description('random search of settings on validation, then seeds of the best')
    .addOption(
      suggesting(
        '--methods <names>',
        'methods to search, with commas between',
        names,
        'list',
      ).default('cmir'),
    )
    .option('--trials <n>', 'random draws of each', countOf('--trials'), 50)
    .option('--space <file>', 'JSON of ranges by configuration key; default: the method’s own')
    .option('--finalists <n>', 'best trials to train again', countOf('--finalists'), 3)
    .option('--seeds <n>', 'fresh seeds of each finalist', countOf('--seeds'), 5)
    .option('--halving', 'stop the worse trials early', false)
    .option('--resume', 'continue the search in --out', false)
    .option('--seed <n>', 'key of the draws; default: 1', countOf('--seed', 0))
    .action(main);
  experimentOptions(command, 'folder for the results, one a method inside');
  examples(command, [
    ['cmir search mosi/ --trials 40 --out search/', 'settings of cmir, chosen on validation'],
    ['cmir search mosi/ --methods fusion,cmir --halving --out search/'],
    ['cmir search mosi/ --trials 40 --out search/ --resume', 'goes on after Ctrl-C'],
  ]);
}

async function main(path: string | undefined, flags: Flags): Promise<void> {
  const space = flags.space === undefined ? undefined : await readSpace(flags.space);
  if (flags.resume && flags.out === undefined) {
    throw new CmirError('ERR_CMIR_USAGE', '--resume: needs --out, the folder of the search');
  }
  const { dataset, options } = await openExperiment(path, flags);
  const results = await interruptible(async (signal) => {
    const list: SearchResult[] = [];
    for (const method of parseList(flags.methods)) {
      list.push(
        await search(dataset, {
          method,
          trials: flags.trials,
          finalists: flags.finalists,
          seeds: flags.seeds,
          halving: flags.halving,
          options,
          resume: flags.resume,
          command: commandLine(),
          signal,
          ...defined({ parallel: flags.parallel, seed: flags.seed, space }),
          ...(flags.out === undefined ? {} : { out: join(flags.out, method) }),
          onTrial: progress(method, flags),
        }),
      );
    }
    return list;
  });
  if (flags.json) console.log(JSON.stringify(results.length === 1 ? results[0] : results, null, 2));
  else console.log(results.map((result) => describe(result, flags.out)).join('\n\n'));
}

async function readSpace(file: string): Promise<Space> {
  try {
    return parseSpace(JSON.parse(await readFile(file, 'utf8')), file);
  } catch (cause) {
    if (cause instanceof CmirError) throw cause;
    throw new CmirError('ERR_CMIR_CONFIG', `--space: cannot read ${file}: ${messageOf(cause)}`, {
      cause,
    });
  }
}

/** The keys that have a value. */
function defined<T extends object>(object: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(object).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> };
}

function progress(method: string, { quiet, trials }: Flags): (trial: Trial) => void {
  let count = 0;
  return ({ trial, score, state, epochs }) => {
    count += 1;
    if (quiet) return;
    const result =
      score === null ? state : `${score.toFixed(4)} (${state}, ${String(epochs)} epochs)`;
    console.error(
      `${method} ${String(count)}/${String(trials)}: trial ${String(trial)}: ${result}`,
    );
  };
}

const SHOWN_TRIALS = 10;

function describe(result: SearchResult, out: string | undefined): string {
  const { method, metric, direction, trials, best, seeds, seconds } = result;
  const sign = direction === 'higher' ? -1 : 1;
  const ranked = trials
    .filter(({ score }) => score !== null)
    .sort((a, b) => sign * ((a.score ?? 0) - (b.score ?? 0)))
    .slice(0, SHOWN_TRIALS);
  const keys = Object.keys(ranked[0]?.values ?? {});
  const table = [
    ['trial', metric, 'epochs', ...keys.map((key) => key.replace(/^.*\./, ''))],
    ...ranked.map(({ trial, score, epochs, values }) => [
      trial === best ? inBest(`${String(trial)} *`) : String(trial),
      score?.toFixed(4) ?? 'n/a',
      String(epochs),
      ...keys.map((key) => cell(values[key])),
    ]),
  ];
  const scores = seeds.flatMap(({ score }) => score ?? []);
  const mean = scores.reduce((a, b) => a + b, 0) / scores.length;
  const lines = [
    `${method}: ${String(trials.length)} trials in ${seconds.toFixed(0)} s, by ${metric} on validation (${direction} is better)`,
    alignedTable(table),
    `* best: ${metric} ${mean.toFixed(4)} on validation over ${String(scores.length)} fresh seeds`,
  ];
  if (out !== undefined) lines.push(`settings: ${join(out, method, 'best.json')}`);
  return lines.join('\n');
}

function cell(value: unknown): string {
  if (typeof value === 'number') return String(Number(value.toPrecision(3)));
  if (!Array.isArray(value)) return String(value);
  return value
    .map(
      ({ kind, intensity }: { kind?: string; intensity?: number }) =>
        `${String(kind)}:${String(intensity)}`,
    )
    .join('+');
}
