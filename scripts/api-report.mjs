// The report of the public surface, docs/cmir.api.md: every export of dist/index.d.ts and what its types name, made by
// API Extractor, whose bundled compiler is of the version that this package is built with.
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const { Extractor, ExtractorConfig } = createRequire(import.meta.url)('@microsoft/api-extractor');

const silent = { logLevel: 'none' };
const warning = { logLevel: 'warning' };

function configOf(root, folder) {
  const entry = join(root, 'dist', 'index.d.ts');
  return ExtractorConfig.prepare({
    packageJsonFullPath: join(root, 'package.json'),
    configObjectFullPath: undefined,
    configObject: {
      projectFolder: root,
      mainEntryPointFilePath: entry,
      newlineKind: 'lf',
      compiler: {
        overrideTsconfig: { extends: join(root, 'tsconfig.json'), files: [entry], include: [] },
      },
      apiReport: {
        enabled: true,
        reportFileName: 'cmir.api.md',
        reportFolder: folder,
        reportTempFolder: join(folder, 'temp'),
        // Types that exported ones are made of are part of the surface: the schema of the configuration, for one.
        includeForgottenExports: true,
      },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      messages: {
        compilerMessageReporting: { default: warning },
        extractorMessageReporting: {
          default: warning,
          'ae-forgotten-export': silent,
          'ae-missing-release-tag': silent,
        },
        // TypeDoc knows more tags, and names those that it does not.
        tsdocMessageReporting: { default: warning, 'tsdoc-undefined-tag': silent },
      },
    },
  });
}

/** The report's text, and what is wrong with the docstrings: exports or members without one, and bad TSDoc. */
export function apiReport(root) {
  const folder = mkdtempSync(join(tmpdir(), 'cmir-api-'));
  const problems = [];
  try {
    mkdirSync(join(folder, 'temp'));
    Extractor.invoke(configOf(root, folder), {
      localBuild: true,
      messageCallback: (message) => {
        message.handled = true;
        const { category, logLevel, sourceFilePath = '', sourceFileLine = 0, text } = message;
        if (category === 'console' || (logLevel !== 'warning' && logLevel !== 'error')) return;
        problems.push(`${sourceFilePath}:${sourceFileLine} ${text}`);
      },
    });
    return { text: readFileSync(join(folder, 'cmir.api.md'), 'utf8'), problems };
  } catch (cause) {
    throw new Error('no API report; remove dist/, run npm run -s build, and try again', { cause });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
