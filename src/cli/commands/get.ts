import { defineCommand } from '../define-command.ts';
import { targetFlags, targetOf } from '../memory-target.ts';
import { printMemory } from '../output.ts';
import { connectionFlags, withHub } from '../session.ts';

export const getCommand = defineCommand({
  command: 'get [id]',
  describe: 'Show a memory, by its id or by --key',
  builder: (argv) =>
    targetFlags(connectionFlags(argv))
      .option('show-deleted', { type: 'boolean', default: false })
      .option('reveal', { type: 'boolean', default: false, describe: 'Secrets in clear; goes into the audit trail' }),
  handler: (flags) =>
    withHub(flags, 'admin', async (hub) => {
      const memory = await hub.memories.getMemory({
        target: targetOf(flags),
        showDeleted: flags.showDeleted,
        revealSensitive: flags.reveal,
      });
      printMemory(memory, flags.json);
    }),
});
