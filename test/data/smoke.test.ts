import { loadDataset } from '../../lib/data/load';
test('x', async () => {
  for (const n of ['cmu-mosi','cmu-mosi-minilm','cmu-mosi-minilm']) {
  const t = performance.now();
  const d = await loadDataset('../shared/data/'+n);
  console.log(performance.now()-t, d.size, d.modalities.map(m=>[m.name,m.features,m.values.slice(0,3)]), d.label?.name, d.label?.task, d.splits.size, Object.keys(d.metadata));
  }
});
