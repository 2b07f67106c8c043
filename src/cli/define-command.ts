import type { CommandModule } from 'yargs';

/** One command of the command line; its flags are typed by what its builder declares. */
export function defineCommand<Flags>(command: CommandModule<object, Flags>): CommandModule<object, Flags> {
  return command;
}
