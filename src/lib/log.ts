// The log: one line per event, whatever is in it. For machines a line is a JSON object; for a person at a terminal it
// is `time level message key=value ...`. The time is RFC 3339's, in UTC. In both, every string goes through JSON's
// escapes, so a CR LF in a name cannot start a line of its own (CWE-117).
//
// What it leaves out: files, rotation, levels per module. Standard output goes wherever the supervisor sends it.

const NAMES_MAX = 100;

export type LogFormat = 'json' | 'text' | 'off';
export type LogLevel = 'info' | 'warn' | 'error';
export type LogFields = Readonly<Record<string, unknown>>;

export interface Log {
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

export interface LogOptions {
  readonly format: LogFormat;
  /** Takes one whole line, its newline included. */
  readonly write: (line: string) => void;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/**
 * A log that writes each event as one line through `write`. It never throws: that something can't be told is no reason not
 * to do it. What was lost is counted.
 */
export function createLog({ format, write, now }: LogOptions): Log & { readonly linesLost: number } {
  const line = format === 'json' ? jsonLine : textLine;
  const timeAt = createClockText();
  let linesLost = 0;
  const at =
    (level: LogLevel) =>
    (message: string, fields: LogFields = {}) => {
      if (format === 'off') return;
      try {
        write(line(timeAt(now()), level, message, fields));
      } catch {
        linesLost++;
      }
    };
  return {
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    get linesLost() {
      return linesLost;
    },
  };
}

// Many lines belong to one millisecond, and putting a time into words takes longer than most of what they tell of.
function createClockText(): (nowMs: number) => string {
  let lastMs = Number.NaN;
  let text = '';
  return (nowMs) => {
    if (nowMs !== lastMs) text = new Date(nowMs).toISOString();
    lastMs = nowMs;
    return text;
  };
}

// Piece by piece, since to put all in one object for `JSON.stringify` takes twice as long.
function jsonLine(time: string, level: LogLevel, message: string, fields: LogFields): string {
  let line = `{"time":"${time}","level":"${level}","message":${jsonValue(message)}`;
  for (const name in fields) {
    const value = fields[name];
    if (value !== undefined) line += memberStart(name) + jsonValue(value);
  }
  return `${line}}\n`;
}

// The same few names are in every line.
const memberStarts = new Map<string, string>();

function memberStart(name: string): string {
  const known = memberStarts.get(name);
  if (known !== undefined) return known;
  const start = `,${jsonValue(name)}:`;
  if (memberStarts.size < NAMES_MAX) memberStarts.set(name, start);
  return start;
}

function jsonValue(value: unknown): string {
  if (typeof value === 'string' && /^[ !#-[\]-~]*$/.test(value)) return `"${value}"`;
  if (Number.isFinite(value)) return String(value);
  return escapeControls(JSON.stringify(value) ?? 'null');
}

// For a person a stack is worth more lines than one: it follows, indented, so it still cannot pass for an event.
function textLine(time: string, level: LogLevel, message: string, { stack, ...fields }: LogFields): string {
  const pairs = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${textValue(key)}=${textValue(value)}`);
  const below =
    typeof stack === 'string' ? `\n    ${stack.split('\n').map(escapeControls).join('\n    ')}` : '';
  return `${time} ${level} ${escapeControls(message)}${pairs.join('')}${below}\n`;
}

// A plain word stays as it is; anything else, a space or a control character in it, is quoted and escaped.
function textValue(value: unknown): string {
  if (typeof value === 'string' && /^[\w./:%?&=@*+-]+$/.test(value)) return value;
  return escapeControls(JSON.stringify(value) ?? 'undefined');
}

// JSON leaves DEL, the C1 controls (a terminal may obey them) and the two Unicode line ends as they are.
function escapeControls(text: string): string {
  return text.replace(
    /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
