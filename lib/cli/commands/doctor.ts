import type { Command } from 'commander';

import { doctor, type Diagnosis } from '../../native/doctor';

export function register(program: Command): void {
  program
    .command('doctor')
    .description(
      'versions, where LibTorch was found and why, devices, and what to do when something is missing',
    )
    .option('--json', 'print one JSON document', false)
    .action(async ({ json }: { json: boolean }) => {
      const diagnosis = await doctor();
      console.log(json ? JSON.stringify(diagnosis, null, 2) : render(diagnosis));
      if (diagnosis.verdict === 'not ready') process.exitCode = 1;
    });
}

function render(diagnosis: Diagnosis): string {
  const { tools, libtorch, addon, engine } = diagnosis;
  const rows: [string, string][] = [
    ['cmir', diagnosis.cmir],
    ['Node', diagnosis.node],
    ['platform', diagnosis.platform],
    ['C++ compiler', tools.compiler ?? 'missing'],
    ['CMake', tools.cmake ?? 'missing'],
    ['Python', tools.python ?? 'missing'],
    ['LibTorch', libtorch === null ? 'missing' : `${libtorch.version} in ${libtorch.root}`],
    ['', libtorch === null ? '' : `because ${libtorch.reason}`],
    ['addon', addon === null ? 'not built' : `built for LibTorch ${addon.builtFor}: ${addon.path}`],
    [
      'devices',
      engine === null
        ? 'unknown'
        : `cpu (${engine.cpuCapability}, ${String(engine.threads)} threads), ${String(engine.cudaDevices)} CUDA`,
    ],
  ];
  const lines = rows
    .filter(([, value]) => value !== '')
    .map(([name, value]) => `${name.padEnd(13)} ${value}`);
  for (const { what, fix } of diagnosis.problems)
    lines.push('', `problem: ${what}`, `  mend it: ${fix}`);
  return [...lines, '', `verdict: ${diagnosis.verdict}`].join('\n');
}
