// Predictions over HTTP: requests that come within a few milliseconds are one call of the model, bad input is refused
// by its schema, and the model is freed when the server closes.
//
//   PORT=8080 node examples/server.mjs     serves until Ctrl-C
//   node examples/server.mjs               asks itself 20 questions at once, and ends
import fastify from 'fastify';
import { syntheticDataset, train } from 'cmir';

// In earnest: const model = await loadModel('runs/mine');
const data = syntheticDataset({ train: 1000, test: 200 });
const { model } = await train(data, { training: { epochs: 10 } });
const { modalities } = model.shape;

const WAIT_MS = 5;
const batches = [];
let waiting = [];

/** The prediction of one example, asked of the model together with those that come soon after. */
function predict(example) {
  return new Promise((resolve, reject) => {
    waiting.push({ example, resolve, reject });
    if (waiting.length === 1) setTimeout(flush, WAIT_MS);
  });
}

async function flush() {
  const batch = waiting;
  waiting = [];
  batches.push(batch.length);
  try {
    const rowsOf = ({ name }) => [name, batch.map(({ example }) => example[name])];
    const arrays = { modalities: Object.fromEntries(modalities.map(rowsOf)) };
    const { predictions } = await model.predict(arrays);
    batch.forEach(({ resolve }, i) => resolve(predictions[i]));
  } catch (error) {
    batch.forEach(({ reject }) => reject(error));
  }
}

/** Each modality a list of as many numbers as the model was trained on. */
const numbers = (n) => ({ type: 'array', items: { type: 'number' }, minItems: n, maxItems: n });
const body = {
  type: 'object',
  required: modalities.map(({ name }) => name),
  properties: Object.fromEntries(modalities.map(({ name, features: n }) => [name, numbers(n)])),
};

const app = fastify();
app.post('/predict', { schema: { body } }, async (request) => ({
  prediction: await predict(request.body),
}));
// close() first lets the requests that are under way finish.
app.addHook('onClose', () => model.dispose());
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => app.close());
const address = await app.listen({ port: Number(process.env.PORT ?? 0) });
console.log(`listening on ${address}`);
if (process.env.PORT === undefined) await demonstrate();

async function demonstrate() {
  const ask = async (example) => {
    const headers = { 'content-type': 'application/json' };
    const options = { method: 'POST', headers, body: JSON.stringify(example) };
    return (await fetch(`${address}/predict`, options)).json();
  };
  const rowsOf =
    (row) =>
    ({ name, features: n, values }) => [name, [...values.subarray(row * n, (row + 1) * n)]];
  const examples = [...data.test.rows.slice(0, 20)].map((row) =>
    Object.fromEntries(data.modalities.map(rowsOf(row))),
  );
  const answers = await Promise.all(examples.map(ask));
  const shown = answers.slice(0, 3).map(({ prediction }) => prediction.toFixed(2));
  console.log(
    `${answers.length} answers: ${shown.join(', ')}, ... in batches of ${batches.join(', ')}`,
  );
  const refused = await ask({ ...examples[0], audio: [1, 2] });
  console.log(`${refused.statusCode}: ${refused.message}`);
  const { predictions } = await model.predict(data.test);
  const isRight = answers.every(
    ({ prediction }, i) => Math.abs(prediction - predictions[i]) < 1e-5,
  );
  if (!isRight || batches.length === 20 || refused.statusCode !== 400) process.exitCode = 1;
  await app.close();
}
