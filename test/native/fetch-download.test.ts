import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

import { findLibtorch } from '../../lib/native/libtorch';
import { proxyOf } from '../../lib/native/fetch/request';
import {
  LIBRARY_BYTES,
  WHEEL,
  WHEEL_NAME,
  buildOf,
  cutAfter,
  fakePip,
  machine,
  serve,
  sha256,
  status,
  stopServers,
  whole,
  zipOf,
  type Answer,
} from './fetch-fixture';
import { errorOf, newFolder, removeFolders, write } from './fixture';

afterEach(async () => {
  await stopServers();
  removeFolders();
});

const HALF = Math.floor(WHEEL.length / 2);

/** The target holds the LibTorch of the wheel, all of it, and nothing that was on the way. */
function expectFilled(target: string): void {
  expect(readdirSync(target).sort()).toEqual(['torch', 'torch-2.13.0.dist-info']);
  const library = readdirSync(join(target, 'torch/lib'));
  expect(library).toEqual([process.platform === 'darwin' ? 'libtorch.dylib' : 'libtorch.so']);
  expect(readFileSync(join(target, 'torch/lib', library[0] ?? '')).equals(LIBRARY_BYTES)).toBe(
    true,
  );
  expect(readdirSync(join(target, 'torch')).sort()).toEqual(['include', 'lib', 'version.py']);
}

test('a pinned wheel is downloaded without Python, told of in one line before, and unpacked', async () => {
  const { env, fetch, target, lines } = machine();
  const { base, ranges } = await serve(whole);
  const progress: [number, number][] = [];
  const libtorch = await fetch({
    builds: [buildOf(base)],
    onProgress: (...step) => progress.push(step),
  });
  expect(libtorch).toMatchObject({
    root: join(target, 'torch'),
    version: '2.13.0+cpu',
    variant: 'cpu',
    source: 'cache',
    reason: 'it was fetched just now',
  });
  expectFilled(target);
  expect(findLibtorch(env)?.root).toBe(libtorch.root);
  expect(ranges).toEqual([0]);
  expect(lines).toEqual([
    `fetching LibTorch 2.13.0 (cpu): 3 MB to download, 3 MB unpacked, into ${target}`,
    'downloaded and verified; unpacking',
  ]);
  expect(progress.length).toBeGreaterThan(2);
  expect(progress.at(-1)).toEqual([WHEEL.length, WHEEL.length]);
  for (const [index, [received, total]] of progress.entries()) {
    expect(total).toBe(WHEEL.length);
    expect(received).toBeGreaterThanOrEqual(progress[index - 1]?.[0] ?? 0);
  }
});

test('a connection that breaks is made anew where it broke', async () => {
  const { fetch, target, lines } = machine();
  const { base, ranges } = await serve(cutAfter(HALF), cutAfter(1000), whole);
  await fetch({ builds: [buildOf(base)] });
  expectFilled(target);
  expect(ranges).toHaveLength(3);
  const [first, second = 0, third = 0] = ranges;
  expect(first).toBe(0);
  expect(second).toBeGreaterThan(0);
  expect(second).toBeLessThanOrEqual(HALF);
  expect(third).toBeGreaterThanOrEqual(second);
  expect(third).toBeLessThan(WHEEL.length);
  expect(lines.filter((line) => line.includes('trying again'))).toHaveLength(2);
});

test('what an earlier run has downloaded is not downloaded again', async () => {
  const { fetch, target, part } = machine();
  write(part, WHEEL.subarray(0, HALF));
  const { base, ranges } = await serve(whole);
  await fetch({ builds: [buildOf(base)] });
  expect(ranges).toEqual([HALF]);
  expectFilled(target);
});

test('of several files only the missing ones are downloaded', async () => {
  const other = zipOf([{ name: 'nvidia/cu13/lib/libcudart.so.13', content: 'runtime' }]);
  const { fetch, target, downloads } = machine();
  write(join(downloads, WHEEL_NAME), WHEEL);
  const { base, ranges } = await serve((response) => response.end(other));
  await fetch({
    builds: [buildOf(base, { [WHEEL_NAME]: WHEEL, 'nvidia_x-1-py3-none-any.whl': other })],
  });
  expect(ranges).toEqual([0]);
  expect(readFileSync(join(target, 'nvidia/cu13/lib/libcudart.so.13'), 'utf8')).toBe('runtime');
});

test('a server that knows no ranges sends it all again', async () => {
  const { fetch, target } = machine();
  const all: Answer = (response, _from, request) => {
    whole(response, 0, request);
  };
  const { base, ranges } = await serve(cutAfter(HALF), all);
  await fetch({ builds: [buildOf(base)] });
  expect(ranges[1]).toBeGreaterThan(0);
  expectFilled(target);
});

