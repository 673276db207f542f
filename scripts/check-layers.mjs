// Lint: rooms of the house import only from the rooms below them, and only tests use reference.h.
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join, normalize, sep } from 'node:path';

/** Each room with the rooms it may import from, besides itself. */
const rooms = {
  'native/base': [],
  'native/data': ['native/base'],
  'native/ops': ['native/base'],
  'native/model': ['native/ops', 'native/base'],
  'native/training': ['native/model', 'native/ops', 'native/data', 'native/base'],
  'native/binding': ['native/training', 'native/model', 'native/ops', 'native/data', 'native/base'],
  'lib/metrics': ['lib'],
  'lib/data': ['lib'],
  'lib/native': ['lib'],
  'lib/training': ['lib', 'lib/native', 'lib/metrics', 'lib/data'],
  'lib/experiments': ['lib', 'lib/training', 'lib/native', 'lib/metrics', 'lib/data'],
  'lib/export': ['lib', 'lib/training', 'lib/data'],
  'lib/report': ['lib', 'lib/experiments', 'lib/training', 'lib/metrics', 'lib/data'],
};
/** Files at the top of lib that every room may use; the others there stand above the rooms. */
const ground = [
  'lib/config.ts',
  'lib/errors.ts',
  'lib/problems.ts',
  'lib/suggest.ts',
  'lib/version.ts',
];

const roomOf = (path) => Object.keys(rooms).find((room) => `${path}/`.startsWith(`${room}/`));
const problems = [];
for (const top of ['native', 'lib']) {
  for (const entry of readdirSync(top, { recursive: true })) {
    const file = join(top, entry).split(sep).join('/');
    const room = roomOf(file);
    if (room === undefined || !/\.(ts|h|cc|cu)$/.test(file)) continue;
    const test = /([/_]test\.cc|_fixture\.h|reference\.h)$/.test(file);
    const pattern = top === 'lib' ? /(?:from|import\() ?'(\.[^']+)'/g : /#include "([^"]+)"/g;
    for (const [, target] of readFileSync(file, 'utf8').matchAll(pattern)) {
      const path = top === 'lib' ? normalize(join(dirname(file), target)) : join('native', target);
      const to = roomOf(path) ?? (ground.includes(`${path}.ts`) ? 'lib' : undefined);
      if (path.startsWith('native/test/') ? test : path === 'binding') continue;
      if (to !== room && (to === undefined || !rooms[room].includes(to))) {
        problems.push(`${file} imports ${path}: ${room} may not`);
      }
      if (path.endsWith('reference.h') && !test)
        problems.push(`${file}: only tests include ${path}`);
    }
  }
}
for (const problem of problems) console.error(problem);
process.exitCode = problems.length > 0 ? 1 : 0;
