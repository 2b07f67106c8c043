import { LIMITS } from '../../../shared/limits.ts';
import { type Access, reaches } from '../access.ts';
import type { CallContext } from '../call-context.ts';
import { ServiceError } from '../errors.ts';
import { keyedId } from '../ids.ts';
import { type Owner, Scope } from '../memory.ts';
import type { KeyInput } from '../requests.ts';
import { checkEnum, checkIdentifier, checkLine, readUuid } from './text.ts';
import type { Violations } from './violations.ts';

/**
 * Whose a memory is to be. Without a scope it is personal when a user is known, from the message or
 * bound to the credential, else the workspace's.
 */
export function readOwner(violations: Violations, input: KeyInput, access: Access): Owner {
  checkEnum(violations, 'scope', input.scope, Scope.WORKSPACE);
  checkIdentifier(violations, 'user_id', input.userId);
  checkIdentifier(violations, 'team', input.team);
  const userId = input.userId || access.userId;
  const scope = (input.scope as Scope | 0) || (userId === '' ? Scope.WORKSPACE : Scope.PERSONAL);
  if (scope !== Scope.PERSONAL && input.userId !== '') {
    violations.add('user_id', 'is set, but only memories of SCOPE_PERSONAL have a user');
  }
  if (scope !== Scope.TEAM && input.team !== '') {
    violations.add('team', 'is set, but only memories of SCOPE_TEAM have a team');
  }
  if (scope === Scope.PERSONAL && userId === '') {
    violations.add('user_id', 'is empty; a memory of SCOPE_PERSONAL needs a user');
  }
  if (scope === Scope.TEAM && input.team === '') {
    violations.add('team', 'is empty; a memory of SCOPE_TEAM needs a team');
  }
  return {
    scope,
    userId: scope === Scope.PERSONAL ? userId : '',
    team: scope === Scope.TEAM ? input.team : '',
  };
}

/** The id a key stands for. */
export function readKeyedId(violations: Violations, input: KeyInput, owner: Owner, workspace: string): string {
  checkLine(violations, 'key', input.key, LIMITS.keyBytes);
  return violations.none ? keyedId(workspace, owner, input.key) : '';
}

/** The id of a memory named by id, by key, or by both when they agree; empty when by neither. */
export function readIdentity(
  violations: Violations,
  input: KeyInput & { readonly id: string },
  owner: Owner,
  workspace: string,
): string {
  const id = input.id === '' ? '' : readUuid(violations, 'id', input.id);
  if (input.key === '') return id;
  const keyed = readKeyedId(violations, input, owner, workspace);
  if (id !== '' && keyed !== '' && id !== keyed) {
    violations.add('id', 'is not the id of this key with this scope and owner; leave one of the two out');
  }
  return keyed;
}

/** What a credential does not reach is answered as what is not there. */
export function checkReach(call: CallContext, owner: Owner): void {
  if (!reaches(call.access, owner)) throw memoryNotFound();
}

export function memoryNotFound(metadata: Record<string, string> = {}): ServiceError {
  return new ServiceError('MEMORY_NOT_FOUND', 'there is no such memory', { metadata });
}
