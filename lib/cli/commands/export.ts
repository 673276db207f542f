import { Option, type Command } from 'commander';

import { EXPORT_FORMATS, exportModel, type ExportFormat } from '../../export';
import { outputOptions } from '../flags';
import { examples } from '../help';
import { oneOf } from '../named';

interface Flags {
  format: string;
  out?: string;
  json: boolean;
}

export function register(program: Command): void {
  const command = program
    .command('export')
    .description('a run’s best model as a file that other runtimes read: ONNX, or PyTorch')
    .argument('<run>', 'run folder')
    .addOption(oneOf('--format <name>', 'what to write', EXPORT_FORMATS).makeOptionMandatory())
    .action(async (run: string, { format, out, json }: Flags) => {
      const exported = await exportModel(run, {
        format: format as ExportFormat, // Checked there.
        ...(out === undefined ? {} : { out }),
      });
      console.log(json ? JSON.stringify(exported) : `wrote ${exported.out} (${exported.format})`);
    });
  outputOptions(command, {
    out: new Option('--out <path>', 'file (onnx) or folder (pytorch); else in the run folder'),
  });
  examples(command, [
    ['cmir export runs/a --format onnx', 'writes runs/a/model.onnx'],
    ['cmir export runs/a --format pytorch --out model/', 'state dict and a model.py'],
  ]);
}
