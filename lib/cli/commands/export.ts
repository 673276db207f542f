import type { Command } from 'commander';

import { EXPORT_FORMATS, exportModel, type ExportFormat } from '../../export';

interface Flags {
  format: string;
  out?: string;
  json: boolean;
}

export function register(program: Command): void {
  program
    .command('export')
    .description('a run’s best model as a file that other runtimes read: ONNX, or PyTorch')
    .argument('<run>', 'run folder')
    .requiredOption('--format <name>', EXPORT_FORMATS.join(' or '))
    .option(
      '--out <path>',
      'file (onnx) or folder (pytorch) to write; default: model.onnx or pytorch in the run folder',
    )
    .option('--json', 'print one JSON document', false)
    .action(async (run: string, { format, out, json }: Flags) => {
      const exported = await exportModel(run, {
        format: format as ExportFormat, // Checked there.
        ...(out === undefined ? {} : { out }),
      });
      console.log(json ? JSON.stringify(exported) : `${exported.out}: ${exported.format}`);
    });
}
