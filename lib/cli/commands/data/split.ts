import type { Command } from 'commander';

import { resolveConfig } from '../../../config';
import { loadDataset } from '../../../data/load';
import { splitDataset, type SplitOptions, type SplitReport } from '../../../data/split';
import { formatOf, writeDataset, type WriteFormat } from '../../../data/write';
import { formatOption, outputOptions, readingOptions } from '../../flags';
import { examples, glossary } from '../../help';
import { keyed, oneOf } from '../../named';
import { printNotes } from '../../notes';
import { readOptions, readSettings } from '../../options';

interface Flags {
  by: string;
  option: string[];
  format?: WriteFormat;
  set: string[];
  seed?: string;
  json: boolean;
  quiet: boolean;
}

const METHODS = ['random', 'group', 'kfold', 'words'];

export function register(data: Command): void {
  const command = data
    .command('split')
    .description('write a data set with other splits')
    .argument('<dataset>', 'data set of any form')
    .argument('<out>', 'folder or file to write; it must not be there yet')
    .addOption(oneOf('--by <method>', 'how', METHODS).makeOptionMandatory())
    .addOption(keyed('--option <key=value>', 'option of the method; may be given again', []))
    .option('--seed <n>', 'same as --option seed=<n>')
    .addOption(
      formatOption(
        'as in cmir data convert; default: npz for a name that ends so, else the form of the folder, else csv',
      ),
    )
    .action(async (source: string, out: string, flags: Flags) => {
      await main(source, out, flags);
    });
  outputOptions(readingOptions(command, ['data.label', 'task']), { quiet: 'no notes' });
  glossary(command, 'Methods and their options:', [
    ['random', 'fractions.train, .valid, .test, .shifted; stratify, bins'],
    ['group', 'fractions.*; group, a column: no group in two splits (default: video)'],
    ['kfold', 'k, fold (from 1): that fold is test, the next valid; group, or stratify and bins'],
    [
      'words',
      'takes a test set `shifted` out of test in which words tell less of the label than in train ' +
        '(objective=decorrelate, in the manner of CLUE), or the opposite (objective=invert); ' +
        'text, size, pool (test, all), minCount, stopWords, neutral, annealing.*',
    ],
  ]);
  examples(command, [
    ['cmir data split mosi/ mosi-by-video/ --by group'],
    ['cmir data split mosi/ fold1/ --by kfold --option k=5 --option fold=1'],
    ['cmir data split mosi/ mosi-ood/ --by words --option objective=invert --seed 2'],
  ]);
}

async function main(source: string, out: string, flags: Flags): Promise<void> {
  const config = resolveConfig(await readOptions(undefined, flags.set, {}));
  const { by, seed } = flags;
  const settings = seed === undefined ? flags.option : [...flags.option, `seed=${seed}`];
  const options = { ...readSettings('--option', settings), by } as unknown as SplitOptions;
  const dataset = await loadDataset(source, {
    ...config.data,
    task: config.task,
    requireLabel: false,
  });
  printNotes(dataset, flags.quiet);
  const { dataset: divided, report } = splitDataset(dataset, options);
  const format = flags.format ?? (out.endsWith('.npz') ? 'npz' : await formatOf(source));
  await writeDataset(divided, out, format === undefined ? {} : { format });
  console.log(flags.json ? JSON.stringify({ out, ...report }, null, 2) : reportPage(out, report));
}

function reportPage(out: string, { splits, groups, words }: SplitReport): string {
  const lines = Object.entries(splits).map(([name, summary]) => {
    if (!('priors' in summary)) return `  ${name.padEnd(8)} ${String(summary.examples)} examples`;
    const priors = Object.entries(summary.priors).map(
      ([label, share]) => `${label} ${(100 * share).toFixed(0)} %`,
    );
    const constant = Object.entries(summary.constant ?? {}).map(
      ([metric, value]) => `${metric} ${value === null ? 'n/a' : (value as number).toFixed(3)}`,
    );
    return `  ${name.padEnd(8)} ${String(summary.examples)} examples: ${priors.join(', ')}; a constant scores ${constant.join(', ')}`;
  });
  const correlation = (value: number | null): string => value?.toFixed(2) ?? 'n/a';
  const shift =
    words === undefined
      ? []
      : [
          `  ${String(words.words)} words of ${words.text} count, at least ${String(words.min_count)} times in ${String(words.pool)} examples`,
          `  objective ${words.objective}: ${words.value.random.toFixed(1)} in a random set of that size, ${words.value.shifted.toFixed(1)} in shifted`,
          `  words' polarity, correlation with train: ${correlation(words.train_correlation.test)} in test, ${correlation(words.train_correlation.shifted)} in shifted`,
          ...(words.probe === null
            ? []
            : [
                `  a linear model of the words: ${scores(words.probe.test)} on test, ${scores(words.probe.shifted)} on shifted`,
              ]),
        ];
  return [
    out,
    ...lines,
    ...(groups === undefined ? [] : [`  ${String(groups)} groups, none in two splits`]),
    ...shift,
  ].join('\n');
}

function scores(probe: object): string {
  return Object.entries(probe)
    .map(([metric, value]) => `${metric} ${(value as number | null)?.toFixed(3) ?? 'n/a'}`)
    .join(', ');
}
