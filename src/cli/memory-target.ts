import type { Argv } from 'yargs';
import { Scope } from '../shared/gen/memoryhub/v1/memory.ts';
import { CommandFailure } from './failure.ts';

/** Flags by which a command names one memory. */
export interface TargetFlags {
  id: string | undefined;
  key: string | undefined;
  user: string | undefined;
  team: string | undefined;
}

export function targetFlags<T>(argv: Argv<T>) {
  return argv
    .positional('id', { type: 'string', describe: 'A UUID' })
    .option('key', { type: 'string', describe: 'Your own name for it' })
    .option('user', { type: 'string', describe: 'With --key: owner of a personal memory' })
    .option('team', { type: 'string', describe: 'With --key: owner of a team memory' });
}

/** @throws CommandFailure when the flags name none, or two */
export function targetOf({ id, key, user = '', team = '' }: TargetFlags) {
  if ((id === undefined) === (key === undefined)) throw new CommandFailure('give an id or --key, one of them', 2);
  if (id !== undefined) return { $case: 'id' as const, value: id };
  const scope = team ? Scope.TEAM : user ? Scope.PERSONAL : Scope.UNSPECIFIED;
  return { $case: 'key' as const, value: { scope, userId: user, team, key: key ?? '' } };
}
