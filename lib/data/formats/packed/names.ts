/** The table of labels in a packed folder. */
export const LABELS_FILE = 'labels.safetensors';
export const EXTENSION = '.safetensors';

export function modalityFile(name: string): string {
  return `${name}${EXTENSION}`;
}

/** Version of the layout; another one is refused. */
export const VERSION = '1';

export type PackedKind = 'labels' | 'modality';

/** What every file of this form says of itself; `idsHash` tells files that belong together. */
export function metadataOf(
  kind: PackedKind,
  idsHash: string,
  more: Readonly<Record<string, string>>,
): Record<string, string> {
  return { format: 'pt', cmir_data: VERSION, kind, ids_sha256: idsHash, ...more };
}
