// Each operator's throughput beside a copy's, and decorrelation's memory and time by batch size, beside PyTorch.
//
//   npm run -s bench:operators -- [--json] [--threads N]
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { makeTrainer, measureNative } from './native.mjs';
import { pythonEnvironment } from './python.mjs';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    threads: { type: 'string', default: '1' },
  },
});
const { findOperators } = createRequire(import.meta.url)('../dist/native/operators.js');
const { python, env } = pythonEnvironment();
// Freed memory is kept, so that fresh pages from the kernel are not what is timed.
Object.assign(env, { MALLOC_MMAP_THRESHOLD_: '33554432', MALLOC_TRIM_THRESHOLD_: '4294967296' });
const args = [
  'bench/pytorch/operators.py',
  '--library',
  findOperators().path,
  '--threads',
  values.threads,
];
const { status, stdout } = spawnSync(python, args, {
  env,
  cwd: join(import.meta.dirname, '..'),
  encoding: 'utf8',
  stdio: ['ignore', 'pipe', 'inherit'],
});
if (status !== 0) process.exit(1);
const shape = { threads: Number(values.threads), batch: 512, environments: 4 };
const trainer = await makeTrainer(shape);
await measureNative(trainer, shape.batch, 2);
const step = await measureNative(trainer, shape.batch, 10);
trainer.dispose();
const result = { ...JSON.parse(stdout), step_ms: step.ms };
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
  const sum = Object.values(result.of_a_step).reduce((a, b) => a + b, 0);
  const each = Object.entries(result.of_a_step).map(([name, ms]) => `${name} ${ms.toFixed(2)}`);
  console.log(
    `of a step of ${step.ms.toFixed(1)} ms (batch 512, 4 environments): ${each.join(', ')} ms,`,
  );
  console.log(`together ${((100 * sum) / step.ms).toFixed(1)} %`);
  console.table(
    result.decorrelation.map((row) => ({
      form: row.form,
      batch: row.batch,
      ms: row.ms.toFixed(1),
      'MB beyond inputs and outputs': row.memory_mb.toFixed(0),
    })),
  );
}
