import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ALERT_TABLES, ALERTS, quantity, README, withTables } from '../../docs/tables.ts';
import { CALL_CHAIN } from '../../src/server/rpc/call-chain.ts';
import { SETTINGS } from '../../src/server/settings.ts';
import { CLIENT_VARIABLES } from '../../src/shared/discovery.ts';
import { ERROR_REASONS } from '../../src/shared/error-reasons.ts';
import { codeBlocks, ROOT } from './code-blocks.ts';

const readme = readFileSync(README, 'utf8');
/** Variables of clients and of the configuration file itself, which are no settings of the server. */
const OTHER_VARIABLES = [...CLIENT_VARIABLES, 'MEMORYHUB_CONFIG'];
const MARKDOWN = [
  'README.md',
  'SECURITY.md',
  'CHANGELOG.md',
  'docs/alerts.md',
  'docs/clients.md',
  'docs/operating.md',
  'docs/settings.md',
  'docs/threat-model.md',
  'src/client/README.md',
];

describe('the tables of the README', () => {
  it('are what `npm run docs` makes of settings, errors, limits and keys', () => {
    expect(readme).toBe(withTables(readme));
  });

  it('and those of docs/alerts.md are what it makes of metrics and built-in rules', () => {
    const alerts = readFileSync(ALERTS, 'utf8');
    expect(alerts).toBe(withTables(alerts, ALERT_TABLES));
  });

  it('cannot lose their place', () => {
    expect(() => withTables(readme.replace('<!-- limits -->', ''))).toThrow('<!-- limits -->');
    expect(() => withTables(readme.replace('<!-- /keys -->', ''))).toThrow('<!-- /keys -->');
  });

  it.each(Object.entries(SETTINGS))('say the default that %s really has', (_, { default: shown, schema }) => {
    const value: unknown = schema.safeParse(undefined).data;
    const first = shown.split(' ')[0];
    if (shown.startsWith('unset')) expect(value).toBeUndefined();
    else if (typeof value === 'boolean') expect(first).toBe(value ? '1' : '0');
    else if (typeof value === 'object') expect(Object.values(value as object).join(':')).toBe(first);
    else
      expect(String(value)).toMatch(
        typeof value === 'number' ? new RegExp(`^${first}$`) : `${first}`.replace(/^\.\//, ''),
      );
  });

  it.each([
    [1, 'bytes', '1 byte'],
    [128, 'bytes', '128 bytes'],
    [1024, 'bytes', '1 KiB'],
    [1025, 'bytes', '1,025 bytes'],
    [262_144, 'bytes', '256 KiB'],
    [4_194_304, 'bytes', '4 MiB'],
    [1, 'seconds', '1 second'],
    [86_400, 'seconds', '24 hours'],
    [100, 'milliseconds', '100 milliseconds'],
    [60_000, 'milliseconds', '60 s'],
  ])('write %i %s as %s', (value, unit, text) => {
    expect(quantity(value, unit)).toBe(text);
  });
});

describe('the path of a request in the README', () => {
  const drawing = codeBlocks('README.md')
    .filter(({ heading }) => heading === 'The path of a request')
    .flatMap(({ lines }) => lines)
    .join('\n');

  it('has every step of the call chain, in its order', () => {
    const steps = [...drawing.matchAll(/[├└]─ (\w+)/g)].map(([, name]) => name);
    expect(steps).toEqual(CALL_CHAIN.map(({ name }) => name));
  });

  it('has every reason a call can end with, once', () => {
    const named = [...drawing.matchAll(/\b[A-Z]+(?:_[A-Z]+)+\b|\b(?:OVERLOADED|CANCELLED|INTERNAL|UNIMPLEMENTED)\b/g)];
    expect(named.map(([name]) => name).sort()).toEqual(Object.keys(ERROR_REASONS).sort());
  });

  it('names folders that are there', () => {
    const folders = [...drawing.matchAll(/src\/[\w/]+/g)].map(([path]) => path);
    expect(folders).toHaveLength(5);
    for (const folder of folders) expect(existsSync(join(ROOT, folder)), folder).toBe(true);
  });
});

describe.each(MARKDOWN)('%s', (document) => {
  const text = readFileSync(join(ROOT, document), 'utf8');

  it('links to files that are there', () => {
    const targets = [...text.matchAll(/\]\(([^)\s#]+)[^)]*\)/g)].map(([, target]) => target ?? '');
    const missing = targets
      .filter((target) => !/^https?:/.test(target))
      .filter((target) => !existsSync(join(ROOT, dirname(document), target)));
    expect(missing).toEqual([]);
  });

  it('names no variable that is not read', () => {
    const known = new Set([...Object.values(SETTINGS).map(({ env }) => env), ...OTHER_VARIABLES]);
    const named = [...text.matchAll(/\bMEMORYHUB_[A-Z_]+\b/g)].map(([name]) => name);
    expect(named.filter((name) => !known.has(name))).toEqual([]);
  });
});
