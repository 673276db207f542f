// Writes docs/configuration.md from the schema, the tables of docs/speed.md from bench/results, and docs/cmir.api.md from
// the compiled declarations; with --check fails when a file is not what it would write, or an export has no docstring.
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { format } from 'prettier';

import { apiReport } from './api-report.mjs';

const root = join(import.meta.dirname, '..');
const { z } = await import('zod');
const { configSchema } = createRequire(import.meta.url)('../dist/config.js');

const rows = [];
function walk(schema, key, defaults) {
  const ladder = schema.anyOf?.find((branch) => branch.type === 'object');
  const properties = schema.properties ?? ladder?.properties;
  if (key !== '' && (!properties || ladder)) {
    const type = ladder ? 'list or ladder' : (schema.enum?.join(', ') ?? typeOf(schema));
    const value = ladder ? 'the ladder below' : `\`${JSON.stringify(schema.default ?? null)}\``;
    rows.push(`| \`${key}\` | ${type} | ${value} | ${schema.description ?? ''} |`);
  }
  for (const [name, inner] of Object.entries(properties ?? {})) {
    walk(inner, key === '' ? name : `${key}.${name}`, defaults);
  }
}
function typeOf(schema) {
  const plain = schema.anyOf?.map((branch) => branch.type).join(' or ') ?? schema.type;
  const low =
    schema.minimum ??
    (schema.exclusiveMinimum !== undefined ? `>${schema.exclusiveMinimum}` : undefined);
  const high = schema.exclusiveMaximum !== undefined ? `<${schema.exclusiveMaximum}` : undefined;
  const bounds = [
    low === undefined ? '' : String(low).startsWith('>') ? low : `>=${low}`,
    high ?? '',
  ];
  return [plain, ...bounds.filter((bound) => bound !== '')].join(' ');
}
walk(z.toJSONSchema(configSchema, { io: 'input' }), '');

const configuration = `# Configuration

Written from the schema in lib/config.ts by \`npm run -s docs\`; do not edit.

Keys for \`--set KEY=VALUE\`, for JSON files given to \`--config\` (nested objects), and for the library's options.

| Key | Values | Default | Meaning |
| --- | --- | --- | --- |
${rows.join('\n')}
`;

const read = (...path) => readFileSync(join(root, ...path), 'utf8');
const results = (name) => JSON.parse(read('bench', 'results', name));

function table(head, lines) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---:')), ...lines.map(line)].join('\n');
}

/** The tables of docs/speed.md by their markers. */
const tables = {
  step: () => {
    const others = ['gemm_floor', 'eager_naive', 'eager_fast', 'compile'];
    return table(
      ['threads', 'batch', 'E', 'cmir', 'products', 'naive', 'fast', 'compiled', 'outside'],
      results('step-cpu.json').rows.map((row) => [
        row.threads,
        row.batch,
        row.environments,
        `${row.native_ms.toFixed(2)} ms`,
        ...others.map((name) => {
          const ms = row[`${name}_ms`];
          return `${ms.toFixed(1)} (${(ms / row.native_ms).toFixed(2)}x)`;
        }),
        `${row.js_overhead_pct.toFixed(2)} %`,
      ]),
    );
  },
  options: () =>
    table(
      ['batch', 'E', 'default', 'sharing=common', 'bf16', 'both'],
      results('options-cpu.json').rows.map(({ batch, environments, ms }) => [
        batch,
        environments,
        `${ms.default.toFixed(2)} ms`,
        ...['common', 'bf16', 'both'].map(
          (name) => `${ms[name].toFixed(2)} ms (${(ms.default / ms[name]).toFixed(2)}x)`,
        ),
      ]),
    ),
  operators: () =>
    table(
      ['operator', 'cmir', 'PyTorch', 'GB/s', 'a copy'],
      results('operators-cpu.json').operators.map((row) => [
        row.operator,
        `${row.ms.toFixed(2)} ms`,
        `${row.pytorch_ms.toFixed(2)} ms`,
        row.gb_s.toFixed(1),
        row.copy_gb_s.toFixed(1),
      ]),
    ),
  decorrelation: () => {
    const { decorrelation } = results('operators-cpu.json');
    const cell = (form, batch) => {
      const row = decorrelation.find((r) => r.form === form && r.batch === batch);
      return row === undefined ? '-' : `${row.ms.toFixed(1)} ms, ${row.memory_mb.toFixed(0)} MB`;
    };
    return table(
      ['B', 'cmir', 'as in the paper'],
      [...new Set(decorrelation.map((row) => row.batch))].map((batch) => [
        batch,
        cell('cmir', batch),
        cell('naive', batch),
      ]),
    );
  },
};

const speed = read('docs', 'speed.md').replace(
  /(<!-- table (\w+) -->\n)[^]*?(\n<!-- end -->)/g,
  (_, begin, name, end) => `${begin}\n${tables[name]()}\n${end}`,
);

const { text: api, problems } = apiReport(root);
for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exitCode = 1;

for (const [name, content] of Object.entries({
  'configuration.md': configuration,
  'speed.md': speed,
  'cmir.api.md': api,
})) {
  const text = await format(content, { parser: 'markdown', printWidth: 100, singleQuote: true });
  if (!process.argv.includes('--check')) {
    writeFileSync(join(root, 'docs', name), text);
  } else if (read('docs', name) !== text) {
    console.error(`docs/${name} is out of date; run: npm run -s docs`);
    process.exitCode = 1;
  }
}
