import type { HistogramBar, Inspection } from '../data/inspect';
import { heading } from './colour';
import { alignedTable } from './table';

const WIDTH = 80;
/** Columns of the longest bar. */
const BAR = 40;
/** Eighths of a column. */
const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/** A data set's facts as a page of text, 80 columns wide. */
export function inspectionPage(name: string, inspection: Inspection): string {
  const { examples, splits, label, columns, notes, warnings } = inspection;
  const sizes = Object.entries(splits).map(([split, count]) => `${split} ${String(count)}`);
  return [
    heading(name),
    ...wrap(
      [
        `${String(examples)} examples`,
        ...(sizes.length > 0 ? [`in ${sizes.join(', ')}`] : []),
      ].join(' '),
      '  ',
    ),
    ...(columns.length > 0 ? wrap(`other columns: ${columns.join(', ')}`, '  ') : []),
    '',
    ...modalityTable(inspection),
    ...(label === null ? [] : ['', ...labelLines(label)]),
    ...(notes.length > 0
      ? ['', heading('Notes'), ...notes.flatMap((note) => wrap(note, '  - '))]
      : []),
    '',
    ...(warnings.length > 0
      ? [heading('Warnings'), ...warnings.flatMap((warning) => wrap(warning, '  ! '))]
      : ['No warnings']),
  ].join('\n');
}

function modalityTable({ modalities }: Inspection): string[] {
  const rows = Object.entries(modalities).map(([name, facts]) => [
    name,
    String(facts.features),
    facts.sequence ? `${facts.mean_length.toFixed(1)} (${String(facts.max_length)})` : '-',
    String(facts.missing),
    String(facts.non_finite),
    String(facts.constant_features.length),
    String(facts.duplicated_features.length),
  ]);
  const header = [
    'modality',
    'features',
    'frames (most)',
    'missing',
    'non-finite',
    'constant',
    'duplicated',
  ];
  return alignedTable([header, ...rows]).split('\n');
}

function labelLines({
  name,
  kind,
  min,
  max,
  mean,
  histogram,
}: NonNullable<Inspection['label']>): string[] {
  const range =
    kind === 'regression' ? `, ${short(min)} to ${short(max)}, mean ${short(mean)}` : '';
  const titles = histogram.map(titleOf);
  const width = Math.min(30, Math.max(...titles.map((title) => title.length)));
  const most = Math.max(1, ...histogram.map(({ count }) => count));
  return [
    heading(`label ${name}: ${kind}${range}`),
    ...histogram.map(
      ({ count }, index) =>
        `  ${(titles[index] ?? '').slice(0, width).padStart(width)} ${bar(count / most)} ${String(count)}`,
    ),
  ];
}

function titleOf(entry: HistogramBar): string {
  return 'class' in entry ? entry.class : `${short(entry.from)} to ${short(entry.to)}`;
}

function short(value: number): string {
  return Number.isInteger(value) ? String(value) : Number(value.toPrecision(3)).toString();
}

function bar(share: number): string {
  const eighths = Math.round(share * BAR * 8);
  return '█'.repeat(Math.floor(eighths / 8)) + (EIGHTHS[eighths % 8] ?? '');
}

/** Lines of at most WIDTH columns; the first begins with `mark`, the others with as many spaces. */
function wrap(text: string, mark: string): string[] {
  const lines: string[] = [];
  let line = mark;
  for (const word of text.split(' ')) {
    const isFirst = line.length === mark.length;
    if (!isFirst && line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = ' '.repeat(mark.length) + word;
    } else {
      line += isFirst ? word : ` ${word}`;
    }
  }
  return [...lines, line];
}
