import { quantityText } from '../../shared/alerts/quantity.ts';

/** Numbers as an operator reads them: short, of a fixed greatest width, with their unit. */

const grouped = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

/** 0 · <.1 · 0.4 · 37 · 1,284 · 12.9k · 98.2M; at most 6 columns. */
export function formatCount(value: number): string {
  if (value > 0 && value < 0.05) return '<.1';
  if (value > 0 && value < 9.95) return trimZero(value.toFixed(1));
  if (value < 9_999.5) return grouped.format(value);
  return scaled(value, 1000, ['k', 'M', 'G', 'T', 'P', 'E']);
}

/** @param us microseconds; 0.6ms · 9.4ms · 212ms · 1.4s · 12m · 1.0h; at most 6 columns */
export function formatLatency(us: number): string {
  if (us < 9_950) return us < 10 ? `${Math.round(us)}us` : `${(us / 1000).toFixed(us < 100 ? 2 : 1)}ms`;
  if (us < 999_500) return `${Math.round(us / 1000)}ms`;
  if (us < 99.5e6) return `${(us / 1e6).toFixed(1)}s`;
  return us < 3.6e9 ? `${Math.round(us / 60e6)}m` : `${(us / 3.6e9).toFixed(1)}h`;
}

/** 512B · 84M · 1.2G, in units of 1024; at most 5 columns. */
export function formatBytes(bytes: number): string {
  return bytes < 1000 ? `${Math.round(bytes)}B` : scaled(bytes, 1024, ['K', 'M', 'G', 'T', 'P', 'E']);
}

/** Of a process, in the units of the service levels and alerts, which tell of the same memory: 210MB. */
export function formatProcessBytes(bytes: number): string {
  return quantityText(bytes, 'bytes');
}

/** @param share 0..1; 0% · 0.16% · 9.3% · 38% · 100%; at most 5 columns */
export function formatShare(share: number): string {
  const percent = share * 100;
  if (percent === 0) return '0%';
  if (percent < 0.005) return '<.01%';
  if (percent < 0.995) return `${percent.toFixed(2)}%`;
  return percent < 9.95 ? `${percent.toFixed(1)}%` : `${Math.round(percent)}%`;
}

/** A length of time to the unit that matters: 0.4s · 14s · 3m20s · 2h05m · 3d04h. */
export function formatAge(ms: number): string {
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 9.95 && !Number.isInteger(seconds)) return `${seconds.toFixed(1)}s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole}s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}m${pad(whole % 60)}s`;
  if (whole < 86_400) return `${Math.floor(whole / 3600)}h${pad(Math.floor(whole / 60) % 60)}m`;
  return `${Math.floor(whole / 86_400)}d${pad(Math.floor(whole / 3600) % 24)}h`;
}

/** A chosen length of time: 100ms · 10s · 60s · 5m. */
export function formatPeriod(ms: number): string {
  if (ms < 1000) return `${ms}ms`;
  return ms < 120_000 ? `${ms / 1000}s` : `${ms / 60_000}m`;
}

/** Time of day in UTC: 14:22:07. */
export function formatClock(ms: number): string {
  return new Date(ms).toISOString().slice(11, 19);
}

function scaled(value: number, base: number, units: readonly string[]): string {
  let rest = value / base;
  let unit = 0;
  while (rest >= base * 0.9995 && unit < units.length - 1) {
    rest /= base;
    unit++;
  }
  return `${rest < 99.95 ? trimZero(rest.toFixed(1)) : Math.round(rest)}${units[unit]}`;
}

function trimZero(text: string): string {
  return text.endsWith('.0') ? text.slice(0, -2) : text;
}

function pad(value: number): string {
  return String(value).padStart(2, '0');
}
