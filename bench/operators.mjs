// Each operator's throughput beside a copy's, and decorrelation's memory and time by batch size, beside PyTorch.
//
//   npm run -s bench:operators -- [--json] [--threads N]
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { pythonEnvironment } from './python.mjs';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    threads: { type: 'string', default: '1' },
  },
});
const extension = process.platform === 'darwin' ? 'dylib' : 'so';
const library = join(import.meta.dirname, '..', 'build', 'Release', `libcmir_ops.${extension}`);
const { python, env } = pythonEnvironment();
const args = ['bench/pytorch/operators.py', '--library', library, '--threads', values.threads];
const { status, stdout } = spawnSync(python, args, {
  env,
  cwd: join(import.meta.dirname, '..'),
  encoding: 'utf8',
  stdio: ['ignore', 'pipe', 'inherit'],
});
if (status !== 0) process.exit(1);
const result = JSON.parse(stdout);
if (values.json) {
  console.log(JSON.stringify(result, null, 2));
} else {
  console.table(
    result.operators.map((row) => ({
      operator: row.operator,
      ms: row.ms.toFixed(2),
      'PyTorch ms': row.pytorch_ms.toFixed(2),
      'GB/s': row.gb_s.toFixed(1),
      'copy GB/s': row.copy_gb_s.toFixed(1),
    })),
  );
  console.table(
    result.decorrelation.map((row) => ({
      form: row.form,
      batch: row.batch,
      ms: row.ms.toFixed(1),
      'MB beyond inputs and outputs': row.memory_mb.toFixed(0),
    })),
  );
}
