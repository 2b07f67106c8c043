import { CALL_METRICS, type CallMetric, SERVER_METRICS, type ServerMetric } from './metrics.ts';
import { parseQuantity, quantityText, type Unit, unitsOf } from './quantity.ts';

export type Comparison = '<' | '<=' | '>' | '>=' | '==' | '!=';

/** A metric compared with a number: "GetMemory.p99 < 50ms", "pool.waiting == 0", "*.errors <= 1%". */
export interface Condition {
  /** Of which calls: a method's short name, "api" for all together, "*" for each by itself. */
  readonly subject: string | undefined;
  /** Name within its table. */
  readonly metricName: string;
  readonly metric: { readonly call: CallMetric } | { readonly server: ServerMetric };
  readonly unit: Unit;
  readonly windowed: boolean;
  readonly comparison: Comparison;
  readonly threshold: number;
}

/** An expression that is none; the message says what is wrong with it and what is allowed. */
export class ConditionError extends Error {
  override readonly name = 'ConditionError';
}

const PATTERN = /^\s*([^\s<>=!]+)\s*(<=|>=|==|!=|<|>)\s*(.+?)\s*$/;
const SUBJECT = /^(\*|api|(\w+\/)?[A-Z]\w*)$/;

/** @throws ConditionError */
export function parseCondition(text: string): Condition {
  const match = PATTERN.exec(text);
  if (match === null) {
    throw new ConditionError(
      `"${text}" is no condition: give a metric, one of < <= > >= == != and a value, such as "GetMemory.p99 < 50ms" or "pool.waiting == 0"`,
    );
  }
  const [, name = '', comparison, value = ''] = match;
  const { subject, metricName, metric } = metricOf(name, text);
  const { unit, windowed } = 'call' in metric ? metric.call : metric.server;
  const threshold = parseQuantity(value, unit);
  if (threshold === undefined) {
    throw new ConditionError(`"${text}": ${value} is no value for ${name}: it takes a number, unit ${unitsOf(unit)}`);
  }
  return { subject, metricName, metric, unit, windowed, comparison: comparison as Comparison, threshold };
}

function metricOf(name: string, text: string): Pick<Condition, 'subject' | 'metricName' | 'metric'> {
  const server = Object.hasOwn(SERVER_METRICS, name) ? SERVER_METRICS[name] : undefined;
  if (server !== undefined) return { subject: undefined, metricName: name, metric: { server } };
  const dot = name.lastIndexOf('.');
  const subject = name.slice(0, Math.max(dot, 0));
  const metricName = name.slice(dot + 1);
  if (!SUBJECT.test(subject)) {
    throw new ConditionError(
      `"${text}": there is no metric ${name}. Of calls: METHOD.METRIC, where METHOD is a method such as GetMemory, "api" for all of them or "*" for each, and METRIC one of ${Object.keys(CALL_METRICS).join(', ')}. Of the server: ${Object.keys(SERVER_METRICS).join(', ')}`,
    );
  }
  const call = Object.hasOwn(CALL_METRICS, metricName) ? CALL_METRICS[metricName] : undefined;
  if (call === undefined) {
    throw new ConditionError(
      `"${text}": calls have no metric ${metricName}; they have ${Object.keys(CALL_METRICS).join(', ')}`,
    );
  }
  return { subject, metricName, metric: { call } };
}

/** Whether a value satisfies the condition, or would against another threshold. */
export function satisfies(value: number, { comparison }: Condition, threshold: number): boolean {
  switch (comparison) {
    case '<':
      return value < threshold;
    case '<=':
      return value <= threshold;
    case '>':
      return value > threshold;
    case '>=':
      return value >= threshold;
    case '==':
      return value === threshold;
    case '!=':
      return value !== threshold;
  }
}

/** What the condition is about: "GetMemory p99", "pool.waiting". */
export function metricText({ metricName }: Condition, subject: string | undefined): string {
  return subject === undefined ? metricName : `${subject} ${metricName}`;
}

/** The condition in words. */
export function conditionText(condition: Condition, subject = condition.subject): string {
  const { comparison, threshold, unit } = condition;
  return `${metricText(condition, subject)} ${comparison} ${quantityText(threshold, unit)}`;
}