test.each([
  ['longer than the file', Buffer.concat([WHEEL, Buffer.of(1)]), [0]],
  ['damaged', Buffer.alloc(HALF), [HALF, 0]],
  ['whole but damaged', Buffer.alloc(WHEEL.length), [0]],
])('what is left of an earlier run and is %s is replaced', async (_, left, asked) => {
  const { fetch, target, part } = machine();
  write(part, left);
  const { base, ranges } = await serve(whole);
  await fetch({ builds: [buildOf(base)] });
  expect(ranges).toEqual(asked);
  expectFilled(target);
});

test.each([408, 429, 500, 502, 503])('an answer %i is asked again', async (code) => {
  const { fetch, target } = machine();
  const { base, ranges } = await serve(status(code), whole);
  await fetch({ builds: [buildOf(base)] });
  expect(ranges).toHaveLength(2);
  expectFilled(target);
});

test.each([301, 302, 303, 307, 308])('a redirection %i is followed', async (code) => {
  const { fetch, target } = machine();
  const there = await serve(whole);
  const { base } = await serve(status(code, { location: `${there.base}/elsewhere` }));
  await fetch({ builds: [buildOf(base)] });
  expectFilled(target);
});

test('a server that falls silent is left, and asked again for the rest', async () => {
  const { fetch, target } = machine();
  const silent: Answer = (response) => {
    response.writeHead(200, { 'content-length': WHEEL.length });
    response.write(WHEEL.subarray(0, HALF));
  };
  const { base, ranges } = await serve(silent, whole);
  await fetch({ builds: [buildOf(base)], stallMs: 300 });
  expect(ranges[1]).toBeGreaterThan(0);
  expectFilled(target);
});

describe('without pip, a download that fails says why and what to do, and unpacks nothing', () => {
  test.each<[string, Answer[], RegExp, number]>([
    ['a wheel that is not there', [status(404)], /answers 404; check the network/, 1],
    ['a refusal', [status(403)], /answers 403; check the network/, 1],
    ['a server that is down', [status(503)], /answers 503; check the network/, 5],
    [
      'a file of another length',
      [(response) => response.end('<html>Log in first</html>')],
      /is another file: found 25 bytes, expected \d+/,
      1,
    ],
    [
      'a file of another length, told by its end',
      [
        (response) => {
          response.write(WHEEL);
          response.end('more');
        },
      ],
      /is another file: found more than \d+ bytes/,
      1,
    ],
    [
      'a range of another file',
      [
        cutAfter(HALF),
        (response, from) =>
          response
            .writeHead(206, { 'content-range': `bytes ${String(from)}-99999999/100000000` })
            .end(),
      ],
      /is another file: found 100000000 bytes, expected \d+/,
      2,
    ],
    [
      'redirections without an end',
      [
        (response, _from, request) =>
          response.writeHead(302, { location: request.url ?? '' }).end(),
      ],
      /is redirected more than 5 times/,
      6,
    ],
    [
      'a redirection to no web page',
      [status(302, { location: 'file:///etc/passwd' })],
      /leads to file:/,
      1,
    ],
  ])('%s', async (_, answers, words, requests) => {
    const { fetch, target, env } = machine();
    const { base, ranges } = await serve(...answers);
    const error = await errorOf(() => fetch({ builds: [buildOf(base)] }));
    expect(error.code).toBe('ERR_CMIR_SETUP');
    expect(error.message).toMatch(words);
    expect(error.message).toContain(
      `get ${base}/${encodeURIComponent(WHEEL_NAME)} on another machine and run: npx cmir setup --file FILE`,
    );
    expect(ranges).toHaveLength(requests);
    expect(existsSync(join(target, 'torch'))).toBe(false);
    expect(findLibtorch(env)).toBeUndefined();
  });

  test('nobody there, at once', async () => {
    const { fetch, cache, lines } = machine();
    const { base } = await serve(whole);
    await stopServers();
    const error = await errorOf(() => fetch({ builds: [buildOf(base)], retryMs: 1e6 }));
    expect(error.message).toMatch(/ECONNREFUSED.*; check the network/);
    expect(lines).toHaveLength(1);
    expect(readdirSync(cache)).toEqual([]);
  });

  test('a download that breaks again and again, keeping what came', async () => {
    const { fetch, part } = machine();
    const { base, ranges } = await serve(cutAfter(HALF), status(500));
    const error = await errorOf(() => fetch({ builds: [buildOf(base)] }));
    expect(error.message).toContain('answers 500');
    expect(ranges).toHaveLength(5);
    expect(statSync(part).size).toBeGreaterThan(0);
  });

  test('a wheel of another content: both hashes are told and it is removed', async () => {
    const { fetch, cache, env } = machine();
    const changed = Buffer.from(WHEEL);
    changed.writeUInt8(changed.readUInt8(HALF) ^ 1, HALF);
    const { base } = await serve((response) => response.end(changed));
    const error = await errorOf(() => fetch({ builds: [buildOf(base)] }));
    expect(error.code).toBe('ERR_CMIR_SETUP');
    expect(error.message).toContain(
      `found SHA-256 ${sha256(changed)}, expected ${sha256(WHEEL)}; it was removed`,
    );
    expect(readdirSync(cache)).toEqual([]);
    expect(findLibtorch(env)).toBeUndefined();
  });
});

