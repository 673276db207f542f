// Sequences of different lengths, modalities that are missing now and then, and data that stay on disk: written once,
// mapped when they are trained on, with the same result as in memory.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { inspectDataset, loadDataset, syntheticDataset, train, writeDataset } from 'cmir';

const data = syntheticDataset({
  // In the order of their names, in which files are read: the order decides which weights a modality starts with.
  modalities: { audio: 48, text: 64, vision: 48 },
  train: 400,
  valid: 100,
  test: 200,
  sequence: { minLength: 1, maxLength: 12 },
  missing: { audio: 0.2 },
});
const folder = mkdtempSync(join(tmpdir(), 'cmir-example-'));
try {
  await writeDataset(data, join(folder, 'words'), { format: 'safetensors' });
  const onDisk = await loadDataset(join(folder, 'words'));
  const { modalities } = await inspectDataset(onDisk);
  for (const [name, facts] of Object.entries(modalities)) {
    console.log(`${name}: up to ${facts.max_length} frames, missing for ${facts.missing} examples`);
  }

  const options = {
    model: { pooling: 'attention' },
    // What is missing in the data goes missing in one environment too.
    environments: [
      { kind: 'gaussian', intensity: 1 },
      { kind: 'drop', intensity: 0.2 },
    ],
    training: { epochs: 8 },
  };
  const runs = [await train(data, options), await train(onDisk, options)];
  const [memory, disk] = runs.map((run) => run.metrics.test.MAE);
  console.log(`test MAE ${memory.toFixed(3)} in memory, ${disk.toFixed(3)} from disk`);
  for (const run of runs) run.model.dispose();
  if (memory !== disk) throw new Error('expected the same result');
  if (!(memory < 0.8)) throw new Error('expected an error below that of a constant, 0.8');
} finally {
  rmSync(folder, { recursive: true });
}
