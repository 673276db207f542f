import type { Chapter } from '../chapter';
import { countText, numberText, secondsText } from '../format';
import { html } from '../page/html';
import { table } from '../page/table';
import type { Section } from '../section';

/** Parameters, arithmetic and time of each method; of runs alone, what their folders say. */
export function costsSection(chapter: Chapter): Section | null {
  return measured(chapter) ?? ofRuns(chapter);
}

function measured({ costs, methods }: Chapter): Section | null {
  const rows = methods.flatMap((method) => {
    const cost = costs[method];
    if (cost === undefined) return [];
    return [
      [
        method,
        countText(cost.parameters),
        countText(cost.inference_parameters),
        countText(cost.training_flops_per_example),
        countText(cost.inference_flops_per_example),
        secondsText(cost.training_seconds),
        numberText(cost.epochs),
        latency(cost.latency_1_ms),
        latency(cost.latency_128_ms),
      ],
    ];
  });
  if (rows.length === 0) return null;
  const titles = [
    ...['parameters', 'used to predict', 'training FLOPs', 'prediction FLOPs'],
    ...['training time', 'epochs', '1 prediction', '128 predictions'],
  ];
  return {
    title: 'What it costs',
    blocks: [
      table(
        'Cost by method',
        [{ title: 'method' }, ...titles.map((title) => ({ title, number: true }))],
        rows,
      ),
      html`<p class="note">
        FLOPs are per example and count a multiply-add as two. Times are means over seeds; a
        prediction’s is the median. The decoders and the spurious codes are needed in training
        alone.
      </p>`,
    ],
  };
}

function latency(milliseconds: number | null): string {
  return milliseconds === null ? '–' : `${String(Number(milliseconds.toPrecision(3)))} ms`;
}

function ofRuns({ runs }: Chapter): Section | null {
  if (runs.length === 0) return null;
  const titles = ['seed', 'parameters', 'epochs', 'best epoch', 'training time'];
  return {
    title: 'What it costs',
    blocks: [
      table(
        'Cost by run',
        [{ title: 'method' }, ...titles.map((title) => ({ title, number: true }))],
        runs.map(({ method, config, metrics }) => [
          method,
          config.seed,
          countText(metrics.parameters),
          metrics.epochs,
          metrics.best_epoch,
          secondsText(metrics.seconds),
        ]),
      ),
    ],
  };
}
