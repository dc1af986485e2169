// Steps as commands for a shell: what was found is to be had again by pasting them. A value that comes out of an earlier
// answer is put into a variable.

import { type Reference, referencesIn, type Step, type Template } from './steps.ts';

// From here on a run of one character is made where it is needed, and not written out.
const RUN_LENGTH_MIN = 200;
const SHELL_SAFE = /^[\w./:=@%+,-]+$/;

/** One command a line; the last one shows its answer. `$URL` is where the server is. */
export function toShell(steps: readonly Step[]): string {
  const wanted = new Map<number, Reference[]>();
  for (const reference of steps.flatMap(referencesIn)) {
    wanted.set(reference.step, [...(wanted.get(reference.step) ?? []), reference]);
  }
  const lines = steps.flatMap((step, index) => {
    const wait = step.passMs >= 1_000 ? [`sleep ${Math.ceil(step.passMs / 1_000)}`] : [];
    if (index === steps.length - 1) return [...wait, curl(step, '-si')];
    const names = new Map((wanted.get(step.number) ?? []).map((each) => [variable(each), each]));
    if (names.size === 0) return [...wait, `${curl(step, '-s')} -o /dev/null`];
    const answer = `A${step.number}`;
    const values = [...names].map(([name, each]) => `${name}=${extract(each, `"$${answer}"`)}`);
    return [...wait, `${answer}=$(${curl(step, '-si')})`, ...values];
  });
  return lines.join('\n');
}

function curl({ method, target, headers, body }: Step, how: string): string {
  const type = headers.some(([name]) => name === 'Content-Type') ? [] : ["-H 'Content-Type:'"];
  const words = [
    ...['curl', how, '--path-as-is', '--globoff'],
    ...(method === 'HEAD' ? ['--head'] : ['-X', method]),
    `"$URL"${quote(target)}`,
    ...headers.map(([name, value]) => `-H ${header(name, value)}`),
    ...(body === null ? [] : [...type, "-H 'Expect:'", '--data-binary @-']),
  ];
  return body === null ? words.join(' ') : `${printed(body)} | ${words.join(' ')}`;
}

// curl takes a header without a value only with a semicolon.
function header(name: string, value: Template): string {
  return value.join('') === '' ? quote([`${name};`]) : quote([`${name}: `, ...value]);
}

// `printf` can write any byte, NUL too, which no argument can hold.
function printed(body: Template): string {
  const parts = joined(body).map((part) =>
    typeof part === 'string' ? escaped(part) : `"${expansion(part)}"`,
  );
  return `printf ${parts.join('') || "''"}`;
}

function escaped(bytes: string): string {
  const octal = (byte: string) => `\\${byte.charCodeAt(0).toString(8).padStart(3, '0')}`;
  return withRuns(
    bytes,
    (text) =>
      `'${text.replace(/[\\%'\u0000-\u001f\u007f-\u00ff]/g, (byte) => (byte === '%' ? '%%' : octal(byte)))}'`,
  );
}

function quote(template: Template): string {
  return joined(template)
    .map((part) => (typeof part === 'string' ? withRuns(part, plain) : `"${expansion(part)}"`))
    .join('');
}

// Neighbours as one text.
function joined(template: Template): Template {
  return template.reduce<(string | Reference)[]>((parts, part) => {
    const last = parts.at(-1);
    if (typeof part === 'string' && typeof last === 'string') parts.splice(-1, 1, last + part);
    else parts.push(part);
    return parts;
  }, []);
}

function plain(text: string): string {
  if (text === '' || SHELL_SAFE.test(text)) return text;
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

function withRuns(text: string, write: (text: string) => string): string {
  const run = new RegExp(`(([a-z "\\[\\]])\\2{${RUN_LENGTH_MIN},})`);
  const [before = '', whole, letter, ...rest] = text.split(run);
  if (whole === undefined || letter === undefined) return write(text);
  const made = `"$(head -c ${whole.length} /dev/zero | tr '\\0' '${letter}')"`;
  return `${write(before)}${made}${withRuns(rest.join(''), write)}`;
}

function variable({ step, of, path }: Reference): string {
  return `S${step}_${of === 'etag' ? of : path.replace(/\W/g, '_')}`;
}

function expansion(reference: Reference): string {
  const cut = '?'.repeat(reference.cut ?? 0);
  return cut === '' ? `\${${variable(reference)}}` : `\${${variable(reference)}%${cut}}`;
}

// The answer is its head, an empty line and one line of JSON.
function extract({ of, path }: Reference, answer: string): string {
  const headerOf = (name: string) => `echo ${answer} | tr -d '\\r' | grep -i '^${name}: '`;
  if (of === 'etag') return `$(${headerOf('etag')} | cut -d' ' -f2)`;
  if (of === 'location') return `$(${headerOf('location')} | cut -d/ -f${Number(path) + 1})`;
  const keys = path.split('.').map((key) => `[${JSON.stringify(key)}]`);
  return `$(echo ${answer} | tail -n 1 | node -p 'JSON.parse(fs.readFileSync(0))${keys.join('')}')`;
}
