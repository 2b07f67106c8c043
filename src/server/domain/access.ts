import { type Owner, Scope } from './memory.ts';

/**
 * What a credential reaches within its workspace. A credential bound to nothing reaches everything;
 * one bound to a user or to teams reaches their memories and those of the workspace scope.
 */
export interface Access {
  /** The bound user, or empty. */
  readonly userId: string;
  /** The bound teams. */
  readonly teams: readonly string[];
}

export const UNBOUND: Access = { userId: '', teams: [] };

export function isBound(access: Access): boolean {
  return access.userId !== '' || access.teams.length > 0;
}

/** Whether memories of this owner are within reach. */
export function reaches(access: Access, owner: Owner): boolean {
  if (!isBound(access)) return true;
  switch (owner.scope) {
    case Scope.PERSONAL:
      return access.userId !== '' && owner.userId === access.userId;
    case Scope.TEAM:
      return access.teams.includes(owner.team);
    case Scope.WORKSPACE:
      return true;
  }
}

/** A text that is the same for all credentials that reach the same. */
export function accessName(access: Access): string {
  return JSON.stringify([access.userId, ...[...access.teams].sort()]);
}
