import type { Chapter } from '../chapter';
import type { Section } from '../section';
import { ablationSection } from './ablation';
import { comparisonSection } from './comparison';
import { configurationSection } from './configuration';
import { costsSection } from './costs';
import { curvesSection } from './curves';
import { mainSection } from './main';
import { missingSection } from './missing';
import { predictionsSection } from './predictions';
import { probesSection } from './probes';
import { projectionSection } from './projection';
import { searchSection } from './search';
import { sensitivitySection } from './sensitivity';
import { trainingSection } from './training';

/** In the order of the page; null where a chapter has no data for one. */
const SECTIONS: readonly ((chapter: Chapter) => Section | null)[] = [
  mainSection,
  curvesSection,
  comparisonSection,
  ablationSection,
  missingSection,
  trainingSection,
  predictionsSection,
  projectionSection,
  probesSection,
  sensitivitySection,
  searchSection,
  costsSection,
  configurationSection,
];

export function sectionsOf(chapter: Chapter): Section[] {
  return SECTIONS.map((section) => section(chapter)).filter((section) => section !== null);
}
