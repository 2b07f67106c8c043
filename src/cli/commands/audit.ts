import { type AuditEvent, AuditKind } from '../../shared/gen/memoryhub/v1/admin_service.ts';
import { timestampText } from '../../shared/memory-json.ts';
import { msFromDuration, timestampFromMs } from '../../shared/time.ts';
import { defineCommand } from '../define-command.ts';
import { outputWidth, printable, printJson, table, timeText } from '../output.ts';
import { connectionFlags, withHub } from '../session.ts';
import { durationOf, timeOf } from '../time-flags.ts';

export const auditCommand = defineCommand({
  command: 'audit',
  describe: 'Show who administered what, and who was refused, newest first: 50 unless --limit or --all says otherwise',
  builder: (argv) =>
    connectionFlags(argv)
      .option('workspace', { type: 'string', default: '', describe: 'Only of this workspace' })
      .option('since', { type: 'string', describe: 'From then on: 24h, 7d, or a time' })
      .option('until', { type: 'string', describe: 'Before then' })
      .option('action', { type: 'string', default: '', describe: 'Only this RPC, for instance RevokeApiKey' })
      .option('actor', { type: 'string', default: '', describe: 'Only of this key or token, by name' })
      .option('acts', { type: 'boolean', describe: 'Only what was done' })
      .option('refused', { type: 'boolean', describe: 'Only what was refused' })
      .conflicts('acts', 'refused')
      .option('limit', { type: 'number', default: 50 })
      .option('all', { type: 'boolean', default: false, describe: 'No limit' }),
  handler: (flags) =>
    withHub(flags, 'operator', async (hub) => {
      const request = {
        workspace: flags.workspace,
        startTime: agoOrTime(flags.since),
        endTime: agoOrTime(flags.until),
        action: flags.action,
        actor: flags.actor,
        kind: flags.acts ? AuditKind.ACT : flags.refused ? AuditKind.REFUSAL : AuditKind.UNSPECIFIED,
        limit: flags.all ? 0 : flags.limit,
      };
      let hasHeader = false;
      let next = '';
      for await (const message of hub.admin.listAuditEvents(request)) {
        next = message.nextPageToken;
        if (flags.json) for (const event of message.events) printJson(eventToJson(event));
        else if (message.events.length > 0) {
          const lines = table(
            ['TIME', 'ACTOR', 'FROM', 'ACTION', 'OUTCOME', 'TARGET'],
            message.events.map(rowOf),
            outputWidth(),
          );
          process.stdout.write(`${hasHeader ? lines.slice(lines.indexOf('\n') + 1) : lines}\n`);
          hasHeader = true;
        }
      }
      if (!hasHeader && !flags.json) console.error('Nothing of that kind is in the audit trail.');
      if (next !== '') console.error(`There are more: --all, or --limit beyond ${flags.limit}.`);
    }),
});

function agoOrTime(text: string | undefined) {
  if (text === undefined) return undefined;
  return /^\d{4}-/.test(text) ? timeOf(text) : timestampFromMs(Date.now() - msFromDuration(durationOf(text)));
}

function rowOf(event: AuditEvent): string[] {
  const often = event.count > 1n ? ` x ${event.count}` : '';
  return [
    timeText(event.lastTime),
    printable(event.actor || '-'),
    event.peer || '-',
    event.action || '-',
    `${event.reason || 'done'}${often}`,
    printable([event.target, event.details ? JSON.stringify(event.details) : ''].filter(Boolean).join(' ')) || '-',
  ];
}

function eventToJson(event: AuditEvent): Record<string, unknown> {
  const { workspace, keyId, actor, peer, callId, action, target, reason, details } = event;
  const texts = { workspace, key_id: keyId, actor, peer, call_id: callId, action, target, reason };
  return {
    id: String(event.id),
    ...(event.createTime ? { create_time: timestampText(event.createTime) } : {}),
    ...Object.fromEntries(Object.entries(texts).filter(([, text]) => text !== '')),
    ...(details ? { details } : {}),
    count: Number(event.count),
    ...(event.lastTime ? { last_time: timestampText(event.lastTime) } : {}),
  };
}
