// What the options that trade something change in a step's time: bfloat16 products, and one draw of noise for all
// environments. Measured in turn, each the least of its rounds.
//
//   npm run -s bench:options -- [--json] [--threads 1]
import { parseArgs } from 'node:util';

import { makeTrainer, measureNative } from './native.mjs';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    threads: { type: 'string', default: '1' },
  },
});
const variants = {
  default: {},
  common: { sharing: 'common' },
  bf16: { precision: 'bf16' },
  both: { precision: 'bf16', sharing: 'common' },
};
const rows = [];
for (const [batch, environments] of [
  [32, 4],
  [512, 4],
  [512, 8],
]) {
  const shape = { threads: Number(values.threads), batch, environments };
  const trainers = {};
  for (const [name, options] of Object.entries(variants)) {
    trainers[name] = await makeTrainer({ ...shape, ...options });
    await measureNative(trainers[name], batch, 2);
  }
  const least = Object.fromEntries(Object.keys(variants).map((name) => [name, Infinity]));
  for (let round = 0; round < 5; ++round) {
    for (const [name, trainer] of Object.entries(trainers)) {
      const { ms } = await measureNative(trainer, batch, Math.max(3, Math.ceil(1600 / batch)));
      least[name] = Math.min(least[name], ms);
    }
  }
  for (const trainer of Object.values(trainers)) trainer.dispose();
  rows.push({ ...shape, ms: least });
}
if (values.json) {
  console.log(JSON.stringify({ rows }, null, 2));
} else {
  console.table(
    rows.map(({ batch, environments, ms }) => ({
      batch,
      E: environments,
      ...Object.fromEntries(
        Object.entries(ms).map(([name, value]) => [
          name,
          `${value.toFixed(2)} ms (${(ms.default / value).toFixed(2)}x)`,
        ]),
      ),
    })),
  );
}
