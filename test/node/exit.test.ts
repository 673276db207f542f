import { SMALL, consumer, runFile } from '../helpers/consumer';
import { removeFresh } from '../training/fixture';

afterAll(removeFresh);

const run = (body: string): ReturnType<typeof runFile> =>
  runFile(consumer({ 'program.cjs': `${SMALL}\n${body}` }), 'program.cjs');

const MOMENTS = {
  'as it is called': 'train(data, endless); process.exit(7);',
  'at the first step': 'train(data, endless, { onProgress: () => process.exit(7) });',
  'after an epoch': 'train(data, endless, { onEpoch: () => process.exit(7) });',
  'in the middle of an epoch':
    'train(data, endless, { onEpoch: ({ epoch }) => { if (epoch === 2) setTimeout(() => process.exit(7), 1); } });',
  'while two train':
    'train(data, endless); train(data, endless, { onEpoch: () => process.exit(7) });',
  'while it predicts':
    'train(data, settings).then(({ model }) => { model.predict(data.test); setImmediate(() => process.exit(7)); });',
};

test.each(Object.entries(MOMENTS))('process.exit %s ends with its code', async (_, body) => {
  // Where threads meet in another order a crash may hide: a few tries.
  for (let attempt = 0; attempt < 3; attempt++) {
    expect(await run(body)).toEqual({ code: 7, signal: null, stdout: '', stderr: '' });
  }
});

test('an error that nothing catches ends with 1 and its message', async () => {
  const end = await run(`
    train(data, endless, { onEpoch: () => setImmediate(() => { throw new Error('mine'); }) });`);
  expect(end).toMatchObject({ code: 1, signal: null });
  expect(end.stderr).toContain('Error: mine');
});

test('SIGTERM ends a training as it does any program', async () => {
  const program = consumer({
    'program.cjs': `${SMALL}\ntrain(data, endless, { onEpoch: () => console.log('trains') });`,
  });
  const end = await runFile(program, 'program.cjs', {
    onOutput: (_, kill) => {
      kill('SIGTERM');
    },
  });
  expect(end).toMatchObject({ code: null, signal: 'SIGTERM', stderr: '' });
});

test('a model that nobody disposes does not keep the process', async () => {
  const end = await run("train(data, settings).then(() => console.log('trained'));");
  expect(end).toEqual({ code: 0, signal: null, stdout: 'trained\n', stderr: '' });
});
