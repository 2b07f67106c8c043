import type { Access } from './access.ts';

/** The numbers of the contract's Role, which are also what the database keeps. */
export const Role = { READER: 1, WRITER: 2, ADMIN: 3, MONITOR: 4, OPERATOR: 5 } as const;
export type Role = (typeof Role)[keyof typeof Role];

const ROLE_NAMES = new Map<number, string>(Object.entries(Role).map(([name, role]) => [role, name.toLowerCase()]));

/** "reader". */
export function roleName(role: Role): string {
  return ROLE_NAMES.get(role) ?? 'unknown';
}

/** Who calls, from where: what an account of an administrative act is made of. */
export interface Caller {
  readonly principal: Principal;
  /** Its address without the port. */
  readonly peer: string;
  /** x-request-id. */
  readonly callId: string;
}

/**
 * Why a credential was refused, for the audit trail; the cause of the ServiceError, which its caller is
 * not told.
 */
export class CredentialRefusal {
  /** One word: "unknown", "secret", "revoked", "expired", ... */
  readonly why: string;
  /** Whose it was: only when the secret was the right one. */
  readonly principal: Principal | undefined;

  constructor(why: string, principal?: Principal) {
    this.why = why;
    this.principal = principal;
  }
}

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
