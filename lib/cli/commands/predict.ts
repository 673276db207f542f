import { Option, type Command } from 'commander';
import Papa from 'papaparse';

import { loadDataset } from '../../data/load';
import { writeAtomically } from '../../training/files';
import { loadModel } from '../../training/load';
import type { Model, Predictions } from '../../training/model';
import { deviceOption, outputOptions, splitOption } from '../flags';
import { examples } from '../help';
import { printNotes } from '../notes';
import { makeReady } from '../ready';

interface Flags {
  split: string;
  out: string;
  device?: string;
  json: boolean;
  quiet: boolean;
}

export function register(program: Command): void {
  const command = program
    .command('predict')
    .description('predictions of a run’s best model as CSV, a row an example')
    .argument('<run>', 'run folder')
    .argument('<dataset>', 'data set; labels are not needed')
    .addOption(splitOption('which examples', 'all'))
    .addOption(deviceOption())
    .action(async (run: string, dataset: string, flags: Flags) => {
      await main(run, dataset, flags);
    });
  outputOptions(command, {
    out: new Option(
      '--out <file.csv>',
      'file to write; an old one is replaced',
    ).makeOptionMandatory(),
    quiet: 'no notes',
  });
  examples(command, [
    ['cmir predict runs/a new.npz --out predictions.csv'],
    ['cmir predict runs/a mosi/ --split test --out test.csv'],
  ]);
}

async function main(run: string, path: string, flags: Flags): Promise<void> {
  await makeReady(flags.quiet);
  const model = await loadModel(run, flags.device === undefined ? {} : { device: flags.device });
  try {
    const { data, task } = model.config;
    const classes = model.shape.classes ?? undefined;
    const dataset = await loadDataset(path, { ...data, task, classes, requireLabel: false });
    printNotes(dataset, flags.quiet);
    const split = flags.split === 'all' ? dataset.all : dataset.split(flags.split);
    const predictions = await model.predict(split);
    await writeAtomically(flags.out, table(model, predictions));
    const count = predictions.ids.length;
    console.log(
      flags.json
        ? JSON.stringify({ out: flags.out, examples: count })
        : `${String(count)} predictions in ${flags.out}`,
    );
  } finally {
    model.dispose();
  }
}

/** id and prediction; for classification the class name, then a probability a class. */
function table({ shape }: Model, { ids, predictions, probabilities }: Predictions): string {
  const { classes, outputs } = shape;
  const rows = ids.map((id, row) => {
    const value = predictions[row] as number;
    if (classes === null || probabilities === undefined) return [id, value];
    return [id, classes[value], ...probabilities.subarray(row * outputs, (row + 1) * outputs)];
  });
  const names = classes?.map((name) => `probability_${name}`) ?? [];
  return `${Papa.unparse([['id', 'prediction', ...names], ...rows], { newline: '\n' })}\n`;
}
