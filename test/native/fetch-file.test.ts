import { existsSync, readFileSync, readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';

import { PINNED } from '../../lib/native/fetch/pinned';
import { unpack } from '../../lib/native/fetch/unpack';
import {
  LINK_MODE,
  WHEEL,
  WHEEL_NAME,
  buildOf,
  machine,
  sha256,
  wheelMembers,
  zipOf,
  type ZipMember,
} from './fetch-fixture';
import { errorOf, newFolder, removeFolders, write } from './fixture';

afterEach(removeFolders);

/** Nothing that is fetched from there comes. */
const NOWHERE = 'http://127.0.0.1:1';

/** A file of this content. */
function given(content: Buffer = WHEEL, name = WHEEL_NAME): string {
  return write(join(newFolder(), name), content);
}

describe('a given file', () => {
  test('whose hash is pinned is unpacked as it is, without a network or Python', async () => {
    const { fetch, target, lines } = machine();
    const file = given(WHEEL, 'renamed.whl');
    const libtorch = await fetch({ files: [file], builds: [buildOf(NOWHERE)] });
    expect(libtorch).toMatchObject({ root: join(target, 'torch'), version: '2.13.0+cpu' });
    expect(lines[0]).toBe(
      `fetching LibTorch 2.13.0 (cpu) from ${file}, 3 MB unpacked, into ${target}`,
    );
    expect(readFileSync(file).equals(WHEEL)).toBe(true);
    expect(readdirSync(target).sort()).toEqual(['torch', 'torch-2.13.0.dist-info']);
  });

  test('that is damaged is refused, with both hashes', async () => {
    const { fetch, cache } = machine();
    const damaged = WHEEL.subarray(1);
    const error = await errorOf(() =>
      fetch({ files: [given(damaged)], builds: [buildOf(NOWHERE)] }),
    );
    expect(error.code).toBe('ERR_CMIR_SETUP');
    expect(error.message).toContain(
      `found SHA-256 ${sha256(damaged)}, expected ${sha256(WHEEL)}; it is damaged or was changed`,
    );
    expect(existsSync(cache)).toBe(false);
  });

  test('that nobody knows is refused with its hash, and taken with that', async () => {
    const { fetch, cache, target } = machine();
    const content = zipOf(wheelMembers('2.12.1+cpu'));
    const file = given(content, 'torch-2.12.1+cpu-cp312-cp312-linux_x86_64.whl');
    const error = await errorOf(() => fetch({ files: [file] }));
    expect(error.code).toBe('ERR_CMIR_SETUP');
    expect(error.message).toContain(`its SHA-256 is ${sha256(content)}`);
    expect(error.message).toContain('--sha256');
    expect(existsSync(cache)).toBe(false);
    const hash = sha256(content).toUpperCase();
    const { root, version } = await fetch({ files: [file], sha256: [hash] });
    expect(version).toBe('2.12.1+cpu');
    expect(root).toBe(join(target.replace('2.13.0', '2.12.1'), 'torch'));
  });

  test('that has another hash than was given is refused', async () => {
    const { fetch, cache } = machine();
    const wrong = '0'.repeat(64);
    const error = await errorOf(() =>
      fetch({ files: [given()], sha256: [wrong], builds: [buildOf(NOWHERE)] }),
    );
    expect(error.message).toContain(`found SHA-256 ${sha256(WHEEL)}, expected ${wrong}`);
    expect(existsSync(cache)).toBe(false);
  });

  test('may be the archive that PyTorch offers', async () => {
    const { fetch } = machine();
    const members = wheelMembers()
      .filter(({ name }) => name.startsWith('torch/') && !name.endsWith('.py'))
      .map((member) => ({ ...member, name: `lib${member.name}` }));
    members.push({ name: 'libtorch/build-version', content: '2.13.0+cpu\n' });
    members.push({ name: 'libtorch/share/cmake/Torch/TorchConfig.cmake', content: '' });
    const content = zipOf(members);
    const file = given(content, 'libtorch-shared-with-deps-2.13.0%2Bcpu.zip');
    const { root, version } = await fetch({ files: [file], sha256: [sha256(content)] });
    expect(version).toBe('2.13.0+cpu');
    expect(readdirSync(root).sort()).toEqual(['build-version', 'include', 'lib']);
  });

  test('whose name tells nothing needs to be told of', async () => {
    const { fetch } = machine();
    const options = { files: [given(WHEEL, 'libtorch.zip')], sha256: [sha256(WHEEL)] };
    const error = await errorOf(() => fetch(options));
    expect(error.message).toContain('say it with --version and --variant');
    expect((await fetch({ ...options, version: '2.13.0', variant: 'cpu' })).variant).toBe('cpu');
  });

  test('that holds another LibTorch than its name says is refused', async () => {
    const { fetch, cache } = machine();
    const file = given(WHEEL, 'torch-2.12.0+cpu.whl');
    const error = await errorOf(() => fetch({ files: [file], sha256: [sha256(WHEEL)] }));
    expect(error.message).toContain('holds LibTorch 2.13.0+cpu (cpu), expected 2.12.0 (cpu)');
    expect(readdirSync(cache)).toEqual([]);
  });

  test('that is pinned for something else than was asked for is refused', async () => {
    const { fetch } = machine();
    const builds = [buildOf(NOWHERE)];
    const other = await errorOf(() => fetch({ files: [given()], variant: 'cu130', builds }));
    expect(other.message).toContain('the given file is LibTorch 2.13.0 (cpu)');
    expect(other.message).toContain('not 2.13.0 (cu130)');
    const elsewhere = [{ ...buildOf(NOWHERE), platform: 'plan9-mips' }];
    const error = await errorOf(() => fetch({ files: [given()], builds: elsewhere }));
    expect(error.message).toContain('for plan9-mips, but this machine is');
  });

  test('needs the others of its build beside it', async () => {
    const { fetch, target } = machine();
    const other = zipOf([
      { name: 'nvidia/cu13/lib/libcudart.so.13', content: 'runtime' },
      { name: 'nvidia/__init__.py', content: '' },
    ]);
    const builds = [
      buildOf(NOWHERE, { [WHEEL_NAME]: WHEEL, 'nvidia_x-1-py3-none-any.whl': other }),
    ];
    const error = await errorOf(() => fetch({ files: [given()], builds }));
    expect(error.message).toContain('needs 1 more files; give each with --file too:');
    expect(error.message).toContain(`${NOWHERE}/nvidia_x-1-py3-none-any.whl`);
    await fetch({ files: [given(), given(other, 'nvidia.whl')], builds });
    expect(readdirSync(join(target, 'nvidia'))).toEqual(['cu13']);
  });

  test.each(['nothing', 'a folder'])('that is %s', async (what) => {
    const { fetch } = machine();
    const file = what === 'nothing' ? join(newFolder(), 'absent.whl') : newFolder();
    const error = await errorOf(() => fetch({ files: [file] }));
    expect(error.code).toBe('ERR_CMIR_SETUP');
    expect(error.message).toContain(`--file ${file}: no such file`);
  });
});

describe('a folder of one’s own', () => {
  test('gets the LibTorch and nothing else, and is asked for again without a download', async () => {
    const { fetch, cache } = machine();
    const folder = newFolder();
    const options = { folder, files: [given()], builds: [buildOf(NOWHERE)] };
    const { root } = await fetch(options);
    expect(root).toBe(join(folder, 'torch'));
    expect(readdirSync(folder).sort()).toEqual(['torch', 'torch-2.13.0.dist-info']);
    expect(existsSync(cache)).toBe(false);
    const again = await fetch({ folder, builds: [buildOf(NOWHERE)] });
    expect(again).toMatchObject({ root, reason: 'it was fetched earlier' });
  });

  test('that holds other things is left as it is', async () => {
    const { fetch } = machine();
    const folder = newFolder();
    write(join(folder, 'thesis.tex'), 'work of years');
    const error = await errorOf(() =>
      fetch({ folder, files: [given()], builds: [buildOf(NOWHERE)] }),
    );
    expect(error.code).toBe('ERR_CMIR_SETUP');
    expect(error.message).toContain(`${folder} is not empty: found thesis.tex`);
    expect(readdirSync(folder)).toEqual(['thesis.tex']);
  });

  test('that holds another LibTorch is left as it is', async () => {
    const { fetch } = machine();
    const folder = newFolder();
    const older = zipOf(wheelMembers('2.12.0+cpu'));
    const file = given(older, 'torch-2.12.0+cpu.whl');
    await fetch({ folder, files: [file], sha256: [sha256(older)] });
    const error = await errorOf(() => fetch({ folder, builds: [buildOf(NOWHERE)] }));
    expect(error.message).toContain('holds LibTorch 2.12.0+cpu (cpu), expected 2.13.0 (cpu)');
    expect(error.message).toContain('--folder');
  });
});

describe('unpacking writes nowhere else', () => {
  const good: ZipMember = { name: 'torch/lib/a', content: 'a' };

  test.each<[string, ZipMember[]]>([
    ['upwards', [{ name: 'torch/lib/../../../../evil', content: '' }]],
    ['upwards at once', [{ name: '../torch/lib/evil', content: '' }]],
    ['to the root', [{ name: '/torch/lib/evil', content: '' }]],
    ['by backslashes', [{ name: 'torch/lib/..\\..\\evil', content: '' }]],
    ['by a link', [{ name: 'torch/lib/evil', content: '/etc', mode: LINK_MODE }]],
    [
      'through a link',
      [
        { name: 'torch/lib/evil', content: '/tmp', mode: LINK_MODE },
        { name: 'torch/lib/evil/file', content: '' },
      ],
    ],
    ['twice to one place', [good, good]],
  ])('%s', async (_, members) => {
    const folder = newFolder();
    const inner = join(folder, 'a/b');
    const file = given(zipOf([...members]));
    const error = await errorOf(() => unpack(file, inner));
    expect(error.code).toBe('ERR_CMIR_SETUP');
    expect(error.message).toContain('is no archive that can be unpacked');
    expect(
      readdirSync(folder, { recursive: true })
        .map(String)
        .filter((name) => name.includes('evil')),
    ).toEqual([]);
    expect(readdirSync(folder).every((name) => name === 'a')).toBe(true);
  });

  test.each<[string, Buffer]>([
    ['no zip', Buffer.from('<html>')],
    ['empty', Buffer.alloc(0)],
    ['cut', WHEEL.subarray(0, WHEEL.length - 100)],
    ['without its beginning', WHEEL.subarray(WHEEL.length / 2)],
  ])('of a file that is %s, nothing', async (_, content) => {
    const error = await errorOf(() => unpack(given(content), newFolder()));
    expect(error.code).toBe('ERR_CMIR_SETUP');
  });

  test('a link in the folder that is unpacked to is not followed', async () => {
    const [folder, outside] = [newFolder(), newFolder()];
    write(join(outside, 'a'), 'mine');
    write(join(folder, 'torch/lib/b'));
    symlinkSync(join(outside, 'a'), join(folder, 'torch/lib/a'));
    await errorOf(async () => {
      await unpack(given(zipOf([good])), folder).catch((error: unknown) => {
        expect((error as Error).message).toMatch(/EEXIST/);
        throw error;
      });
    });
    expect(readFileSync(join(outside, 'a'), 'utf8')).toBe('mine');
  });
});

test('what is pinned is whole', () => {
  expect(new Set(PINNED.map((build) => `${build.platform} ${build.variant}`)).size).toBe(
    PINNED.length,
  );
  const files = PINNED.flatMap((build) => build.files);
  expect(new Set(files.map(({ sha256 }) => sha256)).size).toBe(files.length);
  for (const { url, bytes, sha256 } of files) {
    expect(url).toMatch(/^(https:\/\/download\.pytorch\.org\/\S+|[\w.]+(-[\w.]+){4})\.whl$/);
    expect(sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(bytes).toBeGreaterThan(1e5);
  }
});
