import type { Argv } from 'yargs';
import { type Setting, SettingSource } from '../../shared/gen/memoryhub/v1/config_service.ts';
import { Operation } from '../../shared/gen/memoryhub/v1/memory.ts';
import { timestampText } from '../../shared/memory-json.ts';
import { defineCommand } from '../define-command.ts';
import { CommandFailure } from '../failure.ts';
import { outputWidth, printable, printJson, table, timeText } from '../output.ts';
import { connectionFlags, withHub } from '../session.ts';
import { readStandardInput } from '../standard-input.ts';
import { settingsExportCommand, settingsImportCommand } from './settings-files.ts';

const userFlag = <T>(argv: Argv<T>) =>
  connectionFlags(argv).option('user', {
    type: 'string',
    default: '',
    describe: "Whose; else the key's own user, else the workspace",
  });

const nameFlag = <T>(argv: Argv<T>) =>
  userFlag(argv).positional('name', { type: 'string', demandOption: true, describe: 'For instance llm.model' });

const get = defineCommand({
  command: 'get [name]',
  describe: 'Show what is in force: all of it, or the value of one setting',
  builder: (argv) => userFlag(argv).positional('name', { type: 'string' }),
  handler: (flags) =>
    withHub(flags, 'admin', async (hub) => {
      const { settings } = await hub.config.getConfig({ userId: flags.user });
      if (flags.name === undefined) return printSettings(settings, flags.json);
      const found = settings.find(({ name }) => name === flags.name);
      if (found === undefined) throw new CommandFailure(`There is no setting ${printable(flags.name)}.`);
      if (flags.json) printJson(settingToJson(found));
      else console.log(valueText(found.value));
    }),
});

const set = defineCommand({
  command: 'set <name> [value]',
  describe: 'Set a setting; without a value it is read from standard input, as a secret should be',
  builder: (argv) =>
    nameFlag(argv)
      .positional('value', { type: 'string', describe: 'JSON, or text as it is' })
      .option('etag', { type: 'string', default: '', describe: 'Only if it is still the one with this etag' })
      .option('note', { type: 'string', default: '', describe: 'Why' }),
  handler: (flags) =>
    withHub(flags, 'admin', async (hub) => {
      const value = readValue(flags.value ?? (await readStandardInput()).trim());
      const { name, etag, note } = flags;
      const setting = await hub.config.setConfig({ setting: { name, userId: flags.user, value }, etag, note });
      if (flags.json) printJson(settingToJson(setting));
      else console.log(`${setting.name} is set for ${ownerText(setting)}.`);
    }),
});

const remove = defineCommand({
  command: 'delete <name>',
  describe: 'Remove a setting, so that what is behind it is in force',
  builder: (argv) =>
    nameFlag(argv)
      .option('etag', { type: 'string', default: '', describe: 'Only if it is still the one with this etag' })
      .option('note', { type: 'string', default: '', describe: 'Why' }),
  handler: (flags) =>
    withHub(flags, 'admin', async (hub) => {
      const { name, etag, note, user } = flags;
      await hub.config.deleteConfig({ name, userId: user, etag, note });
      if (!flags.json) console.log(`${name} is removed.`);
    }),
});

const list = defineCommand({
  command: 'list',
  describe: 'List what is set, for the workspace and its users',
  builder: userFlag,
  handler: (flags) =>
    withHub(flags, 'admin', async (hub) => {
      const all: Setting[] = [];
      for await (const { settings } of hub.config.listConfig({ userId: flags.user })) all.push(...settings);
      printSettings(all, flags.json);
    }),
});

const reveal = defineCommand({
  command: 'reveal <name>',
  describe: 'Show a secret in clear; that it was asked for is written into the audit trail',
  builder: nameFlag,
  handler: (flags) =>
    withHub(flags, 'admin', async (hub) => {
      const { value, etag } = await hub.config.revealSecret({ name: flags.name, userId: flags.user });
      if (flags.json) printJson({ name: flags.name, value, etag });
      else console.log(valueText(value));
    }),
});

const OPERATIONS: Readonly<Record<number, string>> = {
  [Operation.CREATE]: 'set',
  [Operation.UPDATE]: 'changed',
  [Operation.DELETE]: 'removed',
};

const history = defineCommand({
  command: 'history <name>',
  describe: 'Show what a setting was, newest first',
  builder: (argv) => nameFlag(argv).option('limit', { type: 'number', default: 20 }),
  handler: (flags) =>
    withHub(flags, 'admin', async (hub) => {
      const { name, user, limit } = flags;
      const rows: string[][] = [];
      for await (const { revisions } of hub.config.listConfigHistory({ name, userId: user, limit })) {
        for (const { operation, note, setting } of revisions) {
          if (flags.json) printJson({ operation: OPERATIONS[operation], note, ...settingToJson(setting) });
          const { value, author = '', updateTime } = setting ?? {};
          rows.push([
            timeText(updateTime),
            OPERATIONS[operation] ?? '-',
            printable(author),
            printable(note) || '-',
            value === undefined ? '-' : valueText(value),
          ]);
        }
      }
      if (!flags.json) console.log(table(['WHEN', 'WHAT', 'BY', 'WHY', 'VALUE'], rows, outputWidth()));
    }),
});

export const settingsCommand = defineCommand({
  command: 'settings <command>',
  describe: 'Read and change settings of the workspace and its users',
  builder: (argv) =>
    argv
      .command(get)
      .command(set)
      .command(remove)
      .command(list)
      .command(reveal)
      .command(history)
      .command(settingsExportCommand)
      .command(settingsImportCommand)
      .demandCommand(1, 'Say what to do: memory-hub settings --help lists the commands.'),
  handler: () => {},
});

/** JSON where it is JSON, else the text itself: so that a model's name needs no quotes within quotes. */
function readValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

const SOURCES: Readonly<Record<number, string>> = {
  [SettingSource.DEFAULT]: 'default',
  [SettingSource.WORKSPACE]: 'workspace',
  [SettingSource.USER]: 'user',
};

function printSettings(settings: readonly Setting[], json: boolean): void {
  if (json) {
    for (const setting of settings) printJson(settingToJson(setting));
    return;
  }
  const rows = settings.map((setting) => [
    setting.name,
    setting.source === SettingSource.DEFAULT ? 'default' : ownerText(setting),
    setting.value === undefined ? '-' : valueText(setting.value),
  ]);
  console.log(table(['SETTING', 'FROM', 'VALUE'], rows, outputWidth()));
}

function ownerText({ userId }: Setting): string {
  return userId === '' ? 'the workspace' : `user ${printable(userId)}`;
}

function valueText(value: unknown): string {
  return printable(typeof value === 'string' ? value : JSON.stringify(value));
}

function settingToJson(setting: Setting | undefined): Record<string, unknown> {
  if (setting === undefined) return {};
  const { name, userId, value, etag, author, updateTime, source } = setting;
  return {
    name,
    ...(userId && { user_id: userId }),
    ...(value !== undefined && { value }),
    ...(etag && { etag, author }),
    ...(updateTime && { update_time: timestampText(updateTime) }),
    source: SOURCES[source],
  };
}
