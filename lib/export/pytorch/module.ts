import type { Checkpoint } from '../../training/checkpoint';
import type { FileContent } from '../../training/files';
import { VERSION } from '../../version';
import { PROGRAM } from './program';

/** model.py: the constants of one model, then the program that is the same for all. */
export function pythonModule({ config, shape }: Checkpoint): FileContent {
  const { hidden, latent, dropout, pooling } = config.model;
  const modality = ({ name, features, sequence }: (typeof shape.modalities)[number]): string =>
    `    ${literal(name)}: Modality(features=${literal(features)}, sequence=${literal(sequence)}),\n`;
  const constants = [
    `TASK = ${literal(shape.task)}`,
    `LABEL = ${literal(shape.label)}`,
    `CLASSES = ${literal(shape.classes)}  # in the order of the outputs`,
    `MODALITIES = {\n${shape.modalities.map(modality).join('')}}`,
    `OUTPUTS = ${literal(shape.outputs)}`,
    `HIDDEN = ${literal(hidden)}`,
    `LATENT = ${literal(latent)}`,
    `DROPOUT = ${literal(dropout)}`,
    `POOLING = ${literal(pooling)}  # how a sequence becomes one vector`,
    `MAX_LENGTH = ${literal(config.data.maxLength)}  # frames after these do not count; 0: all do`,
  ];
  const content = PROGRAM.replace('@VERSION@', VERSION).replace('@CONSTANTS@', () =>
    constants.join('\n'),
  );
  return { name: 'model.py', content };
}

/** A value of JSON in Python. A text of JSON is one of Python too, when all that is not ASCII is escaped. */
function literal(value: string | number | boolean | null | readonly string[]): string {
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'object') return `[${value.map(literal).join(', ')}]`;
  const escape = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return JSON.stringify(value).replace(/[^\x20-\x7e]/g, escape);
}
