import { Scope } from '../../shared/gen/memoryhub/v1/memory.ts';
import { defineCommand } from '../define-command.ts';
import { CommandFailure } from '../failure.ts';
import { printMemory } from '../output.ts';
import { connectionFlags, withHub } from '../session.ts';

export const getCommand = defineCommand({
  command: 'get [id]',
  describe: 'Show a memory, by its id or by --key',
  builder: (argv) =>
    connectionFlags(argv)
      .positional('id', { type: 'string', describe: 'A UUID' })
      .option('key', { type: 'string', describe: 'Your own name for it' })
      .option('user', { type: 'string', describe: 'With --key: owner of a personal memory' })
      .option('team', { type: 'string', describe: 'With --key: owner of a team memory' })
      .option('show-deleted', { type: 'boolean', default: false }),
  handler: (flags) =>
    withHub(flags, 'admin', async (hub) => {
      const { id, key, user = '', team = '' } = flags;
      if ((id === undefined) === (key === undefined)) throw new CommandFailure('give an id or --key, one of them', 2);
      const scope = team ? Scope.TEAM : user ? Scope.PERSONAL : Scope.UNSPECIFIED;
      const request = {
        target:
          id === undefined
            ? { $case: 'key' as const, value: { scope, userId: user, team, key: key ?? '' } }
            : { $case: 'id' as const, value: id },
        showDeleted: flags.showDeleted,
      };
      printMemory(await hub.memories.getMemory(request), flags.json);
    }),
});
