import type { Command } from 'commander';

import { examples } from '../../help';
import { register as registerConvert } from './convert';
import { register as registerInspect } from './inspect';
import { register as registerSplit } from './split';
import { register as registerSynthesize } from './synthesize';

/** The group of commands `cmir data ...`. */
export function register(program: Command): void {
  const data = program
    .command('data')
    .description('look at a data set, change its form, split it, or make a synthetic one')
    .helpCommand(false);
  for (const each of [registerInspect, registerConvert, registerSplit, registerSynthesize]) {
    each(data);
  }
  examples(data, [
    ['cmir data inspect mosi.pkl', 'what is in it, and what may be wrong'],
    ['cmir data synthesize toy/', 'data to try things on'],
    ['cmir help data split', 'options of one of these'],
  ]);
}
