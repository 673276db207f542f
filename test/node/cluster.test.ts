import { SMALL, consumer, resultOf, runFile } from '../helpers/consumer';
import { removeFresh } from '../training/fixture';

afterAll(removeFresh);

/** Workers that train at once with the seeds they are given; \`answers\` are what they send, in the seeds' order. */
const TRAINERS = `${SMALL}
const cluster = require('node:cluster');
const { once } = require('node:events');
if (cluster.isWorker) {
  const seed = Number(process.env.SEED);
  train(data, seed < 0 ? endless : { ...settings, seed }, {
    onEpoch: ({ epoch }) => { if (epoch === 1) process.send('trains'); },
  }).then(({ model, metrics }) => {
    model.dispose();
    process.send({ mae: metrics.test.MAE }, () => process.disconnect());
  });
}
/** Waits until the worker trains, so that all do at once; its answer and how it ended. */
async function fork(seed) {
  const worker = cluster.fork({ SEED: String(seed) });
  const exit = once(worker, 'exit');
  let answer = null;
  worker.on('message', (message) => { if (message.mae !== undefined) answer = message.mae; });
  await once(worker, 'message');
  return { worker, ended: exit.then(([code, signal]) => ({ answer, code, signal })) };
}
`;

const run = (body: string): Promise<unknown> =>
  resultOf(
    runFile(
      consumer({
        'program.cjs': `${TRAINERS}
if (cluster.isPrimary) void (async () => { ${body} })();
`,
      }),
      'program.cjs',
    ),
  );

test('two workers train at once, each as one alone', async () => {
  const found = (await run(`
    const [first, second] = await Promise.all([fork(1), fork(2)]);
    const together = await Promise.all([first.ended, second.ended]);
    const alone = await (await fork(1)).ended;
    console.log(JSON.stringify({ together, alone }));
  `)) as { together: { answer: number }[]; alone: { answer: number } };
  const { together, alone } = found;
  expect(alone).toEqual({ answer: expect.any(Number) as number, code: 0, signal: null });
  expect(together).toEqual([alone, { ...alone, answer: expect.any(Number) as number }]);
  expect(together[1]?.answer).not.toBe(alone.answer);
});

test('a worker that is killed as it trains takes nothing with it', async () => {
  const found = await run(`
    const [victim, other] = await Promise.all([fork(-1), fork(3)]);
    victim.worker.process.kill('SIGKILL');
    console.log(JSON.stringify([await victim.ended, await other.ended]));
  `);
  expect(found).toEqual([
    { answer: null, code: null, signal: 'SIGKILL' },
    { answer: expect.any(Number) as number, code: 0, signal: null },
  ]);
});