describe('where the network fails, pip is asked', () => {
  const lay = (content: Buffer): string => {
    const file = write(join(newFolder(), 'wheel'), content);
    return `cp ${file} $dest/${WHEEL_NAME}`;
  };

  test('for the same wheel, from where it is told to look', async () => {
    const pip = fakePip(lay(WHEEL));
    const { fetch, target, lines } = machine(pip.scripts);
    const { base } = await serve(status(403));
    await fetch({ builds: [buildOf(base)] });
    expectFilled(target);
    expect(pip.calls()).toHaveLength(1);
    expect(pip.calls()[0]).toContain(
      ' --python-version 3.11 --implementation cp --abi cp311 --platform manylinux_2_28_x86_64 torch==2.13.0+cpu',
    );
    expect(pip.calls()[0]).not.toContain('--index-url');
    expect(lines[1]).toMatch(/^cannot download torch-2\.13\.0.*answers 403; asking pip for it$/);
  });

  test('also of PyTorch’s own index, where its sources have none', async () => {
    const pip = fakePip(`case "$*" in *--index-url*) ${lay(WHEEL)} ;; *) exit 1 ;; esac`);
    const { fetch, target } = machine(pip.scripts);
    const { base } = await serve(status(403));
    await fetch({ builds: [buildOf(base)] });
    expectFilled(target);
    expect(pip.calls()[1]).toContain('--index-url https://download.pytorch.org/whl/cpu');
  });

  test('and its wheel of another content is removed too', async () => {
    const pip = fakePip(lay(Buffer.from('another build')));
    const { fetch, cache } = machine(pip.scripts);
    const { base } = await serve(status(403));
    const error = await errorOf(() => fetch({ builds: [buildOf(base)] }));
    expect(error.message).toContain(`found SHA-256 ${sha256(Buffer.from('another build'))}`);
    expect(error.message).toContain(`expected ${sha256(WHEEL)}`);
    expect(readdirSync(cache)).toEqual([]);
  });

  test('which may fail as well, in its own words', async () => {
    const pip = fakePip('echo "ERROR: No matching distribution found" >&2; exit 1');
    const { fetch, cache } = machine(pip.scripts);
    const { base } = await serve(status(403));
    const error = await errorOf(() => fetch({ builds: [buildOf(base)] }));
    expect(error.message).toMatch(/answers 403, nor with pip; .*pip says: ERROR: No matching/);
    expect(readdirSync(cache)).toEqual([]);
  });
});

test('a mirror has the same files at another place', async () => {
  const { fetch, target, env } = machine();
  const asked: (string | undefined)[] = [];
  const { base } = await serve((response, from, request) => {
    asked.push(request.url);
    whole(response, from, request);
  });
  env['CMIR_TORCH_MIRROR'] = `${base}/torch/`;
  await fetch({ builds: [buildOf('https://publisher.invalid/whl')] });
  expectFilled(target);
  expect(asked).toEqual([`/torch/${encodeURIComponent(WHEEL_NAME)}`]);
});

test('a proxy is asked for whole URLs, with its password', async () => {
  const { fetch, target, env } = machine();
  const asked: unknown[] = [];
  const { base } = await serve((response, from, request) => {
    asked.push(request.url, request.headers['proxy-authorization'], request.headers.host);
    whole(response, from, request);
  });
  env['http_proxy'] = base.replace('http://', 'http://me:s%20cret@');
  await fetch({ builds: [buildOf('http://publisher.invalid')] });
  expectFilled(target);
  const login = `Basic ${Buffer.from('me:s cret').toString('base64')}`;
  const url = `http://publisher.invalid/${encodeURIComponent(WHEEL_NAME)}`;
  expect(asked).toEqual([url, login, 'publisher.invalid']);
});

test.each<[string, Record<string, string>, string | undefined]>([
  ['https://a.org/x', {}, undefined],
  ['https://a.org/x', { HTTPS_PROXY: 'http://p:8080' }, 'http://p:8080/'],
  ['https://a.org/x', { https_proxy: 'p:8080', HTTPS_PROXY: 'http://q' }, 'http://p:8080/'],
  ['https://a.org/x', { HTTP_PROXY: 'http://p:8080' }, undefined],
  ['https://a.org/x', { ALL_PROXY: 'http://p:8080' }, 'http://p:8080/'],
  ['https://a.org/x', { HTTPS_PROXY: 'http://p', NO_PROXY: 'b.org, a.org' }, undefined],
  ['https://www.a.org/x', { HTTPS_PROXY: 'http://p', NO_PROXY: '.a.org' }, undefined],
  ['https://www.aa.org/x', { HTTPS_PROXY: 'http://p', NO_PROXY: 'a.org' }, 'http://p/'],
  ['https://a.org/x', { HTTPS_PROXY: 'http://p', NO_PROXY: '*' }, undefined],
])('%s with %j is reached through %s', (url, env, proxy) => {
  expect(proxyOf(new URL(url), env)?.href).toBe(proxy);
});
