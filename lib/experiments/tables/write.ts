import type { Cell, Pivot } from './pivot';

/** Marks of significance, after Holm's correction. */
export const MARKS =
  '* p < 0.05, ** p < 0.01 against the first row (paired t-test over seeds, Holm’s correction over methods)';

function mark({ p }: Cell): string {
  return p === null || p >= 0.05 ? '' : p >= 0.01 ? '*' : '**';
}

function value({ mean, std }: Cell, plusMinus: string): string {
  if (mean === null) return '–';
  return std === null ? mean.toFixed(3) : `${mean.toFixed(3)}${plusMinus}${std.toFixed(3)}`;
}

/** A Markdown table: the best of a column bold, significance marked. */
export function toMarkdown(table: Pivot): string {
  const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const lines = table.rows.map(({ name, cells }) =>
    row([
      name.replaceAll('|', '\\|'),
      ...cells.map((cell) => {
        const text = value(cell, ' ± ');
        return (cell.best ? `**${text}**` : text) + mark(cell).replaceAll('*', '\\*');
      }),
    ]),
  );
  return [
    row([heading(table), ...table.sets]),
    row(['---', ...table.sets.map(() => '---:')]),
    ...lines,
  ].join('\n');
}

/** The same as a LaTeX tabular for the package booktabs. */
export function toLatex(table: Pivot): string {
  const row = (cells: readonly string[]): string => `${cells.join(' & ')} \\\\`;
  const lines = table.rows.map(({ name, cells }) =>
    row([
      escapeLatex(name),
      ...cells.map((cell) => {
        const text = value(cell, ' \\pm ').replace('–', '\\text{--}');
        const stars = mark(cell);
        const body = cell.best ? `\\mathbf{${text}}` : text;
        return `$${body}${stars === '' ? '' : `^{${stars}}`}$`;
      }),
    ]),
  );
  return [
    `\\begin{tabular}{l${'r'.repeat(table.sets.length)}}`,
    '\\toprule',
    row([escapeLatex(heading(table)), ...table.sets.map(escapeLatex)]),
    '\\midrule',
    ...lines,
    '\\bottomrule',
    '\\end{tabular}',
  ].join('\n');
}

/** The same as aligned text for a terminal. */
export function toText(table: Pivot): string[][] {
  return [
    [heading(table), ...table.sets],
    ...table.rows.map(({ name, cells }) => [
      name,
      ...cells.map((cell) => `${value(cell, ' ±')}${mark(cell)}${cell.best ? ' <' : ''}`),
    ]),
  ];
}

function heading({ metric, better }: Pivot): string {
  return `${metric} (${better} is better)`;
}

const LATEX: Readonly<Record<string, string>> = {
  '\\': '\\textbackslash{}',
  '~': '\\textasciitilde{}',
  '^': '\\textasciicircum{}',
};

function escapeLatex(text: string): string {
  return text.replace(/[\\&%$#_{}~^]/g, (character) => LATEX[character] ?? `\\${character}`);
}
