import { openSync, writeSync } from 'node:fs';
import type { Argv } from 'yargs';
import { type ApiKey, Role } from '../../shared/gen/memoryhub/v1/admin_service.ts';
import { timestampText } from '../../shared/memory-json.ts';
import { defineCommand } from '../define-command.ts';
import { CommandFailure } from '../failure.ts';
import { outputWidth, printable, printJson, table, timeText } from '../output.ts';
import { connectionFlags, withHub } from '../session.ts';

const ROLES = {
  reader: Role.READER,
  writer: Role.WRITER,
  admin: Role.ADMIN,
  monitor: Role.MONITOR,
  operator: Role.OPERATOR,
} as const;
const ROLE_NAMES = Object.fromEntries(Object.entries(ROLES).map(([name, value]) => [value, name]));

const workspaceFlag = <T>(argv: Argv<T>) =>
  connectionFlags(argv).option('workspace', {
    type: 'string',
    default: 'default',
    describe: "Whose keys; '' for those of the server",
  });

const create = defineCommand({
  command: 'create <name>',
  describe: 'Make an API key; its secret is shown once',
  builder: (argv) =>
    workspaceFlag(argv)
      .positional('name', {
        type: 'string',
        demandOption: true,
        describe: 'What it is called: the author of what it writes',
      })
      .option('role', { choices: Object.keys(ROLES) as (keyof typeof ROLES)[], demandOption: true })
      .option('user', { type: 'string', default: '', describe: 'Bind it to a user' })
      .option('team', {
        type: 'string',
        array: true,
        default: [] as string[],
        describe: 'Bind it to a team; may be repeated',
      })
      .option('out', {
        type: 'string',
        describe: 'Write the secret into this new file (mode 0600) instead of showing it',
      }),
  handler: (flags) =>
    withHub(flags, 'operator', async (hub) => {
      const file = flags.out === undefined ? undefined : openNew(flags.out);
      const serverWide = flags.role === 'monitor' || flags.role === 'operator';
      const apiKey = {
        name: flags.name,
        role: ROLES[flags.role],
        workspace: serverWide ? '' : flags.workspace,
        userId: flags.user,
        teams: flags.team,
      };
      const request = { apiKey };
      const answer = await hub.admin.createApiKey(request);
      if (file !== undefined) writeSync(file, `${answer.credential}\n`);
      const shown = file === undefined ? answer.credential : undefined;
      if (flags.json) printJson({ ...keyToJson(answer.apiKey), ...(shown ? { credential: shown } : {}) });
      else console.log(shown ?? `Key ${answer.apiKey?.id} is in ${flags.out}.`);
    }),
});

const list = defineCommand({
  command: 'list',
  describe: 'List API keys, without their secrets',
  builder: workspaceFlag,
  handler: (flags) =>
    withHub(flags, 'operator', async (hub) => {
      const request = { workspace: flags.workspace };
      const keys: ApiKey[] = [];
      for await (const page of hub.admin.listApiKeys(request)) keys.push(...page.apiKeys);
      if (flags.json) {
        for (const key of keys) printJson(keyToJson(key));
        return;
      }
      const rows = keys.map((key) => [
        key.id,
        ROLE_NAMES[key.role] ?? '-',
        key.workspace || '-',
        [key.userId && `user ${key.userId}`, ...key.teams.map((team) => `team ${team}`)]
          .filter(Boolean)
          .map((text) => printable(text))
          .join(', ') || '-',
        timeText(key.createTime),
        key.revokeTime ? timeText(key.revokeTime) : 'valid',
        printable(key.name),
      ]);
      console.log(table(['ID', 'ROLE', 'WORKSPACE', 'BOUND TO', 'CREATED', 'REVOKED', 'NAME'], rows, outputWidth()));
    }),
});

const revoke = defineCommand({
  command: 'revoke <id>',
  describe: 'End an API key, on every server within 5 seconds',
  builder: (argv) => connectionFlags(argv).positional('id', { type: 'string', demandOption: true }),
  handler: (flags) =>
    withHub(flags, 'operator', async (hub) => {
      const request = { id: flags.id };
      const key = await hub.admin.revokeApiKey(request);
      if (flags.json) printJson(keyToJson(key));
      else console.log(`Key ${key.id} (${printable(key.name)}) is revoked since ${timeText(key.revokeTime)}.`);
    }),
});

export const keysCommand = defineCommand({
  command: 'keys <command>',
  describe: 'Create, list and revoke API keys',
  builder: (argv) => argv.command(create).command(list).command(revoke).demandCommand(1),
  handler: () => {},
});

function openNew(path: string): number {
  try {
    return openSync(path, 'wx', 0o600);
  } catch (error) {
    throw new CommandFailure(
      `cannot make the file ${path}: ${(error as NodeJS.ErrnoException).code === 'EEXIST' ? 'it is there already' : (error as Error).message}`,
    );
  }
}

function keyToJson(key: ApiKey | undefined): Record<string, unknown> {
  if (!key) return {};
  return {
    id: key.id,
    name: key.name,
    role: ROLE_NAMES[key.role],
    ...(key.workspace ? { workspace: key.workspace } : {}),
    ...(key.userId ? { user_id: key.userId } : {}),
    ...(key.teams.length > 0 ? { teams: key.teams } : {}),
    ...(key.createTime ? { create_time: timestampText(key.createTime) } : {}),
    ...(key.revokeTime ? { revoke_time: timestampText(key.revokeTime) } : {}),
  };
}
