import type { Figure } from './figure';
import type { Html } from './page/html';

/** A part of the page under one heading. */
export interface Section {
  readonly title: string;
  readonly blocks: readonly Block[];
}

/** Words and tables; charts side by side, or one below the other; or what is shown when it is asked for. */
export type Block = Html | Charts | Folded;

export interface Charts {
  readonly figures: readonly Figure[];
}

export interface Folded {
  readonly summary: string;
  readonly blocks: readonly Block[];
}
