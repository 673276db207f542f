import { CmirError } from '../errors';
import { listNames } from './cells';
import type { Dataset } from './dataset';

/** The group whose name falls back to what the ids say. */
const VIDEO = 'video';

/** What separates the name of a video from that of its part, the first that an id has: MMSA's, CMU-SDK's, MOSI's. */
const SEPARATORS = ['$_$', '[', '_'];

/**
 * The group of every example: a metadata column. `video`, where there is no such column, is the part of the id in
 * front of the last `$_$`, `[` or `_`.
 * Throws ERR_CMIR_DATA for an unknown column, an empty cell, or ids that name no video.
 */
export function groupsOf(dataset: Dataset, column: string): readonly string[] {
  const { name, ids, metadata } = dataset;
  const cells = metadata[column];
  if (cells !== undefined) {
    const groups = cells.map((cell) => cell.trim());
    const row = groups.indexOf('');
    if (row < 0) return groups;
    throw new CmirError(
      'ERR_CMIR_DATA',
      `${name}: found no ${column} for id ${ids[row] ?? ''}, expected a group for every example`,
    );
  }
  if (column === VIDEO) {
    const row = ids.findIndex((id) => videoOf(id) === null);
    if (row < 0) return ids.map((id) => videoOf(id) as string);
    throw new CmirError(
      'ERR_CMIR_DATA',
      `${name}: found id ${ids[row] ?? ''}, expected a column ${VIDEO}, or ids such as video_1, video$_$1 or video[1]`,
    );
  }
  const there = Object.keys(metadata);
  throw new CmirError(
    'ERR_CMIR_DATA',
    `${name}: found no column '${column}' that names groups, expected ` +
      `${there.length === 0 ? '' : `one of ${listNames(there)}, or `}${VIDEO} to take the first part of each id`,
  );
}

/** Ids that share a beginning only by habit, such as utterance_1, would make one video of nearly all. */
const LARGEST_GUESSED_VIDEO = 0.2;

/** The video of every example, where a column tells it or the ids seem to; else null. */
export function findVideos({ ids, metadata }: Dataset): readonly string[] | null {
  const column = metadata[VIDEO];
  if (column !== undefined) return column.every((cell) => cell.trim() !== '') ? column : null;
  const videos = ids.map(videoOf);
  const sizes = new Map<string | null, number>();
  for (const video of videos) sizes.set(video, (sizes.get(video) ?? 0) + 1);
  const largest = [...sizes.values()].reduce((most, size) => Math.max(most, size), 0);
  if (sizes.has(null) || largest > LARGEST_GUESSED_VIDEO * ids.length) return null;
  return videos as string[];
}

function videoOf(id: string): string | null {
  const separator = SEPARATORS.find((text) => id.lastIndexOf(text) > 0);
  return separator === undefined ? null : id.slice(0, id.lastIndexOf(separator));
}
