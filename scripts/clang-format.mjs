// Formats our C++ with the pinned clang-format from PyPI, or with --check tells what is not formatted.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const VERSION = '21.1.8';
const home = join('build', 'clang-format');
// The wheel's own launcher wants its package on the path; the program itself wants nothing.
const program = join(home, 'clang_format', 'data', 'bin', 'clang-format');

if (!existsSync(program)) {
  console.error(`fetching clang-format ${VERSION} from PyPI`);
  const pip = [
    '-m',
    'pip',
    'install',
    '--quiet',
    '--disable-pip-version-check',
    '--root-user-action=ignore',
  ];
  execFileSync('python3', [...pip, '--target', home, `clang-format==${VERSION}`], {
    stdio: 'inherit',
  });
}
const files = readdirSync('native', { recursive: true })
  .map((name) => join('native', name))
  .filter((name) => /\.(h|cc|cu)$/.test(name) && !name.endsWith('doctest.h'));
const mode = process.argv.includes('--check') ? ['--dry-run', '--Werror'] : ['-i'];
process.exitCode = spawnSync(program, [...mode, ...files], { stdio: 'inherit' }).status ?? 1;
