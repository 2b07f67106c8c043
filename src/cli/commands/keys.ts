import { writeSync } from 'node:fs';
import type { Argv } from 'yargs';
import type { ApiKey } from '../../shared/gen/memoryhub/v1/admin_service.ts';
import { defineCommand } from '../define-command.ts';
import { keyToJson, ROLE_NAMES, ROLES, stateText } from '../key-text.ts';
import { openNew } from '../new-file.ts';
import { outputWidth, printable, printJson, table, timeText } from '../output.ts';
import { connectionFlags, withHub } from '../session.ts';
import { expiryOf } from '../time-flags.ts';
import { rotateCommand } from './rotate-keys.ts';
import { rotateSealCommand } from './rotate-seal.ts';
import { sealExistingCommand } from './seal-existing.ts';

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
      .option('description', { type: 'string', default: '', describe: 'What it is for and who has it' })
      .option('expires', {
        type: 'string',
        describe: 'When it ends: 90d, 12h, 30m, or a time like 2027-01-31T00:00:00Z',
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
        description: flags.description,
        ...expiryOf(flags.expires),
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
        timeText(key.lastUseTime),
        stateText(key),
        printable([key.name, key.description].filter(Boolean).join(': ')),
      ]);
      const header = ['ID', 'ROLE', 'WORKSPACE', 'BOUND TO', 'CREATED', 'LAST USED', 'STATE', 'NAME'];
      console.log(table(header, rows, outputWidth()));
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
  describe: 'Create, list, revoke and rotate API keys; rotate the key of sealed secrets',
  builder: (argv) =>
    argv
      .command(create)
      .command(list)
      .command(revoke)
      .command(rotateSealCommand)
      .command(sealExistingCommand)
      .command(rotateCommand)
      .demandCommand(1, 'Say what to do: memory-hub keys --help lists the commands.'),
  handler: () => {},
});
