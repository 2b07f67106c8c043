import { LIMITS } from '../../shared/limits.ts';
import { memoryToJson } from '../../shared/memory-json.ts';
import { defineCommand } from '../define-command.ts';
import { outputWidth, ownerText, printable, printJson, table, timeText } from '../output.ts';
import { connectionFlags, withHub } from '../session.ts';
import { wholeNumber } from '../whole-number.ts';

export const listCommand = defineCommand({
  command: 'list [filter]',
  describe: 'List memories, newest first: 20 unless --limit or --all says otherwise',
  builder: (argv) =>
    connectionFlags(argv)
      .positional('filter', {
        type: 'string',
        default: '',
        describe: 'For instance: team = "alpha" AND tags:"release"',
      })
      .option('order', {
        type: 'string',
        default: 'create_time desc',
        describe: 'create_time or update_time, "desc" for newest first',
      })
      .option('limit', { ...wholeNumber('--limit', 0, LIMITS.listLimit.max), default: 20 })
      .option('all', { type: 'boolean', default: false, describe: 'No limit' })
      .option('show-deleted', { type: 'boolean', default: false }),
  handler: (flags) =>
    withHub(flags, 'admin', async (hub) => {
      const request = {
        filter: flags.filter,
        orderBy: flags.order,
        limit: flags.all ? 0 : flags.limit,
        showDeleted: flags.showDeleted,
      };
      let hasHeader = false;
      let next = '';
      for await (const page of hub.memories.listMemories(request)) {
        next = page.nextPageToken;
        if (flags.json) for (const memory of page.memories) printJson(memoryToJson(memory));
        else if (page.memories.length > 0) {
          const rows = page.memories.map((memory) => [
            memory.id,
            timeText(memory.updateTime),
            printable(ownerText(memory)),
            printable(memory.category) || '-',
            printable(memory.content.slice(0, 500)),
          ]);
          const lines = table(['ID', 'UPDATED', 'OWNER', 'CATEGORY', 'CONTENT'], rows, outputWidth());
          process.stdout.write(`${hasHeader ? lines.slice(lines.indexOf('\n') + 1) : lines}\n`);
          hasHeader = true;
        }
      }
      if (!hasHeader && !flags.json) console.error('No memories.');
      if (next !== '') console.error(`There are more: --all, or --limit beyond ${flags.limit}.`);
    }),
});
