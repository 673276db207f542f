// Compiles lib/ to dist/, and removes from dist/ what a file that is no longer in lib/ left there: the package would
// hold it, and a module's old form would hide its new one.
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const compiler = join(root, 'node_modules', 'typescript', 'lib', 'tsc.js');
if (!existsSync(compiler)) {
  console.error('cmir: TypeScript is a development dependency; run npm ci without --omit=dev');
  process.exit(1);
}
const { status } = spawnSync(process.execPath, [compiler, '-p', 'tsconfig.build.json'], {
  cwd: root,
  stdio: 'inherit',
});
if (status !== 0) process.exit(1);
chmodSync(join(root, 'dist', 'cli', 'main.js'), 0o755);

for (const entry of readdirSync(join(root, 'dist'), { recursive: true, withFileTypes: true })) {
  const file = join(entry.parentPath, entry.name);
  const name = file.slice(join(root, 'dist').length).replace(/(\.js|\.d\.ts|\.js\.map)$/, '.ts');
  if (entry.isFile() && !existsSync(join(root, 'lib', name))) rmSync(file);
}
