import { type Config, ConfigError, loadConfig } from '../../server/config.ts';
import { SETTINGS, type SettingName } from '../../server/settings.ts';
import { defineCommand } from '../define-command.ts';
import { CommandFailure } from '../failure.ts';
import { printJson, table } from '../output.ts';

const check = defineCommand({
  command: 'check',
  describe: 'Check environment and configuration file as a start would, and show what is in force',
  builder: (argv) => argv.option('json', { type: 'boolean', default: false }),
  handler: ({ json }) => {
    try {
      const config = loadConfig(process.env);
      const values = Object.entries(SETTINGS).map(([name, setting]) => {
        const value = config[name as SettingName];
        return { name, env: setting.env, value: 'secret' in setting && value !== undefined ? '(set)' : shown(value) };
      });
      if (json)
        printJson({
          file: config.file,
          settings: Object.fromEntries(values.map(({ name, value }) => [name, value ?? null])),
          warnings: config.warnings,
        });
      else {
        console.log(config.file ? `Read ${config.file}; the environment wins over it.` : 'No configuration file.');
        console.log(
          table(
            ['SETTING', 'VARIABLE', 'VALUE'],
            values.map(({ name, env, value }) => [name, env, String(value ?? '-')]),
            Number.MAX_SAFE_INTEGER,
          ),
        );
        for (const warning of config.warnings) console.error(`Warning: ${warning}`);
      }
    } catch (error) {
      if (error instanceof ConfigError) throw new CommandFailure(error.message);
      throw error;
    }
  },
});

/** A value as one would write it. */
function shown(value: Config[SettingName]): string | number | boolean | undefined {
  if (typeof value !== 'object') return value;
  return 'host' in value ? `${value.host}:${value.port}` : value.join(',');
}

export const configCommand = defineCommand({
  command: 'config <command>',
  describe: 'Check the configuration',
  builder: (argv) =>
    argv.command(check).demandCommand(1, 'Say what to do: memory-hub config --help lists the commands.'),
  handler: () => {},
});
