import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { KNOWN, withKnownSettings } from '../../docs/tables.ts';
import { KNOWN_SETTINGS, valueFault } from '../../src/server/domain/config/known-settings.ts';

it('docs/settings.md has every known setting as it is declared', () => {
  const markdown = readFileSync(KNOWN, 'utf8');
  expect(markdown).toBe(withKnownSettings(markdown));
  expect(() => withKnownSettings(markdown.replace('<!-- known -->', ''))).toThrow('<!-- known -->');
});

it.each([...KNOWN_SETTINGS])('the default of %s is a value that it takes', (name, { default: standard }) => {
  if (standard !== undefined) expect(valueFault(name, standard)).toBeUndefined();
});
