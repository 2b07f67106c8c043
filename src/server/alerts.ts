import type { Logger } from 'pino';
import { BUILT_IN_RULES } from '../shared/alerts/built-in.ts';
import { eventText } from '../shared/alerts/evaluate.ts';
import type { AlertRule } from '../shared/alerts/rule.ts';
import { EventKind } from '../shared/gen/memoryhub/v1/stats_service.ts';
import { AlertWatch } from './stats/alert-watch.ts';

/**
 * Holds the server to rules, and tells of each change once in the log and as an event.
 *
 * @param path of a file of rules; undefined: the built-in ones
 * @throws RulesFileError naming what is wrong with the file
 */
export async function openAlerts(
  path: string | undefined,
  log: Logger,
  event: (kind: EventKind, text: string) => void,
): Promise<AlertWatch> {
  return new AlertWatch(await rulesOf(path), (change) => {
    const { kind, rule, key, severity, text } = change;
    event(kind === 'raised' ? EventKind.ALERT_RAISED : EventKind.ALERT_CLEARED, eventText(change));
    log[kind === 'raised' ? 'warn' : 'info']({ alert: kind, rule, key, severity }, `alert ${kind}: ${text}`);
  });
}

async function rulesOf(path: string | undefined): Promise<readonly AlertRule[]> {
  if (path === undefined) return BUILT_IN_RULES;
  // A parser that nobody needs without such a file.
  const { readRulesFile } = await import('../shared/alerts/rules-file.ts');
  return readRulesFile(path);
}
