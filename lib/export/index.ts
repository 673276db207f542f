import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { writeWhole } from '../data/whole';
import { CmirError } from '../errors';
import { closestTo } from '../suggest';
import { modelFile, readModel, FILES, type Checkpoint } from '../training/checkpoint';
import { Model } from '../training/model';
import { onnxFile } from './onnx';
import { pythonModule } from './pytorch/module';
import { Weights } from './weights';

/** What a model can be written as. */
export const EXPORT_FORMATS = ['onnx', 'pytorch'] as const;
/** One of EXPORT_FORMATS. */
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** What to write, and where. */
export interface ExportOptions {
  /** onnx is one file; pytorch is a folder with model.safetensors and model.py. */
  readonly format: ExportFormat;
  /** Where to: a path that is not there yet. Default, of a run folder: model.onnx or pytorch in it. */
  readonly out?: string;
}

/** What was written. */
export interface Exported {
  /** As asked for. */
  readonly format: ExportFormat;
  /** The file or folder that was written. */
  readonly out: string;
}

/**
 * Writes the best model of a run folder, or a model in memory, in a form that other runtimes read. What it predicts
 * on raw features there is what Model.predict says, up to float32 rounding. Needs neither LibTorch nor the addon for
 * a run folder.
 * Throws ERR_CMIR_USAGE for a format that there is not and for a path that holds something, ERR_CMIR_CHECKPOINT for a
 * run folder without a whole model, ERR_CMIR_IO when writing fails.
 */
export async function exportModel(run: string | Model, options: ExportOptions): Promise<Exported> {
  const { format } = options;
  checkFormat(format);
  const out = options.out ?? defaultPath(run, format);
  const source = typeof run === 'string' ? join(run, FILES.model) : 'model';
  const checkpoint = await read(run);
  const weights = new Weights(checkpoint, source);
  if (format === 'onnx') {
    const content = onnxFile(checkpoint, weights);
    await writeWhole(out, (target) => writeFile(target, content));
  } else {
    const files = [modelFile(checkpoint), pythonModule(checkpoint)];
    await writeWhole(out, async (target) => {
      await mkdir(target);
      for (const { name, content } of files) await writeFile(join(target, name), content);
    });
  }
  return { format, out };
}

async function read(run: string | Model): Promise<Checkpoint> {
  if (typeof run === 'string') return readModel(run);
  return { state: await run.state(), config: run.config, shape: run.shape };
}

function defaultPath(run: string | Model, format: ExportFormat): string {
  if (typeof run === 'string') return join(run, format === 'onnx' ? 'model.onnx' : 'pytorch');
  throw new CmirError(
    'ERR_CMIR_USAGE',
    'out: found nothing, expected a path for a model in memory',
  );
}

/** Formats come from command lines and from JavaScript. */
function checkFormat(format: unknown): void {
  if (EXPORT_FORMATS.some((known) => known === format)) return;
  const nearest = typeof format === 'string' ? closestTo(format, EXPORT_FORMATS) : undefined;
  throw new CmirError(
    'ERR_CMIR_USAGE',
    `format: found ${JSON.stringify(format)}, expected ${EXPORT_FORMATS.join(' or ')}` +
      (nearest === undefined ? '' : `; did you mean '${nearest}'?`),
  );
}
