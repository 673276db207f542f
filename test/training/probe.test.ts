import { train } from '../../lib/training/train';
import { TINY, tinyDataset, freshPath } from './fixture';
import { readdirSync, readFileSync } from 'node:fs';
test('x', async () => {
  const out = freshPath();
  const run = await train(tinyDataset(), TINY, { out });
  console.log(JSON.stringify(run.metrics), readdirSync(out), readFileSync(out + '/history.jsonl', 'utf8'), JSON.stringify(run.history.map(r=>[r.seconds, r.native_seconds])), readFileSync(out+'/config.json','utf8'));
  run.model.dispose();
});
