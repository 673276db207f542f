import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { createServer as createHttp, request } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { connect, type AddressInfo, type Server } from 'node:net';
import { join } from 'node:path';

import { cmir, DIST } from '../helpers/program';
import {
  WHEEL,
  WHEEL_NAME,
  buildOf,
  cutAfter,
  machine,
  serve,
  stopServers,
  whole,
  type Answer,
} from './fetch-fixture';
import { fakePath, installPackage, newFolder, realLibtorch, removeFolders, write } from './fixture';

const servers: Server[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) server.close();
  await stopServers();
  removeFolders();
});

/** Fetches in a process of its own, which prints each line of the log, and at last the result or the error. */
function fetchElsewhere(base: string, env: NodeJS.ProcessEnv) {
  const options = `{ builds: [${JSON.stringify(buildOf(base))}], retryMs: 1, log: console.log }`;
  const program = `
    const { fetchLibtorch } = require(${JSON.stringify(join(DIST, 'native', 'fetch', 'index'))});
    fetchLibtorch(${options}).then(({ root }) => console.log('root ' + root), console.log);`;
  const child = spawn(process.execPath, ['-e', program], { env });
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (printed += text));
  }
  const ended = new Promise<string>((resolve) => {
    child.on('close', () => {
      resolve(printed);
    });
  });
  return { child, ended };
}

/** Sends half of the wheel and then nothing, and tells when the other side has it. */
function half(onSent: () => void): Answer {
  return (response) => {
    response.writeHead(200, { 'content-length': WHEEL.length });
    response.write(WHEEL.subarray(0, Math.floor(WHEEL.length / 2)), () => {
      onSent();
    });
  };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 20));
}

const endOf = (child: ChildProcess) => new Promise((resolve) => child.on('exit', resolve));

test('a process that is killed while it downloads leaves what the next one goes on with', async () => {
  const { env, target, part, fetch } = machine();
  const { base, ranges } = await serve(
    half(() => undefined),
    whole,
  );
  const { child } = fetchElsewhere(base, env);
  await until(() => existsSync(part) && statSync(part).size > 1 << 19);
  const ended = endOf(child);
  child.kill('SIGKILL');
  await ended;
  const { size } = statSync(part);
  expect(existsSync(join(target, 'torch'))).toBe(false);
  await fetch({ builds: [buildOf(base)] });
  expect(ranges).toEqual([0, size]);
  expect(readdirSync(target).sort()).toEqual(['torch', 'torch-2.13.0.dist-info']);
});

test('of two processes one fetches, and the other waits for it', async () => {
  const { env, target } = machine();
  const slow: Answer = (response, from, incoming) => {
    setTimeout(() => {
      whole(response, from, incoming);
    }, 1000);
  };
  const { base, ranges } = await serve(slow);
  const printed = await Promise.all([1, 2].map(() => fetchElsewhere(base, env).ended));
  for (const text of printed) expect(text).toContain(`root ${join(target, 'torch')}\n`);
  expect(printed.filter((text) => text.includes('fetching LibTorch'))).toHaveLength(1);
  expect(printed.filter((text) => text.includes('waiting for another process'))).toHaveLength(1);
  expect(ranges).toEqual([0]);
  expect(readdirSync(target).sort()).toEqual(['torch', 'torch-2.13.0.dist-info']);
});

/** A key and a certificate of its own for 127.0.0.1; undefined without openssl. */
function certificate() {
  const folder = newFolder();
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
  const made = spawnSync('openssl', [
    ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2'],
    ...['-keyout', key, '-out', cert, ...subject],
  ]);
  if (made.status === 0) return { cert, tls: { key: readFileSync(key), cert: readFileSync(cert) } };
  console.warn('skipped: no openssl to make a certificate with');
  return undefined;
}

async function listen(server: Server): Promise<number> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

/** A server that speaks TLS in front of another. */
function secured(tls: { key: Buffer; cert: Buffer }, base: string) {
  return createHttps(tls, (incoming, response) => {
    const inner = request(base + (incoming.url ?? ''), { headers: incoming.headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(response);
      answer.on('error', () => response.destroy());
    });
    inner.end();
  });
}

test('over HTTPS the certificate is checked, and a proxy is tunnelled through', async () => {
  const made = certificate();
  if (made === undefined) return;
  const { base, ranges } = await serve(cutAfter(1 << 20), whole);
  const secure = `https://localhost:${String(await listen(secured(made.tls, base)))}`;
  const tunnels: string[] = [];
  const proxy = createHttp();
  proxy.on('connect', (incoming, socket) => {
    tunnels.push(`${incoming.url ?? ''} ${incoming.headers['proxy-authorization'] ?? ''}`);
    const onward = connect(Number(new URL(secure).port), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      onward.pipe(socket).pipe(onward);
    });
    for (const end of [onward, socket]) end.on('error', () => socket.destroy());
  });
  const port = String(await listen(proxy));

  const distrusting = machine();
  const refused = await fetchElsewhere(secure, distrusting.env).ended;
  expect(refused).toMatch(/cannot download .*self-signed certificate/);
  expect(ranges).toEqual([]);

  const { env, target } = machine();
  env['NODE_EXTRA_CA_CERTS'] = made.cert;
  env['HTTPS_PROXY'] = `http://me:secret@127.0.0.1:${port}`;
  expect(await fetchElsewhere(secure, env).ended).toContain(`root ${join(target, 'torch')}\n`);
  const login = `Basic ${Buffer.from('me:secret').toString('base64')}`;
  expect(tunnels).toEqual(Array(2).fill(`${new URL(secure).host} ${login}`));
  expect(ranges).toHaveLength(2);
  expect(ranges[1]).toBeGreaterThan(0);
});

test('a proxy that refuses is told of', async () => {
  const proxy = createHttp();
  proxy.on('connect', (_request, socket) => {
    socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
  });
  const port = String(await listen(proxy));
  const { env } = machine();
  env['HTTPS_PROXY'] = `127.0.0.1:${port}`;
  const printed = await fetchElsewhere('https://localhost:1', env).ended;
  expect(printed).toContain(`the proxy 127.0.0.1:${port} answers 407`);
});

describe('cmir setup', () => {
  test('names a damaged --file with both hashes, and ends with 1', async () => {
    const { env } = machine();
    const file = write(join(newFolder(), WHEEL_NAME), WHEEL);
    const { code, stdout, stderr } = await cmir(['setup', '--file', file], { env });
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(
      /^cmir: the content of torch-.* is not what its publisher released: found/,
    );
  });

  test.each([
    [['--variant', 'gpu'], "--variant: found 'gpu' (did you mean cu130?)"],
    [['--variant', 'cu13'], "--variant: found 'cu13' (did you mean cu130?)"],
    [['--version', '2.13'], "--version: found '2.13' (did you mean 2.13.0?)"],
    [['--version', '2.10.0'], 'expected a version of LibTorch 2.11 to 2.13, such as 2.13.0'],
    [['--fil', 'x'], "unknown option '--fil'"],
  ])('%j is bad usage', async (args, words) => {
    const { code, stderr } = await cmir(['setup', ...args], { env: machine().env });
    expect(code).toBe(2);
    expect(stderr).toContain(words);
  });

  test('--quiet prints no progress, --json one document', async () => {
    const { root, version } = realLibtorch();
    const env = { PATH: fakePath({}), LIBTORCH: root };
    const { code, stdout, stderr } = await cmir(['setup', '--quiet', '--json'], {
      env,
      dist: join(installPackage(), 'dist'),
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(JSON.parse(stdout)).toMatchObject({ root, version, source: 'LIBTORCH' });
  });
});
