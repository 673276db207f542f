import { SMALL, consumer, resultOf, runFile } from '../helpers/consumer';
import { removeFresh } from '../training/fixture';

afterAll(removeFresh);

const RUN = `
const { model, metrics } = await train(data, settings);
const { predictions } = await model.predict(data.test);
model.dispose();
console.log(JSON.stringify({ mae: metrics.test.MAE, rows: predictions.length, names }));
`;
const COMMON = `${SMALL}
const names = Object.keys(require('cmir')).sort();
void (async () => { ${RUN} })();
`;
const MODULE = `
import { syntheticDataset, train } from 'cmir';
import * as cmir from 'cmir';
${SMALL.replace(/^.*require.*$/m, '')}
const extra = ['default', 'module.exports', '__esModule'];
const names = Object.keys(cmir).filter((name) => !extra.includes(name)).sort();
${RUN}
`;

test('CommonJS and ES modules train and predict with the same names and numbers', async () => {
  const folder = consumer({ 'program.cjs': COMMON, 'program.mjs': MODULE });
  const common = await resultOf(runFile(folder, 'program.cjs'));
  expect(common).toMatchObject({
    mae: expect.any(Number) as number,
    rows: 24,
    names: expect.arrayContaining(['train', 'CmirError', 'statistics']) as string[],
  });
  expect(await resultOf(runFile(folder, 'program.mjs'))).toEqual(common);
});

test('a program that has both holds one package: one class of errors', async () => {
  const both = consumer({
    'program.mjs': `
import { createRequire } from 'node:module';
import { CmirError, train } from 'cmir';
const required = createRequire(import.meta.url)('cmir');
const error = await required.train({ modalities: {} }).catch((error) => error);
console.log(JSON.stringify({ same: train === required.train, known: error instanceof CmirError }));
`,
  });
  expect(await resultOf(runFile(both, 'program.mjs'))).toEqual({ same: true, known: true });
});
