import { readFileSync, writeFileSync } from 'node:fs';
import { status } from '@grpc/grpc-js';
import { KNOWN_SETTINGS } from '../src/server/domain/config/known-settings.ts';
import { SETTINGS } from '../src/server/settings.ts';
import { ERROR_REASONS, type ErrorReason } from '../src/shared/error-reasons.ts';
import { LIMITS } from '../src/shared/limits.ts';
import { KEYS } from '../src/tui/keys.ts';
import { alertTables } from './alert-tables.ts';
import { declarations } from './contract.ts';
import { FAULTS, type Fault } from './faults.ts';

/**
 * The README's tables, made from what they describe. `npm run docs` writes them; a test compares, so
 * that none of them can grow old.
 */
export const README = new URL('../README.md', import.meta.url);
/** Where the settings of ConfigService are told of. */
export const KNOWN = new URL('settings.md', import.meta.url);
/** Conditions and rules of alerts; its tables are made likewise. */
export const ALERTS = new URL('../docs/alerts.md', import.meta.url);
export const ALERT_TABLES = alertTables(table, code);

/** What operators look things up in. */
export const OPERATING = new URL('operating.md', import.meta.url);

const TABLES = { settings, errors, limits, keys } as const;

/**
 * Puts the tables between their marks, `<!-- NAME -->` and `<!-- /NAME -->`.
 *
 * @throws Error naming the mark that is missing
 */
export function withTables(markdown: string, tables: Readonly<Record<string, () => string>> = TABLES): string {
  return Object.entries(tables).reduce((text, [name, make]) => {
    const [before, rest] = split(text, `<!-- ${name} -->\n`);
    const [, after] = split(rest, `<!-- /${name} -->`);
    return `${before}<!-- ${name} -->\n${make()}<!-- /${name} -->${after}`;
  }, markdown);
}

/** The table of docs/settings.md. */
export function withKnownSettings(markdown: string): string {
  const [before, rest] = split(markdown, '<!-- known -->\n');
  const [, after] = split(rest, '<!-- /known -->');
  const rows = [...KNOWN_SETTINGS].map(([name, { default: standard, allowed, description }]) => [
    code(name),
    standard === undefined ? 'none' : code(JSON.stringify(standard)),
    allowed,
    description,
  ]);
  return `${before}<!-- known -->\n${table(['setting', 'default', 'allowed', 'meaning'], rows)}<!-- /known -->${after}`;
}

/** The table of docs/operating.md. */
export function withFaults(markdown: string): string {
  const [before, rest] = split(markdown, '<!-- faults -->\n');
  const [, after] = split(rest, '<!-- /faults -->');
  const rows = Object.entries<Fault>(FAULTS).map(([name, { keys, where, reads, means, doctor }]) => [
    name,
    keys.length === 0 ? 'none' : keys.map(code).join(' '),
    where,
    code(reads),
    means,
    code(doctor[0]),
  ]);
  return `${before}<!-- faults -->\n${table(['fault', 'keys', 'where', 'what one reads', 'what it means', '`doctor`'], rows)}<!-- /faults -->${after}`;
}

function settings(): string {
  const rows = Object.entries(SETTINGS).map(([name, { env, default: standard, description }]) => [
    code(name),
    code(env),
    standard.startsWith('unset') ? standard : standard.replace(/^\S+/, code),
    description,
  ]);
  return table(['setting', 'variable', 'default', 'meaning'], rows);
}

function errors(): string {
  const comments = new Map(declarations().map(({ name, comment }) => [name, comment]));
  const rows = Object.entries(ERROR_REASONS).map(([reason, number]) => {
    const comment = comments.get(`memoryhub.v1.ERROR_REASON_${reason as ErrorReason}`) ?? '';
    // The comment begins with the status it comes with, which has a column of its own.
    return [code(reason), status[number] ?? '', comment.slice(comment.indexOf('. ') + 2)];
  });
  return table(['reason', 'status', 'when'], rows);
}

function limits(): string {
  const rows = Object.values(LIMITS).map(({ of, min, max, unit }) => [
    of,
    min === 0 ? '' : quantity(min, unit),
    quantity(max, unit),
  ]);
  return table(['of', 'at least', 'at most'], rows);
}

function keys(): string {
  return table(
    ['key', 'does'],
    KEYS.map(({ label, help }) => [label.split(' ').map(code).join(' '), help]),
  );
}

/** Larger units, where a number is a whole many of them: "256 KiB", "24 hours". */
const LARGER: Readonly<Record<string, readonly (readonly [number, string])[]>> = {
  bytes: [
    [1024 ** 2, 'MiB'],
    [1024, 'KiB'],
  ],
  seconds: [
    [365 * 86_400, 'years'],
    [3600, 'hours'],
  ],
  milliseconds: [[1000, 's']],
};

/** A number with its unit, as people write it: "256 KiB", "1 byte", "100 years". */
export function quantity(value: number, unit: string): string {
  const [size, name] = LARGER[unit]?.find(([many]) => value >= many && value % many === 0) ?? [1, unit];
  const count = value / size;
  return `${count.toLocaleString('en')} ${count === 1 && name.endsWith('s') && name.length > 1 ? name.slice(0, -1) : name}`;
}

function code(text: string): string {
  return text.includes('`') ? `\`\` ${text} \`\`` : `\`${text}\``;
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |\n`;
  return [line(header), line(header.map(() => '---')), ...rows.map(line)].join('');
}

function split(text: string, mark: string): [string, string] {
  const at = text.indexOf(mark);
  if (at < 0) throw new Error(`there is no ${mark.trim()} in the text`);
  return [text.slice(0, at), text.slice(at + mark.length)];
}

if (import.meta.main) {
  writeFileSync(README, withTables(readFileSync(README, 'utf8')));
  writeFileSync(KNOWN, withKnownSettings(readFileSync(KNOWN, 'utf8')));
  writeFileSync(ALERTS, withTables(readFileSync(ALERTS, 'utf8'), ALERT_TABLES));
  writeFileSync(OPERATING, withFaults(readFileSync(OPERATING, 'utf8')));
}
