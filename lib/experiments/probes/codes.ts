import type { Split } from '../../data/dataset';
import type { Model, PredictOptions } from '../../training/model';
import { joinColumns, matrixOf, type Matrix } from './matrix';

export const PARTS = ['invariant', 'spurious'] as const;
export type Part = (typeof PARTS)[number];

/** One part of the codes of one modality, or of all, side by side. */
export interface Selection {
  readonly part: Part;
  /** Null: all. */
  readonly modality: string | null;
}

/** Codes of the examples of one split, clean or under one noise. */
export type CodesOf = (selection: Selection) => Matrix;

export async function encodeSplit(
  model: Model,
  split: Split,
  options: PredictOptions,
): Promise<CodesOf> {
  const codes = Object.entries(await model.encode(split, options));
  const { latent } = model.config.model;
  return ({ part, modality }) =>
    joinColumns(
      codes
        .filter(([name]) => modality === null || name === modality)
        .map(([, z]) => matrixOf(z[part], latent)),
    );
}

/** Both parts of all modalities together and, if asked for, of each. */
export function selections(model: Model, each: boolean): Selection[] {
  const names = each ? model.shape.modalities.map(({ name }) => name) : [];
  return [null, ...names].flatMap((modality) => PARTS.map((part) => ({ part, modality })));
}
