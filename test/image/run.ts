// `npm run test:image`: builds the Dockerfile with Buildah, and uses the image as Docker would. The
// base image comes from a registry of images; here it is assembled from this machine's Node, npm
// and shell, so that the build needs only the npm registry.
//
// Buildah runs without a daemon, as root in a chroot. Left out: the network and the limits that
// Docker gives a container.

import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const PROGRAMS = ['/usr/bin/chown', '/usr/bin/dash', '/usr/bin/env', '/usr/bin/ls', '/usr/bin/mkdir', 'node'];
const FOLDERS = ['dev', 'etc', 'home/node', 'proc', 'root', 'sys', 'tmp', 'usr/bin', 'var/lib'];
const CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt';
const FILES = ['/etc/resolv.conf', '/etc/hosts', '/etc/nsswitch.conf', CERTIFICATES];
const BASE = 'localhost/node';
const IMAGE = 'localhost/jot';

const root = fileURLToPath(new URL('../..', import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'jot-image-'));
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));

buildBase();
buildImage();
await useContainer();

function buildBase(): void {
  const folder = join(scratch, 'base');
  for (const path of FOLDERS) mkdirSync(join(folder, path), { recursive: true });
  symlinkSync('usr/bin', join(folder, 'bin'));
  for (const program of PROGRAMS) copyWithLibraries(pathOf(program), folder);
  symlinkSync('dash', join(folder, 'usr/bin/sh'));
  const npm = dirname(dirname(pathOf('npm')));
  cpSync(npm, join(folder, 'usr/lib/node_modules/npm'), { recursive: true });
  symlinkSync('../lib/node_modules/npm/bin/npm-cli.js', join(folder, 'usr/bin/npm'));
  for (const file of FILES) cpSync(realpathSync(file), join(folder, file));
  writeFileSync(join(folder, 'etc/passwd'), 'root:x:0:0::/root:\nnode:x:1000:1000::/home/node:\n');
  writeFileSync(join(folder, 'etc/group'), 'root:x:0:\nnode:x:1000:\n');
  const container = buildah('from', 'scratch');
  buildah('copy', '--quiet', container, folder, '/');
  buildah('config', '--env', 'PATH=/usr/bin', '--env', `NODE_EXTRA_CA_CERTS=${CERTIFICATES}`, container);
  buildah('commit', '--quiet', container, BASE);
}

function copyWithLibraries(program: string, folder: string): void {
  const libraries = execFileSync('ldd', [program], { encoding: 'utf8' }).match(/\/\S+/g) ?? [];
  for (const file of [program, ...libraries]) cpSync(realpathSync(file), join(folder, file));
}

function pathOf(program: string): string {
  return realpathSync(execFileSync('which', [program], { encoding: 'utf8' }).trim());
}

function buildImage(): void {
  const isolation = ['--isolation', 'chroot', '--network', 'host', '--pull-never'];
  // Images in OCI's format have no HEALTHCHECK.
  const format = ['--quiet', '--format', 'docker', '--tag', IMAGE];
  const from = ['--build-arg', `NODE_IMAGE=${BASE}`, '--file', 'scripts/deploy/Dockerfile', '.'];
  buildah('build', ...isolation, ...format, ...from);
}

async function useContainer(): Promise<void> {
  const { config } = JSON.parse(buildah('inspect', '--type', 'image', IMAGE)).Docker;
  assert.equal(config.User, 'node');
  const container = buildah('from', '--pull-never', IMAGE);
  const environment = ['--env', 'HOST=127.0.0.1', '--env', 'PORT=0'];
  const run = ['run', '--isolation', 'chroot', ...environment, container, '--'];

  const volume = buildah(...run, 'ls', '-l', '-d', '/var/lib/jot');
  assert.match(volume, /^drwx------ .* node node /);

  const server = start(...run, ...config.Entrypoint);
  const port = await portOf(server);
  const [kind, program, ...args] = config.Healthcheck.Test;
  assert.equal(kind, 'CMD');
  const checkHealth = () => buildah(...run, 'env', `PORT=${port}`, program, ...args);
  checkHealth();

  // Docker signals the first process of the container; Buildah would not pass the signal on.
  const pattern = `${config.Entrypoint.join(' ')}$`;
  process.kill(
    Number(execFileSync('pgrep', ['--newest', '--full', pattern])),
    config.StopSignal ?? 'SIGTERM',
  );
  const [code] = await once(server, 'exit');
  assert.equal(code, 0);
  assert.throws(checkHealth, 'the health check of a stopped server succeeds');
  console.log('The image builds, starts, is healthy, and stops in good order.');
}

async function portOf({ stdout }: ChildProcess): Promise<number> {
  assert.ok(stdout);
  for await (const line of createInterface(stdout)) {
    const { message, url } = JSON.parse(line);
    if (message === 'ready') return Number(new URL(url).port);
  }
  throw new Error('The server ended before it was ready');
}

function buildah(...args: readonly string[]): string {
  return execFileSync('buildah', [...storage(), ...args], {
    cwd: root,
    env: environment(),
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  }).trim();
}

function start(...args: readonly string[]): ChildProcess {
  const stdio = ['ignore', 'pipe', 'inherit'] as const;
  return spawn('buildah', [...storage(), ...args], { cwd: root, env: environment(), stdio: [...stdio] });
}

function storage(): string[] {
  return ['--root', join(scratch, 'images'), '--runroot', join(scratch, 'run')];
}

function environment(): NodeJS.ProcessEnv {
  return { ...process.env, STORAGE_DRIVER: 'vfs' };
}
