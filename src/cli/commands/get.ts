import { defineCommand } from '../define-command.ts';
import { targetFlags, targetOf } from '../memory-target.ts';
import { printMemory } from '../output.ts';
import { connectionFlags, withHub } from '../session.ts';

export const getCommand = defineCommand({
  command: 'get [id]',
  describe: 'Show a memory, by its id or by --key',
  builder: (argv) => targetFlags(connectionFlags(argv)).option('show-deleted', { type: 'boolean', default: false }),
  handler: (flags) =>
    withHub(flags, 'admin', async (hub) => {
      const memory = await hub.memories.getMemory({ target: targetOf(flags), showDeleted: flags.showDeleted });
      printMemory(memory, flags.json);
    }),
});
