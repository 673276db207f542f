import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

import * as library from '../lib';
import { DIST, ROOT, tablesOf, writeTables } from './helpers/program';
import { errorOf, freshPath, removeFresh, TINY, tinyDataset } from './training/fixture';

afterAll(removeFresh);

const { loadDataset, train, loadModel, CmirError, ERROR_CODES } = library;

test('exports what is promised, no more and no less', () => {
  const promised = [
    ...['CmirError', 'ERROR_CODES'],
    ...['configKeys', 'resolveConfig'],
    ...['Dataset', 'inspectDataset', 'loadDataset', 'splitDataset', 'syntheticChunks'],
    ...['syntheticDataset', 'writeBlocks', 'writeDataset'],
    ...['CONVENTIONS', 'METRICS', 'baselineMetrics', 'computeConventions', 'computeMetrics'],
    ...['METHODS', 'SENSITIVITY_SETTINGS', 'compare', 'countCost', 'findMethod', 'fullSets'],
    ...[
      'independentFactors',
      'meanFrames',
      'meanProbes',
      'measureLatency',
      'methodSensitivity',
      'parseSpace',
    ],
    ...['probeModel', 'search', 'sensitivity', 'standardSets', 'roundMetric'],
    ...['EVALUATION_KINDS', 'parseSet', 'robustness', 'robustnessOfRuns', 'sweepSets'],
    ...['doctor', 'setup'],
    ...['loadModel', 'ops', 'statistics', 'train', 'trainEpochs'],
    ...['EXPORT_FORMATS', 'exportModel', 'makeReport'],
  ].sort();
  expect(Object.keys(library).sort()).toEqual(promised);
  const compiled = jest.requireActual<object>(join(DIST, 'index.js'));
  expect(Object.keys(compiled).sort()).toEqual(promised);
  expect(Object.keys(library.ops).sort()).toEqual([
    ...['decorrelation', 'invariance', 'perturb', 'reconstruction'],
  ]);
  expect(Object.keys(library.statistics).sort()).toEqual([
    ...['bootstrapMean', 'bootstrapMetric', 'definedPairs', 'holm', 'mean', 'pairedBootstrap'],
    ...['pairedTTest', 'standardDeviation', 'wilcoxonSignedRank'],
  ]);
});

/** Types of this package that the declarations of its exports name, but that it does not export. */
function missingTypes(entry: string): string[] {
  const program = ts.createProgram([entry], { module: ts.ModuleKind.NodeNext, skipLibCheck: true });
  const checker = program.getTypeChecker();
  const source = program.getSourceFile(entry) as ts.SourceFile;
  const resolve = (symbol: ts.Symbol): ts.Symbol =>
    symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
  const exported = checker
    .getExportsOfModule(checker.getSymbolAtLocation(source) as ts.Symbol)
    .map(resolve);
  const types = new Set(exported.map((symbol) => checker.getDeclaredTypeOfSymbol(symbol)));
  const isOurs = ({ declarations = [] }: ts.Symbol): boolean =>
    declarations.some((node) => {
      const { fileName } = node.getSourceFile();
      return fileName.startsWith(ROOT) && !fileName.includes('node_modules');
    });
  const missing = new Set<string>();
  const visit = (node: ts.Node): void => {
    const name = ts.isTypeReferenceNode(node)
      ? node.typeName
      : ts.isImportTypeNode(node)
        ? node.qualifier
        : undefined;
    const symbol = name && checker.getSymbolAtLocation(name);
    if (symbol !== undefined) {
      const target = resolve(symbol);
      if (isOurs(target) && !types.has(checker.getDeclaredTypeOfSymbol(target))) {
        missing.add(target.name);
      }
    }
    ts.forEachChild(node, visit);
  };
  for (const { declarations = [] } of exported) declarations.forEach(visit);
  return [...missing];
}

test('exports every type that its signatures name', () => {
  expect(missingTypes(join(DIST, 'index.d.ts'))).toEqual([]);
});

test('the package names its compiled entry, types and program', () => {
  const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    exports: Record<'.', Record<string, string>>;
    bin: { cmir: string };
  };
  const files = [...Object.values(manifest.exports['.']), manifest.bin.cmir];
  expect(files).toHaveLength(3);
  for (const file of files) expect(readFileSync(join(ROOT, file), 'utf8')).not.toBe('');
  expect(readFileSync(join(ROOT, manifest.bin.cmir), 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/);
});

test('from a folder to predictions, as the documentation has it', async () => {
  const data = await loadDataset(writeTables(freshPath('data'), tablesOf(tinyDataset())));
  const out = freshPath();
  const epochs: number[] = [];
  const run = await train(data, TINY, { out, onEpoch: ({ epoch }) => epochs.push(epoch) });
  expect(epochs).toEqual([1, 2, 3, 4]);
  expect(run.metrics.test['MAE']).toBeGreaterThan(0);
  let kept;
  {
    using model = await loadModel(out);
    kept = model;
    const { predictions } = await model.predict(data.test);
    expect(predictions).toEqual((await run.model.predict(data.test)).predictions);
  }
  // `using` has freed it.
  const error = await errorOf(() => kept.predict(data.test));
  expect(error).toBeInstanceOf(CmirError);
  expect(error.code).toBe('ERR_CMIR_DISPOSED');
  expect(ERROR_CODES[error.code]).toBe('an object was used after it was disposed');
  run.model.dispose();
});

test('a signal ends a training that has begun', async () => {
  const stop = new AbortController();
  const endless = { ...TINY, training: { ...TINY.training, epochs: 1_000_000, patience: 0 } };
  const onEpoch = () => {
    stop.abort(new Error('enough'));
  };
  const error = await errorOf(() =>
    train(tinyDataset(), endless, { signal: stop.signal, onEpoch }),
  );
  expect(error.code).toBe('ERR_CMIR_ABORTED');
  expect(error.cause).toBe(stop.signal.reason);
});

test('METRICS describes what computeMetrics computes', () => {
  const pair = [Float32Array.of(1, 3), Float32Array.of(2, 2)] as const;
  const { metrics } = library.computeMetrics('regression', ...pair, 1);
  expect(metrics['MAE']).toBe(1);
  const rows = library.METRICS.filter(({ convention }) => convention === 'mmsa');
  expect(rows.map(({ name }) => name)).toEqual(Object.keys(metrics));
});
