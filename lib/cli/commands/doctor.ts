import type { Command } from 'commander';

import { doctor, type Diagnosis } from '../../native/doctor';
import { outputOptions } from '../flags';
import { examples } from '../help';

export function register(program: Command): void {
  const command = program
    .command('doctor')
    .description(
      'versions, where LibTorch was found and why, devices, and what to do when something is missing',
    )
    .action(async ({ json }: { json: boolean }) => {
      const diagnosis = await doctor();
      console.log(json ? JSON.stringify(diagnosis, null, 2) : render(diagnosis));
      if (diagnosis.verdict === 'not ready') process.exitCode = 1;
    });
  outputOptions(command);
  examples(command, [
    ['cmir doctor', 'what is missing, and what to do'],
    ['cmir doctor --json', 'for a report of a defect'],
  ]);
}

function render(diagnosis: Diagnosis): string {
  const { tools, libtorch, addon, engine } = diagnosis;
  const rows: [string, string][] = [
    ['cmir', diagnosis.cmir],
    ['Node', `${diagnosis.node}, npm ${tools.npm ?? 'missing'}`],
    ['platform', diagnosis.platform],
    ['C++ compiler', tools.compiler ?? 'missing'],
    ['CMake', tools.cmake ?? 'missing'],
    ['Python', tools.python ?? 'missing'],
    ['LibTorch', libtorch === null ? 'missing' : `${libtorch.version} (${libtorch.variant})`],
    ['', libtorch === null ? '' : libtorch.root],
    ['', libtorch === null ? '' : `because ${libtorch.reason}`],
    ['addon', addon === null ? 'none' : describeAddon(addon)],
    ['', addon === null ? '' : addon.path],
    ['devices', engine === null ? 'unknown' : devices(engine)],
  ];
  const lines = rows
    .filter(([, value]) => value !== '')
    .map(([name, value]) => `${name.padEnd(13)} ${value}`);
  for (const { what, fix } of diagnosis.problems) {
    lines.push('', `problem: ${what}`, `  mend it: ${fix}`);
  }
  return [...lines, '', `verdict: ${diagnosis.verdict}`].join('\n');
}

function describeAddon({ builtFor, buildId }: NonNullable<Diagnosis['addon']>): string {
  const origin = buildId === null ? 'built here' : `prebuilt, build ${buildId},`;
  return `${origin} for LibTorch ${builtFor}`;
}

function devices(engine: NonNullable<Diagnosis['engine']>): string {
  const cpu = `cpu (${engine.cpuCapability}, ${String(engine.threads)} threads)`;
  const last = engine.cudaDevices - 1;
  if (last < 0) return cpu;
  return `${cpu}, ${last === 0 ? 'cuda:0' : `cuda:0 to cuda:${String(last)}`}`;
}
