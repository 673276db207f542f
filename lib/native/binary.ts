import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import { CmirError } from '../errors';
import { buildFiles, buildStamp } from './build';
import { minorVersion, type Libtorch } from './libtorch';

/** An addon that could be loaded, with its loader. */
export interface Binary {
  readonly addon: string;
  readonly loader: string;
  /** Minor version of LibTorch that it is built for, such as 2.13. */
  readonly torch: string;
  /** Of LibTorch: whose devices it has kernels for. */
  readonly variant: string;
  /** The linker's name of a prebuilt one's content; null where it was built here. */
  readonly buildId: string | null;
}

/** The name of a prebuilt addon: what scripts/prebuild.mjs gives it, prebuildify's tag last. */
export const PREBUILT = /^cmir-torch(\d+\.\d+)-(cpu|cu\d{3})-([0-9a-f]{12})\.(?:glibc\.)?node$/;

/** Any addon of ours, by its file's name. */
export const ADDON = /^cmir(-torch\S+)?\.node$/;

/** Where binaries that came with the package in `root` lie: prebuildify's layout. */
export function prebuildsFolder(root: string): string {
  return join(root, 'prebuilds', `${process.platform}-${process.arch}`);
}

/** The addon that was built here; undefined when there is no finished build. */
export function localBinary(root: string): Binary | undefined {
  const stamp = buildStamp(root);
  if (stamp === undefined) return undefined;
  const { addon, loader } = buildFiles(root);
  const variant = stamp.cuda ? 'cuda' : 'cpu';
  return { addon, loader, torch: minorVersion(stamp.torch), variant, buildId: null };
}

/** The addons that came with the package, for this system, the newest LibTorch first. */
export function prebuiltBinaries(root: string): Binary[] {
  const folder = prebuildsFolder(root);
  const names = existsSync(folder) ? readdirSync(folder).sort().reverse() : [];
  const loader = names.find((name) => /^cmir_loader\.(glibc\.)?node$/.test(name));
  if (loader === undefined || isMusl()) return [];
  return names.flatMap((name) => {
    const [, torch, variant, buildId] = PREBUILT.exec(name) ?? [];
    if (torch === undefined || variant === undefined || buildId === undefined) return [];
    return [{ addon: join(folder, name), loader: join(folder, loader), torch, variant, buildId }];
  });
}

/** Where Linux usually has glibc. */
export const GLIBC = ['/lib/x86_64-linux-gnu/libc.so.6', '/lib64/libc.so.6'];

/** True on Linux without glibc, which LibTorch's and our binaries are made for. */
export function isMusl(): boolean {
  if (process.platform !== 'linux') return false;
  // Asking the system, which tells all there is of the process, takes ten milliseconds.
  if (GLIBC.some((file) => existsSync(file))) return false;
  const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
  return header.glibcVersionRuntime === undefined;
}

/**
 * The prebuilt addon for this LibTorch: of its minor version and variant, else the one for the CPU, which works with a
 * CUDA build too, but without kernels of ours for its devices.
 */
export function prebuiltFor(libtorch: Libtorch, root: string): Binary | undefined {
  const fitting = prebuiltBinaries(root).filter(
    ({ torch }) => torch === minorVersion(libtorch.version),
  );
  const of = (wanted: string) => fitting.find(({ variant }) => variant === wanted);
  return of(libtorch.variant) ?? of('cpu');
}

/**
 * The addon to load with this LibTorch: the one built here where it fits, else a prebuilt one, else undefined. For a CUDA
 * build, a prebuilt one with kernels goes before one that was built here without.
 */
export function fittingBinary(libtorch: Libtorch, root: string): Binary | undefined {
  const local = localBinary(root);
  const prebuilt = prebuiltFor(libtorch, root);
  if (local?.torch !== minorVersion(libtorch.version)) return prebuilt;
  const lacks = libtorch.variant !== 'cpu' && local.variant === 'cpu';
  return lacks && prebuilt?.variant === libtorch.variant ? prebuilt : local;
}

/** Every addon there is, the one built here first. */
export function allBinaries(root: string): Binary[] {
  const local = localBinary(root);
  return [...(local === undefined ? [] : [local]), ...prebuiltBinaries(root)];
}

/** ERR_CMIR_LIBTORCH for a LibTorch that none of `binaries` is built for: symbols of another version do not fit. */
export function unfitError(libtorch: Libtorch, binaries: readonly Binary[]): CmirError {
  const versions = [...new Set(binaries.map(({ torch }) => torch))];
  return new CmirError(
    'ERR_CMIR_LIBTORCH',
    `the native addon ${binaries.map(({ addon }) => addon).join(' and ')} is built for LibTorch ${versions.join(' and ')}, but found LibTorch ` +
      `${libtorch.version} in ${libtorch.root} (${libtorch.reason}); run: npx cmir setup --rebuild ` +
      `(builds it for that one), or set LIBTORCH to a LibTorch ${versions.join(' or ')}`,
  );
}
