import { BUILT_IN_RULES } from '../src/shared/alerts/built-in.ts';
import { conditionText } from '../src/shared/alerts/condition.ts';
import { CALL_METRICS, SERVER_METRICS } from '../src/shared/alerts/metrics.ts';

type Table = (header: readonly string[], rows: readonly (readonly string[])[]) => string;

/** The tables of docs/alerts.md. */
export function alertTables(table: Table, code: (text: string) => string): Readonly<Record<string, () => string>> {
  const metrics = (all: typeof CALL_METRICS | typeof SERVER_METRICS) => () =>
    table(
      ['metric', 'of', 'what', 'judged'],
      Object.entries(all).map(([name, { unit, help, windowed }]) => [
        code(name),
        unit,
        help,
        windowed ? 'over a window' : 'at a moment',
      ]),
    );
  const rules = () =>
    table(
      ['rule', 'raised when', 'for', 'severity'],
      BUILT_IN_RULES.map(({ name, when, forMs, severity }) => [
        code(name),
        code(conditionText(when).replace(' ', when.subject === undefined ? ' ' : '.')),
        `${forMs / 1000} s`,
        severity,
      ]),
    );
  return { 'call-metrics': metrics(CALL_METRICS), 'server-metrics': metrics(SERVER_METRICS), rules };
}
