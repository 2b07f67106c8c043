import { Operation, View } from '../../shared/gen/memoryhub/v1/memory.ts';
import { LIMITS } from '../../shared/limits.ts';
import { revisionToJson } from '../../shared/memory-json.ts';
import { defineCommand } from '../define-command.ts';
import { targetFlags, targetOf } from '../memory-target.ts';
import { outputWidth, printable, printJson, table, timeText } from '../output.ts';
import { connectionFlags, withHub } from '../session.ts';
import { wholeNumber } from '../whole-number.ts';

const OPERATION_NAMES = Object.fromEntries(
  Object.entries(Operation).map(([name, value]) => [value, name.toLowerCase()]),
);

export const historyCommand = defineCommand({
  command: 'history [id]',
  describe: 'Show who changed a memory, when and why, newest first; by its id or by --key',
  builder: (argv) =>
    targetFlags(connectionFlags(argv)).option('limit', {
      ...wholeNumber('--limit', 0, LIMITS.listLimit.max),
      default: 0,
      describe: '0: all',
    }),
  handler: (flags) =>
    withHub(flags, 'admin', async (hub) => {
      const target = targetOf(flags);
      const memoryId =
        target.$case === 'id'
          ? target.value
          : (await hub.memories.getMemory({ target, view: View.BASIC, showDeleted: true })).id;
      const rows: string[][] = [];
      for await (const page of hub.memories.listRevisions({ memoryId, limit: flags.limit })) {
        for (const revision of page.revisions) {
          if (flags.json) printJson(revisionToJson(revision));
          rows.push([
            String(revision.revision),
            timeText(revision.createTime),
            OPERATION_NAMES[revision.operation] ?? '-',
            printable(revision.author),
            printable(revision.note) || '-',
            printable(revision.memory?.content.slice(0, 500) ?? ''),
          ]);
        }
      }
      if (!flags.json) console.log(table(['REV', 'WHEN', 'WHAT', 'AUTHOR', 'NOTE', 'CONTENT'], rows, outputWidth()));
    }),
});
