import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseMonitorArgs, usage } from '../../src/tui/args.ts';
import { bundleMonitor } from '../../src/tui/bundle.ts';
import { exported } from '../../src/tui/export.ts';
import { colorDepth, wantsAscii } from '../../src/tui/terminal/capabilities.ts';
import { cutText, fitLine, fitText, lineWidth, textWidth } from '../../src/tui/terminal/line.ts';
import { themeOf } from '../../src/tui/terminal/theme.ts';
import { formatAge, formatBytes, formatCount, formatLatency, formatShare } from '../../src/tui/widgets/format.ts';
import { busyEvents, stateAfter } from './support/screens.ts';

test('rows take exactly their width, and no wide character is cut in half', () => {
  const texts = [
    '',
    'plain',
    '記憶メモリ',
    '🚀🧠',
    '👩‍👩‍👧‍👦 family',
    'e\u0301a\u0308',
    '한국어',
    '│▁▂▃█│',
    'x'.repeat(50),
  ];
  for (const text of texts) {
    for (let width = 0; width <= 24; width++) {
      expect(lineWidth(fitLine([{ text, tone: 'dim' }, text], width))).toBe(width);
      expect(textWidth(cutText(text, width))).toBeLessThanOrEqual(width);
      if (width > 0) expect(textWidth(fitText(text, width))).toBe(width);
    }
  }
});

test('numbers are short and keep their meaning', () => {
  expect([0, 0.42, 9, 37.4, 1284, 12_904, 98_200_000].map(formatCount)).toEqual([
    '0',
    '0.4',
    '9',
    '37',
    '1,284',
    '12.9k',
    '98.2M',
  ]);
  expect([3, 60, 640, 9400, 212_000, 1_400_000, 7.2e9].map(formatLatency)).toEqual([
    '3us',
    '0.06ms',
    '0.6ms',
    '9.4ms',
    '212ms',
    '1.4s',
    '2.0h',
  ]);
  expect([512, 84 * 2 ** 20, 1.25 * 2 ** 30].map(formatBytes)).toEqual(['512B', '84M', '1.3G']);
  expect([0, 0.0016, 0.00001, 0.093, 0.384, 1].map(formatShare)).toEqual([
    '0%',
    '0.16%',
    '<.01%',
    '9.3%',
    '38%',
    '100%',
  ]);
  expect([400, 14_000, 200_000, 7_500_000, 273_600_000].map(formatAge)).toEqual([
    '0.4s',
    '14s',
    '3m20s',
    '2h05m',
    '3d04h',
  ]);
});

test('no number is ever wider than its column', () => {
  for (let exponent = -3; exponent <= 15; exponent += 0.01) {
    const value = 10 ** exponent;
    expect(formatCount(value).length).toBeLessThanOrEqual(6);
    expect(formatBytes(value).length).toBeLessThanOrEqual(5);
    if (value <= 3.6e9) expect(formatLatency(value).length).toBeLessThanOrEqual(6);
    if (value <= 1) expect(formatShare(value).length).toBeLessThanOrEqual(5);
  }
});

test('a wrong command line names the option and what it takes', () => {
  expect(() => parseMonitorArgs(['--interval', '1h'])).toThrow('--interval 1h: give a time from 100ms to 60s');
  expect(() => parseMonitorArgs(['--interval', '50ms'])).toThrow('from 100ms to 60s');
  expect(() => parseMonitorArgs(['--size', '10x10'])).toThrow('from 60x15 to 500x200');
  expect(() => parseMonitorArgs(['--snapshot', 'a.png'])).toThrow('.svg, .txt or .json');
  expect(() => parseMonitorArgs(['--speed', '-1'])).toThrow();
  expect(() => parseMonitorArgs(['--bogus'])).toThrow(/--bogus.*--help/);
  expect(parseMonitorArgs(['--interval', '250ms', '--window', '5m'])).toMatchObject({
    intervalMs: 250,
    windowMs: 300_000,
  });
  expect(usage()).toContain('--key-file FILE');
});

test('NO_COLOR wins, then FORCE_COLOR, then the terminal', () => {
  expect(colorDepth({ NO_COLOR: '1', FORCE_COLOR: '3', COLORTERM: 'truecolor' }, true)).toBe('none');
  expect(colorDepth({ NO_COLOR: '', TERM: 'xterm-256color' }, true)).toBe('256');
  expect(colorDepth({ FORCE_COLOR: '3' }, false)).toBe('truecolor');
  expect(colorDepth({ TERM: 'xterm', COLORTERM: 'truecolor' }, true)).toBe('truecolor');
  expect(colorDepth({ TERM: 'xterm' }, true)).toBe('16');
  expect(colorDepth({ TERM: 'xterm-256color' }, false)).toBe('none');
  expect(wantsAscii({ LANG: 'en_US.ISO-8859-1' })).toBe(true);
  expect(wantsAscii({ LANG: 'en_US.UTF-8' })).toBe(false);
  expect(wantsAscii({})).toBe(false);
});

test('a snapshot as a picture is well-formed, holds the text and stays within its grid', () => {
  const theme = themeOf({ ascii: false, depth: 'none', palette: 'blue-orange' });
  const svg = exported(stateAfter(busyEvents(), { columns: 120, rows: 36 }), theme, 'svg');
  expect(svg).toMatch(/^<svg xmlns="http:\/\/www.w3.org\/2000\/svg" viewBox="0 0 1036 676"/);
  expect(svg).toContain('>MEMORY HUB<');
  expect(svg).toContain('BatchGetMemories');
  const open = [...svg.matchAll(/<(svg|g|text)\b/g)].length;
  expect([...svg.matchAll(/<\/(svg|g|text)>/g)]).toHaveLength(open);
  expect(svg.replaceAll(/<[^<>]*>/g, '')).not.toMatch(/[<>]/);
  for (const [, x, width] of svg.matchAll(/<rect x="([\d.]+)" y="[\d.]+" width="([\d.]+)"/g)) {
    expect(Number(x) + Number(width)).toBeLessThanOrEqual(1036 - 14 + 0.01);
  }
});

test('the monitor is bundled into one file, and not again while nothing changed', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'bundle-'));
  try {
    const output = join(folder, 'monitor.mjs');
    const url = await bundleMonitor(folder);
    const { statSync } = await import('node:fs');
    const built = statSync(output);
    expect(built.size).toBeGreaterThan(100_000);
    expect(await bundleMonitor(folder)).toBe(url);
    expect(statSync(output).ino).toBe(built.ino);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
