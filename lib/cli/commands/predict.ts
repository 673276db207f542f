import type { Command } from 'commander';
import Papa from 'papaparse';

import { loadDataset } from '../../data/load';
import { writeAtomically } from '../../training/files';
import { loadModel } from '../../training/load';
import type { Model, Predictions } from '../../training/model';
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
  program
    .command('predict')
    .description('predictions of a run’s best model as CSV, a row an example')
    .argument('<run>', 'run folder')
    .argument('<dataset>', 'data set; labels are not needed')
    .requiredOption('--out <file.csv>', 'file to write')
    .option('--split <name>', 'which examples', 'all')
    .option('--device <name>', 'auto, cpu, cuda or cuda:<i>')
    .option('--json', 'print one JSON document', false)
    .option('--quiet', 'no progress', false)
    .action(async (run: string, dataset: string, flags: Flags) => {
      await main(run, dataset, flags);
    });
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
