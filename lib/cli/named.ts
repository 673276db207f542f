import { Option } from 'commander';

import { CmirError } from '../errors';
import { expectedOneOf } from '../suggest';

/** What a shell completes: a whole value, the last of several with commas between, or a key before its `=`. */
type Form = 'one' | 'list' | 'key';

/** An option whose values have names: a shell completes them. */
export class NamedOption extends Option {
  form: Form = 'one';
  /** The names there are; in the form `key`, the names of keys. */
  names: readonly string[] = [];
  /** The values that a key takes, where they have names. */
  valuesOf: (key: string) => readonly string[] = () => [];
}

/** An option that takes one of some names and refuses any other. */
export function oneOf(flags: string, description: string, names: readonly string[]): NamedOption {
  return checked(suggesting(flags, `${description} (${names.join(', ')})`, names));
}

/** Makes an option refuse what is none of its names. */
export function checked(option: NamedOption): NamedOption {
  const { long: flag, names } = option;
  return option.argParser((value: string) => {
    if (names.includes(value)) return value;
    throw new CmirError(
      'ERR_CMIR_USAGE',
      `${flag ?? ''}: found '${value}', ${expectedOneOf(value, names)}`,
    );
  });
}

/** Makes an option refuse to be given twice, where the last would silently hide the others; `instead` says what does. */
export function once(option: NamedOption, instead: string): NamedOption {
  return option.argParser((value: string, previous: string | undefined) => {
    if (previous === undefined) return value;
    throw new CmirError(
      'ERR_CMIR_USAGE',
      `${option.long ?? ''}: found ${previous} and ${value}, expected one; ${instead}`,
    );
  });
}

/** An option of which a shell completes some names; whoever reads its value checks it. */
export function suggesting(
  flags: string,
  description: string,
  names: readonly string[],
  form: Form = 'one',
): NamedOption {
  const option = new NamedOption(flags, description);
  return Object.assign(option, { names, form });
}

/** An option that may be given again, each time with `key=value`. */
export function keyed(
  flags: string,
  description: string,
  keys: readonly string[],
  valuesOf: (key: string) => readonly string[] = () => [],
): NamedOption {
  const option = suggesting(flags, description, keys, 'key');
  option.valuesOf = valuesOf;
  return option
    .argParser((value: string, previous: string[]) => [...previous, value])
    .default([], 'none');
}
