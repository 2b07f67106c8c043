import { randomUUID } from 'node:crypto';
import { Scope } from '../../shared/gen/memoryhub/v1/memory.ts';
import { LIMITS } from '../../shared/limits.ts';
import { defineCommand } from '../define-command.ts';
import { CommandFailure } from '../failure.ts';
import { printMemory } from '../output.ts';
import { connectionFlags, withHub } from '../session.ts';
import { readStandardInput } from '../standard-input.ts';
import { wholeNumber } from '../whole-number.ts';

const SCOPES = { personal: Scope.PERSONAL, team: Scope.TEAM, workspace: Scope.WORKSPACE } as const;

export const saveCommand = defineCommand({
  command: 'save [content]',
  describe: 'Save a memory; without content, or with "-", it is read from standard input',
  builder: (argv) =>
    connectionFlags(argv)
      .positional('content', { type: 'string', describe: 'The text' })
      .option('id', { type: 'string', describe: 'Replace the memory with this id' })
      .option('key', { type: 'string', describe: 'Your own name for it; saving again replaces it' })
      .option('scope', { choices: ['personal', 'team', 'workspace'] as const })
      .option('user', { type: 'string', describe: 'Owner of a personal memory' })
      .option('team', { type: 'string', describe: 'Owner of a team memory' })
      .option('category', { type: 'string' })
      .option('tag', { type: 'string', array: true, default: [] as string[] })
      .option('metadata', { type: 'string', describe: 'A JSON object' })
      .option('note', { type: 'string', describe: 'What this change is about' })
      .option('etag', { type: 'string', describe: 'Only if the memory still has this etag' })
      .option('ttl', { ...wholeNumber('--ttl', 1, LIMITS.ttlSeconds.max), describe: 'Seconds until it expires' })
      .option('create-only', { type: 'boolean', default: false, describe: 'Refuse when it is there' }),
  handler: (flags) =>
    withHub(flags, 'admin', async (hub) => {
      // An unset variable of a script: every run would make another memory, and none could be found again.
      if (flags.key === '') throw new CommandFailure('--key is empty; without it the memory has none', 2);
      const content = flags.content === undefined || flags.content === '-' ? await readStandardInput() : flags.content;
      const request = {
        memory: {
          id: flags.id ?? '',
          key: flags.key ?? '',
          scope: flags.scope ? SCOPES[flags.scope] : flags.team ? Scope.TEAM : Scope.UNSPECIFIED,
          userId: flags.user ?? '',
          team: flags.team ?? '',
          category: flags.category ?? '',
          content,
          tags: flags.tag,
          ...(flags.metadata === undefined ? {} : { metadata: parseMetadata(flags.metadata) }),
          etag: flags.etag ?? '',
          ...(flags.ttl === undefined ? {} : { ttl: { seconds: BigInt(flags.ttl), nanos: 0 } }),
        },
        createOnly: flags.createOnly,
        note: flags.note ?? '',
        requestId: randomUUID(),
      };
      printMemory(await hub.memories.saveMemory(request), flags.json);
    }),
});

function parseMetadata(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // Not JSON at all: refused below like any other text that is no object.
  }
  throw new CommandFailure('--metadata must be a JSON object, for instance \'{"ticket": "OPS-12"}\'', 2);
}
