import type { Workspace } from '../domain/admin-repository.ts';
import type { Clock } from '../domain/call-context.ts';
import { Role } from '../domain/principal.ts';
import type { Settings } from '../settings.ts';
import { KeySet } from './key-set.ts';
import { TokenVerifier } from './token-verifier.ts';

export interface IssuerParts {
  readonly clock: Clock;
  readonly findWorkspace: (name: string) => Promise<Workspace | undefined>;
  readonly log: { warn(fields: object, text: string): void; info(text: string): void };
}

/** Tokens of the issuer that the settings name. */
export interface Issuer {
  readonly verifier: TokenVerifier;
  close(): void;
}

/** Without a map the values are the roles' own names, the mightiest first. */
const ROLE_NAMES: ReadonlyMap<string, Role> = new Map([
  ['operator', Role.OPERATOR],
  ['admin', Role.ADMIN],
  ['writer', Role.WRITER],
  ['reader', Role.READER],
  ['monitor', Role.MONITOR],
]);

/**
 * Makes ready for tokens; undefined when the settings name no issuer. A key set in a file is read at
 * once, so that a wrong one stops the start; an issuer that is away does not.
 *
 * @throws Error naming the file and what is wrong with it
 */
export async function openIssuer(settings: Settings, parts: IssuerParts): Promise<Issuer | undefined> {
  const { oidc_issuer: issuer, oidc_audience: audience = [], oidc_keys: source } = settings;
  if (issuer === undefined) return undefined;
  const { clock, findWorkspace, log } = parts;
  let verifier: TokenVerifier | undefined;
  const keys = new KeySet({
    issuer,
    source,
    failed: (error) =>
      log.warn({ err: error }, "the issuer's keys cannot be read; those that are known stay good for a day"),
    changed: () => {
      verifier?.clear();
      log.info("the issuer's keys have changed");
    },
  });
  verifier = new TokenVerifier({
    issuer,
    audience,
    workspaceClaim: settings.oidc_workspace_claim,
    workspaces: settings.oidc_workspaces && new Map(settings.oidc_workspaces),
    roleClaim: settings.oidc_role_claim,
    roles: settings.oidc_roles ? new Map(settings.oidc_roles) : ROLE_NAMES,
    userClaim: settings.oidc_user_claim,
    teamsClaim: settings.oidc_teams_claim,
    findKey: keys.find,
    findWorkspace,
    clock,
  });
  if (source !== undefined && !/^https?:/.test(source)) {
    await keys.load().catch((cause: unknown) => {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new Error(`The key set ${source} (MEMORYHUB_OIDC_KEYS) cannot be used: ${why}`, { cause });
    });
  }
  keys.start();
  return { verifier, close: () => keys.stop() };
}
