/** What kind of number a metric is; time is in microseconds, a share 0..1, a flag 0 or 1. */
export type Unit = 'time' | 'bytes' | 'share' | 'count' | 'flag';

const FACTORS: Record<Unit, Readonly<Record<string, number>>> = {
  time: { us: 1, µs: 1, ms: 1e3, s: 1e6, m: 60e6 },
  bytes: { B: 1, kB: 1e3, KB: 1e3, MB: 1e6, GB: 1e9, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 },
  share: { '%': 0.01, '': 1 },
  count: { '': 1, '/s': 1 },
  flag: { '': 1 },
};

/**
 * A number with its unit: "50ms", "500 MB", "1%", "3".
 *
 * @returns undefined when it is no number, or its unit is none of these
 */
export function parseQuantity(text: string, unit: Unit): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*([A-Za-z\u00b5%/]*)$/.exec(text.trim());
  const factor = FACTORS[unit][match?.[2] ?? ''];
  return match === null || factor === undefined ? undefined : Number(match[1]) * factor;
}

/** The units a metric takes, for messages: "us, µs, ms, s or m". */
export function unitsOf(unit: Unit): string {
  const names = Object.keys(FACTORS[unit]).filter((name) => name !== '');
  if (names.length === 0) return 'none';
  const named = names.length === 1 ? names[0] : `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`;
  return '' in FACTORS[unit] ? `none or ${named}` : `${named}`;
}

/** As people read it: 64ms · 512MB · 0.16% · up. */
export function quantityText(value: number, unit: Unit): string {
  switch (unit) {
    case 'time':
      if (value < 1000) return `${short(value)}us`;
      return value < 1e6 ? `${short(value / 1000)}ms` : `${short(value / 1e6)}s`;
    case 'bytes':
      if (value < 1e6) return `${short(value / 1e3)}kB`;
      return value < 1e9 ? `${short(value / 1e6)}MB` : `${short(value / 1e9)}GB`;
    case 'share':
      return `${short(value * 100)}%`;
    case 'count':
      return short(value);
    case 'flag':
      return value === 0 ? 'no' : 'yes';
  }
}

function short(value: number): string {
  const digits = value < 1 ? 2 : value < 10 ? 1 : 0;
  return String(Number(value.toFixed(digits)));
}
