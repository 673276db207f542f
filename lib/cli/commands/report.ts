import { Option, type Command } from 'commander';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import { CmirError } from '../../errors';
import { makeReport } from '../../report';
import { writeAtomically } from '../../training/files';
import { deviceOption, metricOption, outputOptions } from '../flags';
import { examples } from '../help';
import { makeReady } from '../ready';

interface Flags {
  out: string;
  figures?: string;
  title?: string;
  metric?: string;
  models: string;
  device?: string;
  json: boolean;
  quiet: boolean;
}

export function register(program: Command): void {
  const command = program
    .command('report')
    .description('one HTML page on runs and results, which needs no network and no other file')
    .argument(
      '<runs...>',
      'run folders, and folders with compare.json, sweep.json, search.json, probes.json or sensitivity.json',
    )
    .option('--title <text>', 'heading of the page')
    .addOption(metricOption('metric that charts are about; default: MAE or Acc'))
    .option('--models <n>', 'draw predictions and codes of so many methods at most; 0 of none', '6')
    .addOption(deviceOption())
    .action(async (runs: string[], flags: Flags) => {
      await main(runs, flags);
    });
  outputOptions(command, {
    out: new Option('--out <file.html>', 'file to write').makeOptionMandatory(),
    quiet: 'no notes',
  }).option('--figures <folder>', 'also write every chart as SVG and its data as CSV there');
  examples(command, [
    ['cmir report runs/a --out a.html', 'how one run went'],
    ['cmir report compare/ sweep/ search/ --out report.html --figures figures/'],
  ]);
}

async function main(runs: readonly string[], flags: Flags): Promise<void> {
  const { title, metric, device, out } = flags;
  const report = await makeReport(runs, {
    ...(title === undefined ? {} : { title }),
    ...(metric === undefined ? {} : { metric }),
    ...(device === undefined ? {} : { device }),
    models: readCount(flags.models),
    beforeModels: () => makeReady(flags.quiet),
  });
  await writeAtomically(out, report.html);
  if (flags.figures !== undefined) await writeFigures(flags.figures, report.figures);
  if (!flags.quiet) for (const note of report.notes) console.error(`cmir: ${note}`);
  const names = report.figures.map(({ name }) => name);
  console.log(
    flags.json
      ? JSON.stringify({ out, figures: names, notes: report.notes }, null, 2)
      : `${out}: ${String(names.length)} charts, ${(report.html.length / 1e6).toFixed(1)} MB`,
  );
}

async function writeFigures(
  folder: string,
  figures: readonly { name: string; svg: string; csv: string }[],
): Promise<void> {
  await mkdir(folder, { recursive: true }).catch((cause: unknown) => {
    throw new CmirError('ERR_CMIR_IO', `cannot make the folder ${folder}`, { cause });
  });
  for (const { name, svg, csv } of figures) {
    await writeAtomically(join(folder, `${name}.svg`), svg);
    await writeAtomically(join(folder, `${name}.csv`), csv);
  }
}

function readCount(text: string): number {
  const count = Number(text);
  if (text !== '' && Number.isSafeInteger(count) && count >= 0) return count;
  throw new CmirError(
    'ERR_CMIR_USAGE',
    `--models: found '${text}', expected an integer of at least 0`,
  );
}
