import { Role } from '../../src/server/domain/principal.ts';

/**
 * The roles that the comment of an RPC names. "Role: reader." means the lowest of three that each may do
 * what the one before may; others are listed.
 */
export function rolesIn(comment: string): Role[] {
  const text = /Role: (.*?)\.$/.exec(comment)?.[1] ?? '';
  if (text === 'reader') return [Role.READER, Role.WRITER, Role.ADMIN];
  if (text === 'writer') return [Role.WRITER, Role.ADMIN];
  const names = text.replace(/ \([^)]*\)/g, '').split(', ');
  return names.map((name) => Role[name.toUpperCase() as keyof typeof Role]).toSorted();
}
