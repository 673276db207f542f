import type { Chapter } from '../chapter';
import { html, type Content } from '../page/html';
import { table } from '../page/table';
import type { Section } from '../section';

/** What a linear probe reads from the codes, and the share of their variance that it explains. */
export function probesSection({ probes }: Chapter): Section | null {
  if (probes === undefined || probes.length === 0) return null;
  const ofModalities = probes.some(({ modality }) => modality !== undefined);
  const columns = [
    { title: 'method' },
    { title: 'code' },
    ...(ofModalities ? [{ title: 'modality' }] : []),
    { title: 'target' },
    { title: 'probe', number: true },
    { title: 'explains', number: true },
  ];
  const rows = probes.map(({ method, code, modality, target, probe, explained }): Content[] => [
    method,
    code,
    ...(ofModalities ? [modality ?? 'all'] : []),
    target,
    probe === null ? '–' : probe.toFixed(3),
    explained === null ? '–' : `${(100 * explained).toFixed(1)}\u00a0%`,
  ]);
  return {
    title: 'What probes find in the codes',
    blocks: [
      html`<p>
        A probe is a ridge regression from the codes to a target on rows it was not fitted to: R²
        for numbers, accuracy for classes. It finds even faint traces; how much of the codes’
        variance the target explains says how large they are. Invariant codes should know the label
        and the causal factors, and little of the spurious factors and of the environment.
      </p>`,
      table('Probes of the codes', columns, rows),
    ],
  };
}
