import ts from 'typescript';

import { SMALL, compile, consumer, findNode, resultOf, runFile } from '../helpers/consumer';
import { removeFresh } from '../training/fixture';

afterAll(removeFresh);

/** Trains, predicts, and disposes by \`using\`, in TypeScript. */
const SMOKE = `${SMALL}
async function main() {
  const { model: trained, metrics } = await train(data, settings);
  let kept;
  let first;
  {
    using model = trained;
    kept = model;
    ({ predictions: [first] } = await model.predict(data.test));
  }
  const error = await kept.predict(data.test).catch((error) => error);
  const known = error instanceof CmirError;
  const major = Number(process.versions.node.split('.')[0]);
  console.log(JSON.stringify({ major, mae: metrics.test.MAE, first, known, code: error.code }));
}
void main();
`;

/** \`using\` for a Node without it, and as it stands: from 24 on. */
const LOWERED = compile(SMOKE, ts.ScriptTarget.ES2022);
const NATIVE = compile(SMOKE, ts.ScriptTarget.ESNext);
const folder = consumer({ 'lowered.cjs': LOWERED, 'native.cjs': NATIVE });
const run = (file: string, node = process.execPath): Promise<unknown> =>
  resultOf(runFile(folder, file, { node }));
let here: object;

beforeAll(async () => {
  here = (await run('lowered.cjs')) as object;
});

test('the program trains, predicts and disposes', () => {
  expect(here).toEqual({
    major: Number(process.versions.node.split('.')[0]),
    mae: expect.any(Number) as number,
    first: expect.any(Number) as number,
    known: true,
    code: 'ERR_CMIR_DISPOSED',
  });
});

test('one form of it has no using left, the other has', () => {
  expect(LOWERED).not.toMatch(/^\s*using /m);
  expect(NATIVE).toMatch(/^\s*using /m);
});

for (const major of [20, 22, 24]) {
  const node = findNode(major);
  const testWithNode = node === undefined ? test.skip : test;
  testWithNode(`Node ${String(major)} comes to the same numbers`, async () => {
    expect(await run('lowered.cjs', node)).toEqual({ ...here, major });
    if (major >= 24) expect(await run('native.cjs', node)).toEqual({ ...here, major });
  });
}
