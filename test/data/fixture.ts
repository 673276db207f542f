import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';

import { CmirError } from '../../lib/errors';

const created: string[] = [];

/** A new folder with these files; removeFolders deletes it. */
export function makeFolder(files: Readonly<Record<string, string | Uint8Array>>): string {
  const parent = mkdtempSync(path.join(tmpdir(), 'cmir-data-'));
  created.push(parent);
  const folder = path.join(parent, 'set');
  mkdirSync(folder);
  for (const [name, content] of Object.entries(files)) {
    writeFileSync(path.join(folder, name), content);
  }
  return folder;
}

export function removeFolders(): void {
  for (const folder of created.splice(0)) rmSync(folder, { recursive: true });
}

/** The error that `act` throws or rejects with; fails when it does neither or throws another kind. */
export async function errorOf(act: () => unknown): Promise<CmirError> {
  try {
    await act();
  } catch (error) {
    if (error instanceof CmirError) return error;
    throw error;
  }
  throw new Error('expected a CmirError, nothing was thrown');
}
