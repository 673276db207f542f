// Runs models with onnxruntime-node in a process of its own: jest's arrays are of another realm, which it refuses.
//
//   node run.mjs ONNXRUNTIME < [{ "model": FILE, "feeds": [{ name: TENSOR }] }] > [[{ name: TENSOR }]]
//
// A TENSOR is { "type", "dims", "data" }, data in base64. A feed that fails gives { "error": MESSAGE }.
import { Buffer } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const { InferenceSession, Tensor } = require(process.argv[2]);
const ARRAYS = { float32: Float32Array, int64: BigInt64Array };

function decode({ type, dims, data }) {
  const bytes = new Uint8Array(Buffer.from(data, 'base64'));
  return new Tensor(type, new ARRAYS[type](bytes.buffer), dims);
}

function encode({ type, dims, data }) {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  return { type, dims, data: bytes.toString('base64') };
}

const mapValues = (object, of) =>
  Object.fromEntries(Object.entries(object).map(([key, value]) => [key, of(value)]));

const results = [];
for (const { model, feeds } of JSON.parse(readFileSync(0, 'utf8'))) {
  const session = await InferenceSession.create(model, { logSeverityLevel: 4 });
  const found = [];
  for (const feed of feeds) {
    const run = session.run(mapValues(feed, decode)).then((outputs) => mapValues(outputs, encode));
    found.push(await run.catch(({ message }) => ({ error: message })));
  }
  results.push(found);
}
process.stdout.write(JSON.stringify(results));
