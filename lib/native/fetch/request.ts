import { request as requestHttp, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

import { FetchFailure } from './failure';

const MAX_REDIRECTS = 5;

export interface GetOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly env?: NodeJS.ProcessEnv;
  /** Milliseconds without a byte after which a connection is given up. */
  readonly stallMs: number;
}

/**
 * The answer to a GET of `url`, whose body is not read yet; redirects are followed, and the proxies that
 * HTTPS_PROXY, HTTP_PROXY and NO_PROXY name are used. Throws what the network says, or a FetchFailure.
 */
export async function get(url: URL, options: GetOptions): Promise<IncomingMessage> {
  let from = url;
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
    const answer = await getOnce(from, options);
    const location = answer.headers.location;
    if (![301, 302, 303, 307, 308].includes(answer.statusCode ?? 0) || location === undefined) {
      return answer;
    }
    answer.destroy();
    const to = new URL(location, from);
    if (!/^https?:$/.test(to.protocol) || (from.protocol === 'https:' && to.protocol === 'http:')) {
      throw new FetchFailure(`${from.href} leads to ${to.href}, which is not secure`, true);
    }
    from = to;
  }
  throw new FetchFailure(
    `${url.href} is redirected more than ${String(MAX_REDIRECTS)} times`,
    true,
  );
}

async function getOnce(url: URL, { headers, env = process.env, stallMs }: GetOptions) {
  const proxy = proxyOf(url, env);
  const secure = url.protocol === 'https:';
  const common = { headers: { 'user-agent': 'cmir', ...headers } };
  if (proxy === undefined) {
    return exchange(secure ? requestHttps : requestHttp, url, { ...common, agent: false }, stallMs);
  }
  if (proxy.protocol !== 'http:') {
    throw new FetchFailure(`the proxy ${proxy.host} is none that is reached by http`, true);
  }
  if (!secure) {
    const through = { ...common, agent: false, path: url.href } as const;
    const all = { ...through, headers: { ...common.headers, host: url.host, ...login(proxy) } };
    return exchange(requestHttp, proxy, all, stallMs);
  }
  const socket = await tunnel(proxy, url, stallMs);
  const createConnection = () => connectTls({ socket, servername: url.hostname });
  return exchange(requestHttps, url, { ...common, createConnection }, stallMs);
}

function exchange(
  request: typeof requestHttp,
  url: URL,
  options: RequestOptions,
  stallMs: number,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const sent = request(url, options, resolve);
    sent.on('error', reject);
    sent.setTimeout(stallMs, () => {
      const seconds = String(Math.round(stallMs / 1000));
      sent.destroy(new FetchFailure(`${url.host} sent nothing for ${seconds} s`, false));
    });
    sent.end();
  });
}

/** A connection to the server of `url` through the proxy, for TLS to be spoken over. */
function tunnel(proxy: URL, url: URL, stallMs: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const path = `${url.hostname}:${url.port === '' ? '443' : url.port}`;
    const options = { method: 'CONNECT', path, agent: false, headers: login(proxy) } as const;
    const sent = requestHttp(proxy, options);
    sent.on('error', reject);
    sent.setTimeout(stallMs, () => {
      sent.destroy(new FetchFailure(`the proxy ${proxy.host} does not answer`, false));
    });
    sent.on('connect', (answer, socket) => {
      if (answer.statusCode === 200) {
        // The time limit from here on is that of the request in the tunnel.
        socket.setTimeout(0);
        resolve(socket);
        return;
      }
      socket.destroy();
      const status = String(answer.statusCode);
      reject(new FetchFailure(`the proxy ${proxy.host} answers ${status}`, true));
    });
    sent.end();
  });
}

function login({ username, password }: URL): Record<string, string> {
  if (username === '') return {};
  const words = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { 'proxy-authorization': `Basic ${Buffer.from(words).toString('base64')}` };
}

/** The proxy for a URL, as most programs read it from the environment. */
export function proxyOf(url: URL, env: NodeJS.ProcessEnv): URL | undefined {
  const variable = (name: string): string => env[name] ?? env[name.toUpperCase()] ?? '';
  const own = variable(url.protocol === 'https:' ? 'https_proxy' : 'http_proxy');
  const named = own === '' ? variable('all_proxy') : own;
  if (named === '') return undefined;
  const direct = variable('no_proxy').split(/[\s,]+/);
  const host = url.hostname.toLowerCase();
  const isDirect = direct.some((entry) => {
    const name = entry
      .toLowerCase()
      .replace(/^\*?\./, '')
      .replace(/:\d+$/, '');
    return entry === '*' || (name !== '' && (host === name || host.endsWith(`.${name}`)));
  });
  if (isDirect) return undefined;
  const text = named.includes('://') ? named : `http://${named}`;
  if (URL.canParse(text)) return new URL(text);
  throw new FetchFailure('the proxy that HTTPS_PROXY or ALL_PROXY names is no URL', true);
}
