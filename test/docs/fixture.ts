import { chmodSync, mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';

import { writeDataset } from '../../lib/data/write';
import { cacheRoot } from '../../lib/native/libtorch';
import { ROOT, tablesOf, writeTables } from '../helpers/program';
import { tinyDataset } from '../training/fixture';

/** Folders of the repository that commands in the documentation name. */
const LINKED = ['bench', 'docs', 'examples', 'scripts'];

/** What `cmir`, `npx cmir` and `npm run -s cmir --` run; anything else of npm and npx fails. */
const SHIMS = {
  cmir: 'exec node "$SMALL" "$@"',
  npx: '[ "$1" = cmir ] && shift && exec node "$SMALL" "$@"',
  npm: '[ "$1 $2 $3 $4" = "run -s cmir --" ] && shift 4 && exec node "$SMALL" "$@"',
};

/**
 * A folder for the blocks of one page, below the repository, so that `cmir` is this package. It holds what the
 * documentation calls its data, with few examples of synthetic data inside: `mosi/`, `mosi.pkl` (arrays, for a form is
 * told by its content), and `new-data/` without labels.
 */
export async function makeFolder(page: string): Promise<string> {
  const parent = join(ROOT, 'build', 'docs');
  mkdirSync(parent, { recursive: true });
  const folder = mkdtempSync(join(parent, `${page.replace(/\W/g, '-')}-`));
  const data = tinyDataset();
  const tables = tablesOf(data);
  writeTables(join(folder, 'mosi'), tables);
  await writeDataset(data, join(folder, 'mosi.pkl'), { format: 'npz' });
  const ids = (tables['labels.csv'] ?? []).map(([id]) => [id as string]);
  writeTables(join(folder, 'new-data'), { ...tables, 'labels.csv': ids });
  for (const name of LINKED) symlinkSync(join(ROOT, name), join(folder, name));
  mkdirSync(join(folder, 'bin'));
  for (const [name, command] of Object.entries(SHIMS)) {
    const file = join(folder, 'bin', name);
    writeFileSync(file, `#!/bin/sh\n${command}\necho "no test runs: ${name} $*" >&2\nexit 1\n`);
    chmodSync(file, 0o755);
  }
  return folder;
}

/** The environment for a block's program in such a folder, which is its home too: no block reaches the user's own. */
export function environmentOf(folder: string): NodeJS.ProcessEnv {
  const PATH = [join(folder, 'bin'), process.env['PATH']].join(delimiter);
  const XDG_CACHE_HOME = dirname(cacheRoot());
  return {
    ...process.env,
    PATH,
    HOME: folder,
    XDG_CACHE_HOME,
    SMALL: join(__dirname, 'small.mjs'),
  };
}
