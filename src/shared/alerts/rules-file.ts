import { readFileSync } from 'node:fs';
import * as z from 'zod';
import { parseYaml } from '../yaml.ts';
import { BUILT_IN_RULES } from './built-in.ts';
import { ConditionError, parseCondition } from './condition.ts';
import { parseQuantity } from './quantity.ts';
import { type AlertRule, ruleOf } from './rule.ts';
import { RulesFileError } from './rules-file-error.ts';

const period = z.string().transform((text, context) => {
  const us = parseQuantity(text, 'time');
  if (us !== undefined && us <= 900e6) return us / 1000;
  context.addIssue(`${JSON.stringify(text)} is no length of time up to 15m, such as 500ms, 10s or 5m`);
  return z.NEVER;
});

const RULE = z
  .strictObject({
    name: z
      .string()
      .regex(/^[a-z0-9][a-z0-9-]{0,63}$/, 'a name has lower-case letters, digits and hyphens, up to 64')
      .describe('what the alert is called; that of a built-in rule replaces it'),
    says: z.string().max(200).optional().describe('the trouble in words, in place of metric and value'),
    when: z.string().optional().describe('the condition of the trouble, such as "GetMemory.p99 > 50ms"'),
    window: period.optional(),
    for: period.optional(),
    clear_at: z.union([z.string(), z.number().transform(String)]).optional(),
    clear_for: period.optional(),
    min_calls: z.int().min(0).max(1_000_000).optional(),
    severity: z.enum(['warning', 'critical']).optional(),
    enabled: z.boolean().default(true),
  })
  .transform((rule, context): { name: string; rule: AlertRule | undefined } => {
    if (!rule.enabled) return { name: rule.name, rule: undefined };
    try {
      if (rule.when === undefined) throw new ConditionError('a rule needs "when", the condition of the trouble');
      const { unit } = parseCondition(rule.when);
      const clearAt = rule.clear_at === undefined ? undefined : parseQuantity(rule.clear_at, unit);
      if (rule.clear_at !== undefined && clearAt === undefined) {
        throw new ConditionError(`clear_at ${JSON.stringify(rule.clear_at)} has not the unit of "${rule.when}"`);
      }
      const { name, says, when, severity } = rule;
      const times = { windowMs: rule.window, forMs: rule.for, clearForMs: rule.clear_for };
      return { name, rule: ruleOf({ name, says, when, ...times, clearAt, minCalls: rule.min_calls, severity }) };
    } catch (error) {
      if (!(error instanceof ConditionError)) throw error;
      context.addIssue(error.message);
      return z.NEVER;
    }
  });

/** Schema of the file. */
export const RULES_FILE = z.strictObject({
  built_in: z.boolean().default(true).describe('whether the built-in rules hold beside those of the file'),
  rules: z.array(RULE).max(200).default([]),
});

/**
 * The rules of a file, with the built-in ones it neither replaces nor switches off.
 *
 * @throws RulesFileError
 */
export function readRulesFile(path: string): readonly AlertRule[] {
  try {
    return parseRules(readFileSync(path, 'utf8'));
  } catch (error) {
    const cause = error as NodeJS.ErrnoException;
    const why = cause.code === 'ENOENT' ? 'there is no such file' : cause.message;
    throw new RulesFileError(`the alert rules ${path} cannot be used: ${why}`, { cause: error });
  }
}

/** @throws Error that names every fault */
export function parseRules(text: string): readonly AlertRule[] {
  const result = RULES_FILE.safeParse(parseYaml(text));
  if (!result.success) {
    throw new Error(result.error.issues.map(({ path, message }) => `${place(path)}${message}`).join('\n'));
  }
  const { built_in: builtIn, rules } = result.data;
  const twice = rules.find(({ name }, i) => rules.findIndex((other) => other.name === name) < i);
  if (twice !== undefined) throw new Error(`there are two rules ${twice.name}`);
  const known = builtIn ? BUILT_IN_RULES : [];
  const off = rules.find(
    ({ name, rule }) => rule === undefined && !BUILT_IN_RULES.some((other) => other.name === name),
  );
  if (off !== undefined) throw new Error(`${off.name} is switched off, and is no built-in rule`);
  return [
    ...known.filter(({ name }) => !rules.some((rule) => rule.name === name)),
    ...rules.flatMap(({ rule }) => (rule === undefined ? [] : [rule])),
  ];
}

/** "rules[2].when: " */
function place(path: readonly PropertyKey[]): string {
  if (path.length === 0) return '';
  const parts = path.map((part, i) =>
    typeof part === 'number' ? `[${part}]` : `${i === 0 ? '' : '.'}${String(part)}`,
  );
  return `${parts.join('')}: `;
}
