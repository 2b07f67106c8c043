import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { KEY_FILES } from '../shared/discovery.ts';
import { UNBOUND } from './domain/access.ts';
import type { AdminRepository, Workspace } from './domain/admin-repository.ts';
import type { Act } from './domain/audit.ts';
import { ServiceError } from './domain/errors.ts';
import { Role } from './domain/principal.ts';
import { generateApiKey, parseApiKey } from './security/api-key.ts';

const DEFAULT_WORKSPACE = 'default';

/**
 * Makes what a first start needs: the workspace `default`, its admin key and the server's operator
 * key, each in a file of the data directory that only its owner can read. A file whose key the
 * database does not know (it is another database's) is kept aside as NAME.old.
 *
 * @returns the files that were written
 */
export async function ensureFirstKeys(repository: AdminRepository, dataDir: string): Promise<string[]> {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const workspace = await ensureDefaultWorkspace(repository);
  const written: string[] = [];
  for (const [file, role] of [
    [KEY_FILES.admin, Role.ADMIN],
    [KEY_FILES.operator, Role.OPERATOR],
  ] as const) {
    const path = join(dataDir, file);
    if (existsSync(path)) {
      const known = parseApiKey(readFileSync(path, 'utf8').trim());
      if (known && (await repository.findApiKey(known.id))) continue;
      writeFileSync(`${path}.old`, readFileSync(path), { mode: 0o600 });
    }
    const { id, secretHash, credential } = generateApiKey();
    const isAdmin = role === Role.ADMIN;
    await repository.createApiKey(
      {
        id,
        secretHash,
        role,
        name: isAdmin ? 'admin' : 'operator',
        workspaceId: isAdmin ? workspace.id : 0,
        access: UNBOUND,
      },
      byItself('CreateApiKey', isAdmin ? workspace.id : 0, id),
    );
    writeFileSync(path, `${credential}\n`, { mode: 0o600 });
    written.push(path);
  }
  return written;
}

/** What the server does without being asked is in the audit trail too. */
function byItself(action: string, workspaceId: number, target: string): Act {
  return { keyId: '', actor: 'the first start', peer: '', callId: '', action, workspaceId, target };
}

async function ensureDefaultWorkspace(repository: AdminRepository): Promise<Workspace> {
  const there = await repository.findWorkspace(DEFAULT_WORKSPACE);
  if (there) return there;
  try {
    return await repository.createWorkspace(
      DEFAULT_WORKSPACE,
      'made by the first start',
      byItself('CreateWorkspace', 0, DEFAULT_WORKSPACE),
    );
  } catch (error) {
    // Another server that starts at the same moment was first.
    const meanwhile = error instanceof ServiceError ? await repository.findWorkspace(DEFAULT_WORKSPACE) : undefined;
    if (meanwhile) return meanwhile;
    throw error;
  }
}
