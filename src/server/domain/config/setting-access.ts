import { type Access, isBound } from '../access.ts';
import { ServiceError } from '../errors.ts';
import { type Principal, Role, roleName } from '../principal.ts';

/** Whose settings are meant when a request may leave it out: those of the user the key is bound to. */
export function meantUser(access: Access, userId: string): string {
  return userId === '' ? access.userId : userId;
}

/** Whether a key reaches the settings of a user; those of the workspace every key does. */
export function reachesSettings(access: Access, userId: string): boolean {
  return userId === '' || !isBound(access) || access.userId === userId;
}

/** @throws ServiceError SETTING_NOT_FOUND: out of reach is as if it were not there */
export function checkReachesSettings(access: Access, userId: string): void {
  if (!reachesSettings(access, userId)) throw settingNotFound();
}

/** A writer has the settings of users; those of the workspace are its admins'. @throws ServiceError ROLE_DENIED */
export function checkMayChange({ role }: Principal, userId: string): void {
  if (role === Role.ADMIN || (role === Role.WRITER && userId !== '')) return;
  throw new ServiceError('ROLE_DENIED', 'the settings of the workspace are for its admin keys', {
    metadata: { role: roleName(role), needed: 'admin' },
  });
}

export function settingNotFound(): ServiceError {
  return new ServiceError('SETTING_NOT_FOUND', 'there is no such setting, or none that this key reaches');
}
