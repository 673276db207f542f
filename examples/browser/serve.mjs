// A page that predicts by itself: a run is exported to ONNX and served with a few examples; onnxruntime-web does the
// rest in the browser. Without arguments it trains on the built-in data first, which takes seconds.
//
//   node examples/browser/serve.mjs [RUN DATASET]     needs: npm install onnxruntime-web
//
// The run must be a regression on features that are not sequences.
import { createReadStream } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { exportModel, loadDataset, syntheticDataset, train } from 'cmir';

const SHOWN = 8;
const folder = await mkdtemp(join(tmpdir(), 'cmir-browser-'));
const [run = join(folder, 'run'), path] = process.argv.slice(2);
const data =
  path === undefined
    ? syntheticDataset({ modalities: { text: 24, audio: 16, vision: 16 } })
    : await loadDataset(path);
if (path === undefined) {
  console.error('training a small model');
  const { model } = await train(data, { training: { epochs: 15 } }, { out: run });
  model.dispose();
}

const model = join(folder, 'model.onnx');
await exportModel(run, { format: 'onnx', out: model });

/** The features of one row; JSON has no NaN, so that a missing value becomes null. */
const rowOf = ({ features, values }, row) => [
  ...values.subarray(row * features, (row + 1) * features),
];
const examples = Array.from(data.test.rows.subarray(0, SHOWN), (row) => ({
  id: data.ids[row],
  truth: data.label.values[row],
  features: Object.fromEntries(data.modalities.map((each) => [each.name, rowOf(each, row)])),
}));
const range = [Math.min(...data.label.values), Math.max(...data.label.values)];
await writeFile(
  join(folder, 'examples.json'),
  JSON.stringify({ label: data.label.name, range, examples }),
);

const runtime = dirname(createRequire(import.meta.url).resolve('onnxruntime-web'));
const files = {
  '/': join(import.meta.dirname, 'index.html'),
  '/app.mjs': join(import.meta.dirname, 'app.mjs'),
  '/model.onnx': model,
  '/examples.json': join(folder, 'examples.json'),
};
for (const name of [
  'ort.wasm.min.mjs',
  'ort-wasm-simd-threaded.mjs',
  'ort-wasm-simd-threaded.wasm',
])
  files[`/ort/${name}`] = join(runtime, name);
const types = { html: 'text/html', mjs: 'text/javascript', json: 'application/json' };

const server = createServer(({ url }, response) => {
  const file = files[url];
  if (file === undefined) return response.writeHead(404).end();
  const type = types[file.split('.').at(-1)] ?? 'application/octet-stream';
  response.writeHead(200, { 'content-type': file.endsWith('.wasm') ? 'application/wasm' : type });
  createReadStream(file).pipe(response);
});
server.listen(Number(process.env.PORT ?? 0), '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${server.address().port}/`);
});
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, async () => {
    await rm(folder, { recursive: true, force: true });
    process.exit();
  });
}
