// The model that steps are measured on, in cmir.
import { createRequire } from 'node:module';
import { performance } from 'node:perf_hooks';

const require = createRequire(import.meta.url);
const { loadAddon } = require('../dist/native/load.js');

export const addon = loadAddon();

/** Widths of the modalities: sentence embeddings, COVAREP, Facet. */
export const FEATURES = { text: 768, audio: 74, vision: 47 };
const MODEL = { hidden: 256, latent: 128, dropout: 0.3, pooling: 'mean' };

export function makeConfig({
  threads,
  environments,
  precision = 'float32',
  sharing = 'independent',
}) {
  return {
    seed: 1,
    device: 'cpu',
    threads,
    precision,
    modalities: Object.entries(FEATURES).map(([name, features]) => ({
      name,
      features,
      sequence: false,
    })),
    maxLength: 0,
    outputs: 1,
    model: MODEL,
    environments: Array.from({ length: environments - 1 }, (_, e) => ({
      kind: 'gaussian',
      intensity: 0.3 * (e + 1),
    })),
    sharing,
    weights: { invariance: 1, decorrelation: 0.5, reconstruction: 1, risk: 0, consistency: 0 },
    decorrelation: { offDiagonal: 0.3 },
    prediction: { loss: 'l1', on: 'all' },
    reconstruction: { target: 'environment' },
    optimizer: {
      learningRate: 1e-4,
      weightDecay: 0.01,
      clipNorm: 1,
      decayBiases: true,
      schedule: 'constant',
      warmup: 0,
      epochs: 1,
      accumulation: 1,
    },
  };
}

/** A trainer with one batch of random data. */
export async function makeTrainer({ batch, ...options }) {
  const trainer = new addon.Trainer(makeConfig(options));
  const draw = (size) => Float32Array.from({ length: size }, () => 2 * Math.random() - 1);
  await trainer.upload({
    rows: batch,
    features: Object.values(FEATURES).map((width) => ({
      values: draw(batch * width),
      offsets: null,
    })),
    replaceNonFinite: false,
    targets: draw(batch),
    keys: null,
  });
  return trainer;
}

/** Milliseconds a step as the caller sees them, and the share that is spent outside the engine. */
export async function measureNative(trainer, batch, steps) {
  const rows = Int32Array.from({ length: batch * steps }, (_, i) => i % batch);
  const start = performance.now();
  const { seconds } = await trainer.trainEpoch(rows, batch);
  const elapsed = performance.now() - start;
  return { ms: elapsed / steps, overhead: 1 - (seconds * 1000) / elapsed };
}
