import type { MonitorState } from '../state/state.ts';
import type { Line } from '../terminal/line.ts';
import type { Theme } from '../terminal/theme.ts';
import { alertLine, alertLines } from '../widgets/alert-line.ts';
import { type Block, panel } from '../widgets/block.ts';
import { eventLines } from '../widgets/events.ts';

/** What happened, below everything else; with little room without a border. An alert that lasts comes first. */
export function eventsPart(state: MonitorState, width: number, height: number, theme: Theme): Block {
  return height >= 3 ? eventsPanel(state, width, height, theme) : lines(state, width, height);
}

/** The newest events in a panel of their own. */
export function eventsPanel(state: MonitorState, width: number, height: number, theme: Theme): Block {
  const title: Line = [{ text: 'Events', tone: 'title', bold: true }];
  return panel({ title, width, height, lines: lines(state, width - 4, height - 2) }, theme);
}

function lines(state: MonitorState, width: number, height: number): readonly Line[] {
  const alert = alertLine(state, width);
  const untilMs = state.view.pausedAtMs ?? Number.POSITIVE_INFINITY;
  if (alert === undefined) return eventLines(state.events, untilMs, height);
  // While an alert stands above, its beginning need not be told below.
  const others = state.events.filter(({ own }) => own !== true);
  return [alert, ...(height > 1 && others.length > 0 ? eventLines(others, untilMs, height - 1) : [])];
}

/** The alerts that last, in a panel of their own. */
export function alertsPanel(state: MonitorState, width: number, height: number, theme: Theme): Block {
  const alerts = alertLines(state);
  const title: Line = [{ text: `Alerts (${alerts.length})`, tone: 'title', bold: true }];
  const note: Line = [{ text: `${state.rules.length} rules`, tone: 'dim' }];
  const none: Line = [{ text: 'none: every rule is kept', tone: 'dim' }];
  return panel({ title, note, width, height, lines: alerts.length === 0 ? [none] : alerts }, theme);
}
