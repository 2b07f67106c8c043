import type { Access } from './access.ts';

/** The numbers of the contract's Role, which are also what the database keeps. */
export const Role = { READER: 1, WRITER: 2, ADMIN: 3, MONITOR: 4, OPERATOR: 5 } as const;
export type Role = (typeof Role)[keyof typeof Role];

/** Who calls: a verified credential. */
export interface Principal {
  /** Id of the key. */
  readonly keyId: string;
  /** Name of the key: the author of what it writes. */
  readonly name: string;
  readonly role: Role;
  /** 0 and '' for monitor and operator. */
  readonly workspaceId: number;
  readonly workspace: string;
  readonly access: Access;
}
