import { ratioOf } from './alternate.ts';
import type { FrontReport, Way } from './front.ts';
import { rate, spread } from './suite-report.ts';
import { median } from './verdict.ts';

/** Tables of what nginx costs, and of what the restarts did. */
export function frontMarkdown({ scenarios, restarts }: FrontReport): string {
  const lines = scenarios.map(({ scenario, through, direct }) => {
    const errors = { ...direct.errors };
    for (const [status, count] of Object.entries(through.errors)) errors[status] = (errors[status] ?? 0) + count;
    const cells = [scenario, rate(through, 'calls'), rate(direct, 'calls')];
    cells.push(spread(ratioOf(through.rates, direct.rates)));
    cells.push(median(through.p95).toFixed(1), median(direct.p95).toFixed(1));
    for (const values of [through.nginxUs, through.cpuUs, direct.cpuUs])
      cells.push(Math.round(median(values)).toString());
    return `| ${[...cells, inWords(errors)].join(' | ')} |`;
  });
  const scenarioTable = [
    '| scenario | through nginx | direct | ratio (middle half) | p95 ms | direct | nginx us a call | servers | direct | errors |',
    '|---|---|---|---|---|---|---|---|---|---|',
    ...lines,
  ];
  if (!restarts) return scenarioTable.join('\n');
  const callers = Object.entries(restarts.byCaller).map(
    ([caller, { calls, slowest, errors }]) =>
      `| ${caller} | ${calls.toLocaleString('en')} | ${Math.round(slowest)} | ${inWords(errors)} |`,
  );
  const restartTable = [
    `While the servers were restarted one after the other, ${restarts.restarts} times in ${restarts.seconds.toFixed(0)} s:`,
    '',
    '| caller | calls | slowest ms | failed |',
    '|---|---|---|---|',
    ...callers,
  ];
  return [...(scenarios.length > 0 ? [...scenarioTable, ''] : []), ...restartTable].join('\n');
}

/** Once in some thousands of calls ghz sends the text of a template instead of what it stands for. */
const BAD_TEMPLATES = 1 / 1000;

/** Whether calls failed that nothing but the front or a server can be blamed for, or none were made. */
export function hasFailed({ scenarios, restarts }: FrontReport): boolean {
  const all = [
    ...scenarios.flatMap(({ through, direct }) => [through, direct]),
    ...Object.values(restarts?.byCaller ?? {}),
  ];
  const isGood = ({ calls, errors: { InvalidArgument = 0, ...errors } }: Pick<Way, 'calls' | 'errors'>) =>
    calls > 0 && InvalidArgument <= Math.max(1, calls * BAD_TEMPLATES) && Object.keys(errors).length === 0;
  return all.length === 0 || !all.every(isGood);
}

function inWords(errors: Readonly<Record<string, number>>): string {
  const words = Object.entries(errors).map(([status, count]) => `${count} ${status}`);
  return words.length > 0 ? words.join(', ') : '0';
}
