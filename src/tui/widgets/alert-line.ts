import { type Alert, alertsAt } from '../state/alerts.ts';
import { shownTarget } from '../state/shown.ts';
import { type MonitorState, shownEndMs } from '../state/state.ts';
import { fitLine, type Line, lineWidth, printable, type Span } from '../terminal/line.ts';
import { formatAge, formatClock } from './format.ts';

/** The alerts that last at the moment that is shown; live, those of this very moment. */
export function shownAlerts(state: MonitorState): readonly Alert[] {
  const atMs = state.view.pausedAtMs ?? Math.max(state.nowMs, shownEndMs(state));
  return alertsAt(state.alertLog, atMs, shownTarget(state)?.name);
}

/** The gravest alert in one row, and how many more there are. */
export function alertLine(state: MonitorState, width: number): Line | undefined {
  const alerts = shownAlerts(state);
  const first = alerts[0];
  if (first === undefined) return undefined;
  const count = alerts.length === 1 ? '1 alert' : `1 of ${alerts.length} alerts`;
  const note: Line = [{ text: `  ${count}, 6 to see all`, tone: 'dim' }];
  return [...fitLine(oneAlert(first, state), width - lineWidth(note)), ...note];
}

/** Since when, where, what, how grave. */
export function alertLines(state: MonitorState): readonly Line[] {
  const nowMs = state.view.pausedAtMs ?? state.nowMs;
  return shownAlerts(state).map((alert) => [
    { text: '! ', tone: 'bad', bold: true },
    severityOf(alert),
    ...whatOf(alert, state),
    { text: `  ${formatAge(nowMs - alert.raisedMs)} ago`, tone: 'dim' },
  ]);
}

function oneAlert(alert: Alert, state: MonitorState): Line {
  return [
    { text: '! ', tone: 'bad', bold: true },
    { text: `${formatClock(alert.raisedMs)}  `, tone: 'dim' },
    ...whatOf(alert, state),
    severityOf(alert),
  ];
}

function severityOf({ severity }: Alert): Span {
  return severity === 'critical'
    ? { text: ' (CRITICAL) ', tone: 'bad', bold: true }
    : { text: ' (WARN) ', tone: 'warn' };
}

function whatOf({ target, text }: Alert, { targets }: MonitorState): Line {
  const where = target === undefined || targets.length < 2 ? '' : `${target}: `;
  return [{ text: `${printable(where)}${printable(text)}`, tone: 'warn' }];
}
