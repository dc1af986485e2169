// Formats steps as shell commands. `$R12` is the response to step 12; each reference reads its
// value from there.

import { REFERENCE, type Step } from './step.ts';

/** Returns commands for bash that send the steps to `$URL` and print the last response. */
export function toShell(steps: readonly Step[]): string {
  const lines = steps.flatMap((step, index) => {
    const wait = step.passMs >= 1_000 ? [`sleep ${Math.ceil(step.passMs / 1_000)}`] : [];
    const isLast = index === steps.length - 1;
    return [...wait, isLast ? curl(step) : `R${step.number}=$(${curl(step)})`];
  });
  return lines.join('\n');
}

function curl({ method, path, query, headers, body }: Step): string {
  const how = method === 'HEAD' ? '--head' : `-X ${method}`;
  const command = `curl -si --path-as-is --globoff ${how} "$URL"${quoted(path + query)}`;
  // curl adds this header to a body unless it is set to empty.
  const all = body === null ? headers : { 'Content-Type': '', ...headers };
  const options = Object.entries(all).map(([name, value]) => ` -H ${quoted(`${name}: ${value}`)}`);
  if (body === null) return command + options.join('');
  return `printf %b ${quoted(escaped(body))} | ${command}${options.join('')} --data-binary @-`;
}

function quoted(text: string): string {
  const inner = text.replaceAll("'", `'\\''`);
  return `'${inner.replace(REFERENCE, (_, number, path) => `'"${substitution(number, path)}"'`)}'`;
}

// In octal, `printf` can write any byte. An argument cannot contain NUL.
function escaped(bytes: string): string {
  const octal = (byte: string) => `\\0${byte.charCodeAt(0).toString(8).padStart(3, '0')}`;
  return bytes.replace(/[\\\u0000-\u001f\u007f-\u00ff]/g, octal);
}

function substitution(number: string, path: string): string {
  const [part, ...keys] = path.split('.');
  const response = 'fs.readFileSync(0, "utf8")';
  const members = keys.map((key) => `["${key}"]`).join('');
  const header = `/^${keys}: (.*)/im.exec(${response})[1]`;
  const json = `JSON.parse(${response}.split("\\r\\n\\r\\n")[1])${members}`;
  return `$(node -p '${part === 'headers' ? header : json}' <<< "$R${number}")`;
}
