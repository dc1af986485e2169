// The page from a clone to HTTPS, pasted into a shell from top to bottom. Commands that need root, a
// registry or the Internet are replaced, and the folders of the system are folders of the test. The
// service and the proxies are then started from the files that the page has installed.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { temporaryFolder } from '../support/disk/temporary-folder.ts';
import { program, start } from '../support/process/command.ts';
import { HOST, proxies, startProxy } from '../support/process/proxies.ts';
import { root } from '../support/process/scratch-project.ts';

const INSTALLED = { nginx: 'etc/nginx/sites-enabled/jot.conf', caddy: 'etc/caddy/Caddyfile' };
const FOLDERS = ['bin', 'clone', 'etc/caddy', 'etc/nginx/sites-enabled', 'etc/systemd/system', 'var/lib/jot'];
const REPLACED = {
  sudo: 'exec "$@"',
  // The build is the bundle that the suite uses.
  npm: `[ "$1" != run ] || { mkdir -p dist && cp '${program.at(-1)}' dist/jot.cjs; }`,
  'apt-get': '',
  certbot: '',
  git: '',
  systemctl: 'echo "$*"',
};

const page = readFileSync(`${root}src/commands/README.md`, 'utf8');

/** The shell commands below a heading, up to the next one. */
function commandsOf(heading: string): string[] {
  const [, section = ''] = page.split(new RegExp(`^#+ ${heading}$`, 'm'));
  const [text = ''] = section.split(/^#+ /m);
  const blocks = [...text.matchAll(/```sh\n(.*?)```/gs)].map(([, block = '']) => block);
  assert.ok(blocks.length > 0, `${heading} has no commands`);
  return blocks;
}

for (const [name, proxy] of Object.entries(proxies)) {
  describe(`src/commands/README.md, pasted with ${name}`, { skip: proxy.skip }, () => {
    it('leads from a clone to HTTPS, and to an upgrade and the metrics', async (t) => {
      const folder = sandbox(t);
      const [domain = ''] = commandsOf('Jot on a server of your own');
      assert.equal(domain, `DOMAIN=${HOST}\n`);
      let port = 3000;
      const paste = (commands: string) => {
        const script = inFolder(folder, commands).replaceAll('127.0.0.1:3000', `127.0.0.1:${port}`);
        return shell(folder, domain + script);
      };

      for (const step of ['1. Build and install', '2. Write the settings']) {
        await paste(commandsOf(step).join(''));
      }
      const [service = '', isReady = ''] = commandsOf('3. Start the service');
      assert.match(await paste(service), /^enable --now jot$/m);
      port = await startService(t, folder);
      assert.match(await paste(isReady), /^\{"status":"ok"/);

      const heading = name === 'nginx' ? 'nginx' : 'Caddy';
      const printed = await paste(commandsOf(heading).join(''));
      assert.match(printed, new RegExp(`^reload ${name}$`, 'm'));
      const installed = readFileSync(`${folder}/${INSTALLED[name as keyof typeof INSTALLED]}`, 'utf8');
      const started = await startProxy(t, proxy, installed, port);
      const connection = `connect-to = "${HOST}:443:127.0.0.1:${started.port}"`;
      writeFileSync(`${folder}/.curlrc`, `${connection}\ncacert = "${started.certificate}"\n`);

      const used = await paste(commandsOf('5. Use it').join(''));
      assert.match(used, /^\{"status":"ok".*\bmatt\b/s);
      const inline = [...page.matchAll(/`(sudo node [^`]+)`/g)].map(([, command]) => command);
      assert.match(await paste(inline.join('\n')), /jot\.jsonl/);
      assert.match(await paste(commandsOf('Look after it').join('')), /^restart jot$/m);
      assert.match(await paste(commandsOf('Prometheus').join('')), /^jot_/m);
    });
  });
}

function sandbox(t: TestContext): string {
  const folder = temporaryFolder(t);
  for (const name of FOLDERS) mkdirSync(`${folder}/${name}`, { recursive: true });
  symlinkSync(`${root}scripts`, `${folder}/clone/scripts`);
  for (const [name, commands] of Object.entries(REPLACED)) {
    writeFileSync(`${folder}/bin/${name}`, `#!/bin/sh\n${commands}\n`);
    chmodSync(`${folder}/bin/${name}`, 0o755);
  }
  return folder;
}

function inFolder(folder: string, commands: string): string {
  return commands.replaceAll(/(?<![\w.])\/(?=etc\/|opt\/jot|var\/lib\/jot)/g, `${folder}/`);
}

async function shell(folder: string, script: string): Promise<string> {
  const path = `${folder}/bin:${dirname(process.execPath)}:${process.env.PATH}`;
  const shown = promisify(execFile)('bash', ['-euo', 'pipefail', '-c', script], {
    cwd: `${folder}/clone`,
    env: { PATH: path, HOME: folder, CURL_HOME: folder },
  });
  shown.child.stdin?.end('correct horse\n');
  return (await shown).stdout;
}

/** Starts the program as the installed unit does, on a free port; resolves to the port. */
async function startService(t: TestContext, folder: string): Promise<number> {
  const unit = inFolder(folder, readFileSync(`${folder}/etc/systemd/system/jot.service`, 'utf8'));
  const [, file = ''] = /^ExecStart=\/usr\/bin\/node (.+)$/m.exec(unit) ?? [];
  const [, settings = ''] = /^EnvironmentFile=(.+)$/m.exec(unit) ?? [];
  const lines = readFileSync(settings, 'utf8').trim().split('\n');
  const env = Object.fromEntries(lines.map((line) => line.split('=')));
  const options = { cwd: `${folder}/var/lib/jot`, env: { ...env, PORT: '0' } };
  const ready = await start(t, [file], options).line(/"message":"ready"/);
  return Number(new URL(JSON.parse(ready).url).port);
}
