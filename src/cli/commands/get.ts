import { type Memory, Scope } from '../../shared/gen/memoryhub/v1/memory.ts';
import { GetMemoryRequest } from '../../shared/gen/memoryhub/v1/memory_service.ts';
import { defineCommand } from '../define-command.ts';
import { CommandFailure } from '../failure.ts';
import { printMemory } from '../output.ts';
import { connectionFlags, withSession } from '../session.ts';

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
    withSession(flags, 'admin', async (session) => {
      const { id, key, user = '', team = '' } = flags;
      if ((id === undefined) === (key === undefined)) throw new CommandFailure('give an id or --key, one of them', 2);
      const scope = team ? Scope.TEAM : user ? Scope.PERSONAL : Scope.UNSPECIFIED;
      const request = GetMemoryRequest.fromPartial({
        target:
          id === undefined
            ? { $case: 'key', value: { scope, userId: user, team, key: key ?? '' } }
            : { $case: 'id', value: id },
        showDeleted: flags.showDeleted,
      });
      printMemory(await session.call<Memory>((done) => session.memories.getMemory(request, done)), flags.json);
    }),
});
