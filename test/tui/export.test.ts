import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { exportFiles } from '../../src/tui/export.ts';
import { frame } from '../../src/tui/screens/screen.ts';
import { plainText } from '../../src/tui/terminal/line.ts';
import { themeOf } from '../../src/tui/terminal/theme.ts';
import { SITUATIONS, stateAfter } from './support/screens.ts';

const folder = mkdtempSync(join(tmpdir(), 'export-'));
afterAll(() => rmSync(folder, { recursive: true }));
const theme = themeOf({ ascii: false, depth: 'none', palette: 'blue-orange' });

test('the shown frame, paused as it is, is written as text, picture and numbers', () => {
  const state = stateAfter(SITUATIONS.paused(), { columns: 100, rows: 30 });
  expect(exportFiles(state, theme, folder)).toBe(
    `wrote ${join(folder, 'memory-hub-overview-2026-11-23T142156')}.txt, .svg and .json`,
  );
  const [json, svg, txt] = readdirSync(folder)
    .sort()
    .map((name) => {
      expect(statSync(join(folder, name)).mode & 0o777).toBe(0o600);
      return readFileSync(join(folder, name), 'utf8');
    });
  const rows = frame(state, theme).map(({ line }) => plainText(line).trimEnd());
  expect(txt).toBe(`${rows.join('\n')}\n`);
  expect(svg).toMatch(/^<svg [\s\S]*PAUSED at 14:21:56[\s\S]*<\/svg>\n$/);
  expect(JSON.parse(json ?? '')).toMatchObject({ rows, screen: 'overview', at: '2026-11-23T14:21:56.000Z' });
});

test('a folder that cannot be written to is told, and ends nothing', () => {
  const state = stateAfter(SITUATIONS.live());
  expect(exportFiles(state, theme, join(folder, 'none'))).toMatch(/^nothing was exported: ENOENT/);
});
