// nginx and Caddy with the configurations that Jot ships. Only addresses, ports and certificates
// are replaced. The client connects from 127.0.0.2, so that its address differs from the proxy's.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import type { IncomingHttpHeaders } from 'node:http';
import { request } from 'node:https';
import { createServer } from 'node:net';
import { text } from 'node:stream/consumers';
import { type Cleanup, temporaryFolder } from '../disk/temporary-folder.ts';
import { skipWithout } from './tools.ts';

export const CLIENT = '127.0.0.2';
export const HOST = 'jot.example.com';

export interface ProxyKind {
  /** The configuration that Jot ships, in `scripts/deploy`. */
  readonly file: string;
  readonly skip: string | false;
  /** Writes a configuration for this machine into the folder, and returns the command. */
  command(shipped: string, folder: string, port: number): string[];
}

export const proxies: Readonly<Record<'nginx' | 'caddy', ProxyKind>> = {
  nginx: {
    file: 'nginx.conf',
    skip: skipWithout(['nginx', '-v'], ['openssl', 'version']),
    command(shipped, folder, port) {
      const site = shipped
        .replaceAll(/^ *listen \[::\].*$/gm, '')
        .replace('listen 443', `listen 127.0.0.1:${port}`)
        .replace(/ssl_certificate .*;/, `ssl_certificate ${folder}/cert.pem;`)
        .replace(/ssl_certificate_key .*;/, `ssl_certificate_key ${folder}/key.pem;`);
      const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
      const temporary = paths.map((name) => `${name}_temp_path ${folder}/${name};`).join(' ');
      writeFileSync(`${folder}/site.conf`, site);
      writeFileSync(
        `${folder}/main.conf`,
        `pid ${folder}/pid; error_log stderr; daemon off; master_process off; events {}
         http { access_log off; ${temporary} include ${folder}/site.conf; }`,
      );
      return ['nginx', '-p', folder, '-c', `${folder}/main.conf`];
    },
  },
  caddy: {
    file: 'Caddyfile',
    skip: skipWithout(['caddy', 'version'], ['openssl', 'version']),
    command(shipped, folder, port) {
      const site = shipped.replace(
        `${HOST} {`,
        `https://${HOST}:${port} {\n\tbind 127.0.0.1\n\ttls ${folder}/cert.pem ${folder}/key.pem`,
      );
      writeFileSync(`${folder}/Caddyfile`, `{\n\tadmin off\n\tauto_https off\n}\n${site}`);
      return ['caddy', 'run', '--adapter', 'caddyfile', '--config', `${folder}/Caddyfile`];
    },
  },
};

export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface StartedProxy {
  readonly port: number;
  /** Path of the certificate. */
  readonly certificate: string;
  ask(method: string, path: string, headers?: Record<string, string>, body?: string): Promise<Reply>;
}

/** Starts a proxy with a configuration, in which Jot is at 127.0.0.1:3000. */
export async function startProxy(
  t: Cleanup,
  { command }: ProxyKind,
  shipped: string,
  upstream: number,
): Promise<StartedProxy> {
  const folder = temporaryFolder(t);
  makeCertificate(folder);
  const port = await freePort();
  const configuration = shipped.replaceAll('127.0.0.1:3000', `127.0.0.1:${upstream}`);
  const [program = '', ...args] = command(configuration, folder, port);
  const proxy = spawn(program, args, {
    env: { ...process.env, HOME: folder },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const errors = text(proxy.stderr);
  t.after(async () => {
    proxy.kill('SIGKILL');
    await errors;
  });
  const ended = once(proxy, 'exit').then(async () => {
    throw new Error(`${program} ended: ${await errors}`);
  });
  const ask: StartedProxy['ask'] = (method, path, headers = {}, body = '') =>
    Promise.race([ended, send(port, method, path, headers, body)]);
  await untilListening(() => ask('GET', '/healthz'));
  return { port, certificate: `${folder}/cert.pem`, ask };
}

function makeCertificate(folder: string): void {
  const kind = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  const names = ['-subj', `/CN=${HOST}`, '-addext', `subjectAltName=DNS:${HOST}`];
  const files = ['-keyout', `${folder}/key.pem`, '-out', `${folder}/cert.pem`];
  const args = ['req', ...kind, ...names, ...files];
  const { status, stderr } = spawnSync('openssl', args, { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}

async function untilListening(ask: () => Promise<unknown>): Promise<void> {
  try {
    await ask();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ECONNREFUSED') throw error;
    await untilListening(ask);
  }
}

async function send(
  port: number,
  method: string,
  path: string,
  headers: Record<string, string>,
  body: string,
): Promise<Reply> {
  const asked = request({
    port,
    method,
    path,
    host: '127.0.0.1',
    localAddress: CLIENT,
    agent: false,
    servername: HOST,
    // The certificate is made for this test.
    rejectUnauthorized: false,
    headers: { Host: HOST, ...headers, 'Content-Length': Buffer.byteLength(body) },
  });
  asked.end(body);
  const [response] = await once(asked, 'response');
  return { status: response.statusCode, headers: response.headers, body: await text(response) };
}
