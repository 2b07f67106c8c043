import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { BUILT_IN_RULES } from '../../../src/shared/alerts/built-in.ts';
import { parseRules, readRulesFile } from '../../../src/shared/alerts/rules-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'rules-'));
afterAll(() => rmSync(folder, { recursive: true }));

test('a file adds rules, replaces built-in ones and switches them off', () => {
  const rules = parseRules(`
rules:
  - name: get-slow
    when: GetMemory.p99 > 50ms
    window: 30s
    for: 500ms
    clear_at: 40ms
    clear_for: 1m
    min_calls: 5
    severity: critical
  - name: memory
    when: rss > 1GB
  - name: gc
    enabled: false
`);
  const named = (name: string) => rules.find((rule) => rule.name === name);
  expect(rules).toHaveLength(BUILT_IN_RULES.length);
  expect(named('get-slow')).toMatchObject({
    windowMs: 30_000,
    forMs: 500,
    clearAt: 40_000,
    clearForMs: 60_000,
    minCalls: 5,
    severity: 'critical',
  });
  expect(named('memory')).toMatchObject({
    when: { threshold: 1e9 },
    clearAt: 0.9e9,
    forMs: 15_000,
    clearForMs: 15_000,
  });
  expect(named('gc')).toBeUndefined();
});

test('without built-in rules only those of the file hold; an empty file changes nothing', () => {
  expect(parseRules('built_in: false\nrules: [{name: a, when: "gc > 1%"}]').map(({ name }) => name)).toEqual(['a']);
  expect(parseRules('')).toEqual(BUILT_IN_RULES);
});

test.each([
  ['rules: [{name: a, when: "pool.wating > 0"}]', /rules\[0\]: "pool\.wating > 0": there is no metric pool\.wating/],
  ['rules: [{name: a, when: "gc > 1%", fro: 5s}]', /rules\[0\]: .*"fro"/],
  ['rules: [{name: a, when: "gc > 1%", for: 5}]', /rules\[0\]\.for: /],
  ['rules: [{name: a, when: "gc > 1%", for: 5h}]', /rules\[0\]\.for: "5h" is no length of time up to 15m/],
  ['rules: [{name: a, when: "gc > 1%", clear_at: 5ms}]', /clear_at "5ms" has not the unit of "gc > 1%"/],
  ['rules: [{name: a}]', /rules\[0\]: a rule needs "when"/],
  ['rules: [{name: "A b", when: "gc > 1%"}]', /rules\[0\]\.name: a name has lower-case letters/],
  ['rules: [{name: a, when: "gc > 1%"}, {name: a, when: "gc > 2%"}]', /there are two rules a/],
  ['rules: [{name: nothing, enabled: false}]', /nothing is switched off, and is no built-in rule/],
  ['rules: [{name: a, when: "gc > 1%", severity: bad}]', /rules\[0\]\.severity: .*warning.*critical/],
  ['rule: []', /"rule"/],
  ['rules: [', /flow/i],
])('%s is refused with the place and what is wrong', (text, message) => {
  expect(() => parseRules(text)).toThrow(message);
});

test('every fault of a file is named at once, with the file', () => {
  const path = join(folder, 'bad.yaml');
  writeFileSync(path, 'rules: [{name: a, when: "gc"}, {name: b, when: "x > 1"}]');
  expect(() => readRulesFile(path)).toThrow(/bad\.yaml cannot be used: rules\[0\]: .*\nrules\[1\]: /);
  expect(() => readRulesFile(join(folder, 'none.yaml'))).toThrow(/none\.yaml cannot be used: there is no such file/);
});
