// Writes docs/configuration.md from the schema; with --check fails when the file is not what it would write.
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { format } from 'prettier';

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

const page = `# Configuration

Written from the schema in lib/config.ts by \`npm run -s docs\`; do not edit.

Keys for \`--set KEY=VALUE\`, for JSON files given to \`--config\` (nested objects), and for the library's options.

| Key | Values | Default | Meaning |
| --- | --- | --- | --- |
${rows.join('\n')}
`;
const file = join(root, 'docs', 'configuration.md');
const text = await format(page, { parser: 'markdown', printWidth: 100 });
if (!process.argv.includes('--check')) {
  writeFileSync(file, text);
} else if (readFileSync(file, 'utf8') !== text) {
  console.error('docs/configuration.md is out of date; run: npm run -s docs');
  process.exitCode = 1;
}
