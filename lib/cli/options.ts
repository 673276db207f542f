import { readFile } from 'node:fs/promises';

import { parseValue, setOption, type Options } from '../config';
import { CmirError, messageOf } from '../errors';
import { checkKind, noiseOf, readNoiseName } from '../experiments/sets';
import type { Noise } from '../training/noise';

/** Reads an option that is a whole number of at least `least`. */
export function countOf(flag: string, least = 1): (text: string) => number {
  return (text) => parseInteger(flag, text, least);
}

/** The options of a configuration file, with `--set key=value` and the flags put over it, in that order. */
export async function readOptions(
  file: string | undefined,
  settings: readonly string[],
  flags: Readonly<Record<string, string | undefined>>,
): Promise<Options> {
  const options = file === undefined ? {} : await readConfigFile(file);
  for (const setting of settings) {
    const at = setting.indexOf('=');
    if (at < 1) {
      throw new CmirError('ERR_CMIR_USAGE', `--set: found '${setting}', expected KEY=VALUE`);
    }
    setOption(options, setting.slice(0, at), setting.slice(at + 1));
  }
  for (const [key, value] of Object.entries(flags)) {
    if (value !== undefined) setOption(options, key, value);
  }
  return options;
}

/** An object of `KEY=VALUE` texts: dotted keys nest, values are read as JSON where they are JSON. */
export function readSettings(flag: string, settings: readonly string[]): Record<string, unknown> {
  const options: Record<string, unknown> = {};
  for (const setting of settings) {
    const at = setting.indexOf('=');
    const path = setting.slice(0, at).split('.');
    if (at < 1 || path.some((part) => part === '' || part in Object.prototype)) {
      throw new CmirError('ERR_CMIR_USAGE', `${flag}: found '${setting}', expected KEY=VALUE`);
    }
    const last = path.pop() as string;
    let target = options;
    for (const part of path) {
      const inner = target[part];
      if (typeof inner !== 'object' || inner === null) target[part] = {};
      target = target[part] as Record<string, unknown>;
    }
    target[last] = parseValue(setting.slice(at + 1));
  }
  return options;
}

async function readConfigFile(file: string): Promise<Record<string, unknown>> {
  let content: unknown;
  try {
    content = JSON.parse(await readFile(file, 'utf8'));
  } catch (cause) {
    throw new CmirError('ERR_CMIR_CONFIG', `--config: cannot read ${file}: ${messageOf(cause)}`, {
      cause,
    });
  }
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    throw new CmirError(
      'ERR_CMIR_CONFIG',
      `--config: ${file}: expected a JSON object of configuration keys`,
    );
  }
  return content as Record<string, unknown>;
}

/** Reads KIND:LEVEL[@MODALITY+MODALITY], for example gaussian:0.7 or erase:0.5@text+audio. */
export function parseNoise(text: string, seed: number): Noise {
  const found = readNoiseName(text);
  if (found === undefined) {
    throw new CmirError(
      'ERR_CMIR_USAGE',
      `--noise: found '${text}', expected KIND:LEVEL, for example gaussian:0.7 or erase:0.5@text+audio`,
    );
  }
  return noiseOf({ ...found, kind: checkKind(found.kind, '--noise') }, seed);
}

/** The value of --seed. */
export function parseSeed(text: string): number {
  return parseInteger('--seed', text, 0);
}

/** A number of things, at least one. */
export function parseCount(flag: string, text: string): number {
  return parseInteger(flag, text, 1);
}

function parseInteger(flag: string, text: string, least: number): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isSafeInteger(value) && value >= least) return value;
  throw new CmirError(
    'ERR_CMIR_USAGE',
    `${flag}: found '${text}', expected an integer of at least ${String(least)}`,
  );
}

/** Words with commas between. */
export function parseList(text: string): string[] {
  return text.split(',').map((word) => word.trim());
}

/** Numbers with commas between. */
export function parseNumbers(flag: string, text: string): number[] {
  return parseList(text).map((word) => {
    const value = Number(word);
    if (word !== '' && Number.isFinite(value)) return value;
    throw new CmirError(
      'ERR_CMIR_USAGE',
      `${flag}: found '${word}', expected numbers with commas between`,
    );
  });
}
