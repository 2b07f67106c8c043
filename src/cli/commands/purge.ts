import type { Argv } from 'yargs';
import type { PurgeReceipt } from '../../shared/gen/memoryhub/v1/memory_service.ts';
import { confirmed } from '../confirm.ts';
import { defineCommand } from '../define-command.ts';
import { CommandFailure } from '../failure.ts';
import { printable, printJson } from '../output.ts';
import { connectionFlags, withHub } from '../session.ts';

/** A purge of a million memories takes minutes, in short steps. */
const DEADLINE = { deadlineMs: 3_600_000 };

const purgeFlags = <T>(argv: Argv<T>) =>
  connectionFlags(argv)
    .option('dry-run', { type: 'boolean', default: false, describe: 'Only count what would go' })
    .option('yes', { type: 'boolean', default: false, describe: 'Do not ask' })
    .option('note', { type: 'string', default: '', describe: 'Why, for the audit trail' });

export const purgeCommand = defineCommand({
  command: 'purge [ids..]',
  describe: 'Remove memories for good, with their history; it cannot be undone',
  builder: (argv) =>
    purgeFlags(argv)
      .positional('ids', { type: 'string', array: true, default: [] as string[] })
      .option('filter', { type: 'string', default: '', describe: 'Instead of ids: as in list, deleted ones included' }),
  handler: (flags) =>
    withHub(flags, 'admin', async (hub) => {
      const request = { ids: flags.ids, filter: flags.filter, note: flags.note };
      const { receipt: expected } = await hub.memories.purgeMemories({ ...request, dryRun: true }, DEADLINE);
      if (flags.dryRun) return printReceipt(expected, flags.json);
      if (!flags.yes) await confirmed(`${receiptText(expected)} This cannot be undone.`);
      const { receipt } = await hub.memories.purgeMemories(request, DEADLINE);
      printReceipt(receipt, flags.json);
    }),
});

export const eraseUserCommand = defineCommand({
  command: 'erase-user <user>',
  describe: 'Forget a user: remove its personal memories for good, and its name where it was an author',
  builder: (argv) => purgeFlags(argv).positional('user', { type: 'string', demandOption: true }),
  handler: (flags) =>
    withHub(flags, 'admin', async (hub) => {
      const request = { userId: flags.user, note: flags.note };
      const expected = await hub.memories.eraseUser({ ...request, dryRun: true }, DEADLINE);
      const keys = (ids: readonly string[]) =>
        ids.length > 0 &&
        console.error(`Keys bound to the user go on working until they are revoked: ${ids.join(' ')}`);
      if (flags.dryRun) {
        printReceipt(expected.receipt, flags.json, { api_key_ids: expected.apiKeyIds });
        if (!flags.json) keys(expected.apiKeyIds);
        return;
      }
      const question = `${receiptText(expected.receipt)} ${printable(flags.user)} is forgotten. This cannot be undone.`;
      if (!flags.yes) await confirmed(question);
      const answer = await hub.memories.eraseUser(request, DEADLINE);
      printReceipt(answer.receipt, flags.json, {
        renamed_revisions: Number(answer.renamedRevisions),
        audit_events: Number(answer.auditEvents),
        settings: Number(answer.settings),
        api_key_ids: answer.apiKeyIds,
      });
      if (!flags.json) keys(answer.apiKeyIds);
    }),
});

function receiptText(receipt: PurgeReceipt | undefined): string {
  if (receipt === undefined) throw new CommandFailure('the server sent no receipt');
  const { memories, revisions, contentBytes, dryRun } = receipt;
  const verb = dryRun ? 'would go' : 'are gone';
  return `${memories} memories with ${revisions} entries of history and ${contentBytes} bytes of content ${verb}.`;
}

function printReceipt(receipt: PurgeReceipt | undefined, json: boolean, more: Record<string, unknown> = {}): void {
  if (!json) {
    console.log(receiptText(receipt));
    return;
  }
  printJson({
    memories: Number(receipt?.memories),
    revisions: Number(receipt?.revisions),
    content_bytes: Number(receipt?.contentBytes),
    requests: Number(receipt?.requests),
    dry_run: receipt?.dryRun,
    revision: Number(receipt?.revision),
    ...more,
  });
}
