import { appendFileSync } from 'node:fs';
import type { Alert, AlertLog } from './state/alerts.ts';

/** Writes one line of JSON each time an alert is raised or is over. */
export class AlertFile {
  readonly #path: string;
  /** Those that were told, each as it was told last. */
  #told: AlertLog = [];

  /** @throws Error when the file cannot be written */
  constructor(path: string) {
    this.#path = path;
    appendFileSync(path, '');
  }

  /** Tells what is new in the log of alerts; the log forgets its oldest, the file does not. */
  write(log: AlertLog): void {
    if (log === this.#told) return;
    const before = new Map(this.#told.map((alert) => [identity(alert), alert]));
    const lines = log.toReversed().flatMap((alert) => {
      const known = before.get(identity(alert));
      const raised = known === undefined ? [line(alert, 'raised', alert.raisedMs)] : [];
      const isOver = alert.clearedMs !== undefined && known?.clearedMs === undefined;
      return isOver ? [...raised, line(alert, 'cleared', alert.clearedMs ?? 0)] : raised;
    });
    this.#told = log;
    if (lines.length > 0) appendFileSync(this.#path, `${lines.join('\n')}\n`);
  }
}

function identity({ target, key, raisedMs }: Alert): string {
  return `${target ?? ''} ${key} ${raisedMs}`;
}

function line(
  { target, rule, key, severity, text, raisedMs }: Alert,
  change: 'raised' | 'cleared',
  atMs: number,
): string {
  return JSON.stringify({
    at: new Date(atMs).toISOString(),
    alert: change,
    rule,
    key,
    severity,
    target: target ?? null,
    text,
    ...(change === 'cleared' ? { lasted_s: Math.round((atMs - raisedMs) / 100) / 10 } : {}),
  });
}
