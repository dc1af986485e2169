// Durations in settings: a bare number of seconds, or a number with a unit, such as `90s`, `5m`,
// `12h`, `30d`.

const MS_PER_UNIT = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const DURATION_MS_MAX = 100 * 365 * 86_400_000;
const ROUNDING_SECONDS = 1e-6;

/** Returns milliseconds; null if the text is not a duration, or is more than 100 years. */
export function parseDuration(text: string): number | null {
  const parts = /^(\d+(?:\.\d+)?)([smhd]?)$/.exec(text);
  if (parts === null) return null;
  const unit = (parts[2] || 's') as keyof typeof MS_PER_UNIT;
  const durationMs = Number(parts[1]) * MS_PER_UNIT[unit];
  return durationMs <= DURATION_MS_MAX ? Math.round(durationMs) : null;
}

/** Returns the seconds rounded up, except for the rounding error of a fraction. */
export function wholeSeconds(seconds: number): number {
  return Math.max(0, Math.ceil(seconds - ROUNDING_SECONDS));
}
