import type { Chapter } from '../chapter';
import { valueText } from '../format';
import { html, type Html } from '../page/html';
import { table } from '../page/table';
import type { Block, Section } from '../section';

/** Settings of the methods, what was computed with, and the commands that do it again. */
export function configurationSection(chapter: Chapter): Section | null {
  const settings = flatConfigs(chapter);
  const methods = Object.keys(chapter.configs);
  const differing = settings.filter(({ values }) => new Set(values).size > 1);
  const blocks: Block[] = [...repeat(chapter), ...provenance(chapter)];
  if (differing.length > 0)
    blocks.unshift(configTable('Settings in which the methods differ', methods, differing));
  if (settings.length > 0) {
    blocks.push({
      summary: 'All settings',
      blocks: [configTable('All settings', methods, settings)],
    });
  }
  return blocks.length === 0 ? null : { title: 'How to repeat it', blocks };
}

interface Setting {
  readonly key: string;
  /** One a method. */
  readonly values: readonly string[];
}

/** Every key of the configurations, dotted, with its value of each method. */
export function flatConfigs({ configs }: Pick<Chapter, 'configs'>): Setting[] {
  const flat = Object.values(configs).map((config) => new Map(flatten(config, '')));
  const keys = [...new Set(flat.flatMap((config) => [...config.keys()]))];
  return keys
    .filter((key) => key !== 'seed')
    .map((key) => ({ key, values: flat.map((config) => config.get(key) ?? '–') }));
}

function flatten(value: unknown, prefix: string): [string, string][] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return [[prefix, valueText(value)]];
  }
  return Object.entries(value).flatMap(([key, inner]) =>
    flatten(inner, prefix === '' ? key : `${prefix}.${key}`),
  );
}

function configTable(
  caption: string,
  methods: readonly string[],
  settings: readonly Setting[],
): Html {
  return table(
    caption,
    [{ title: 'key' }, ...methods.map((title) => ({ title }))],
    settings.map(({ key, values }) => [html`<code>${key}</code>`, ...values]),
  );
}

function repeat({ provenances, runs, dataset }: Chapter): Html[] {
  const commands = provenances.flatMap(({ provenance }) => provenance.command ?? []);
  const trainings =
    commands.length > 0
      ? []
      : runs.map(({ folder, config }) => {
          const data = dataset === 'synthetic' ? '' : ` ${quoted(dataset)}`;
          const file = quoted(`${folder}/config.json`);
          const out = quoted(`${folder}-again`);
          return `cmir train${data} --config ${file} --seed ${String(config.seed)} --out ${out}`;
        });
  const lines = [...commands, ...trainings];
  if (lines.length === 0) return [];
  return [
    html`<h4>Commands</h4>
      <pre>${lines.join('\n')}</pre>`,
  ];
}

/** A word of a shell. */
function quoted(text: string): string {
  return /^[\w./:=@%+-]+$/.test(text) ? text : `'${text.replace(/'/g, `'\\''`)}'`;
}

function provenance({ provenances }: Chapter): Html[] {
  if (provenances.length === 0) return [];
  const rows = (
    [
      ['cmir', 'cmir'],
      ['LibTorch', 'libtorch'],
      ['Node', 'node'],
      ['platform', 'platform'],
      ['processor', 'cpu'],
      ['threads', 'threads'],
      ['date', 'date'],
      ['SHA-256 of the data', 'data'],
    ] as const
  ).map(([title, key]) => [title, ...provenances.map((entry) => String(entry.provenance[key]))]);
  return [
    table(
      'What it was computed with',
      [{ title: '' }, ...provenances.map(({ of }) => ({ title: of }))],
      rows,
    ),
  ];
}
