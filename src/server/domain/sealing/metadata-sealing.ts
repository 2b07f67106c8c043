import { LIMITS } from '../../../shared/limits.ts';
import type { SensitiveNames } from '../../../shared/sensitive-names.ts';
import { actOf } from '../audit.ts';
import type { AuditLog } from '../audit-log.ts';
import type { CallContext } from '../call-context.ts';
import { ServiceError } from '../errors.ts';
import type { JsonObject, Memory } from '../memory.ts';
import { type Caller, Role } from '../principal.ts';
import type { Change, MemoryRepository } from '../repository.ts';
import type { MutationInput } from '../requests.ts';
import { Violations } from '../validation/violations.ts';
import { conceal, placeholdersIn } from './placeholders.ts';
import { digestSensitive, openInto } from './sealed-json.ts';
import type { SealedChange } from './sealed-values.ts';
import type { Sealer, SealInput } from './sealer.ts';

export interface MetadataSealingParts {
  readonly names: SensitiveNames;
  readonly sealer: Sealer;
  readonly audit: AuditLog;
  readonly repository: Pick<MemoryRepository, 'sealedValues'>;
}

/** A call that may ask for secrets: its key's role decides. */
export interface RevealingCall extends CallContext, Caller {}

/** What is needed of a memory to reveal it. */
type Sealable = Pick<Memory, 'id' | 'changeNo' | 'metadata'>;

/** A mutation's changes with everything sensitive sealed, and the request as its hash may know it. */
export interface SealedMutation {
  readonly changes: readonly Change[];
  readonly hashed: object;
}

/**
 * The secrets in the metadata of memories: sealed before they reach the repository, put back only for
 * who asks and may, which is written down first.
 */
export class MetadataSealing {
  readonly #parts: MetadataSealingParts;

  constructor(parts: MetadataSealingParts) {
    this.#parts = parts;
  }

  get names(): SensitiveNames {
    return this.#parts.names;
  }

  /** Whether there is anything to do at all. */
  concerns(changes: readonly Change[]): boolean {
    for (const change of changes) {
      const metadata = change.kind === 'save' || change.kind === 'update' ? change.fields.metadata : undefined;
      if (metadata !== undefined && this.#parts.names.within(metadata)) return true;
    }
    return false;
  }

  /**
   * @param path of a change's metadata in the request, for a refusal
   * @throws ServiceError INVALID_FIELD, and those of Sealer
   */
  async seal(
    workspaceId: number,
    request: MutationInput,
    changes: readonly Change[],
    path: (index: number) => string,
  ): Promise<SealedMutation> {
    const { names, sealer } = this.#parts;
    const violations = new Violations();
    const inputs: SealInput[] = [];
    const concealed = changes.map((change, index) => {
      if ((change.kind !== 'save' && change.kind !== 'update') || !change.fields.metadata) return change;
      const { shown, fresh, kept } = conceal(names, change.fields.metadata);
      if (fresh.length + kept.length === 0) return change;
      violations.within(`${path(index)}.metadata`, fresh.length + kept.length, LIMITS.sealedValues);
      // What is answered must be good to be sent again.
      violations.within(`${path(index)}.metadata`, Buffer.byteLength(JSON.stringify(shown)), LIMITS.metadataBytes);
      const row = { workspaceId, kind: 'memory', row: change.id } as const;
      const sealed: Record<string, string | null> = {};
      for (const key of kept) sealed[key] = null;
      for (const { key, text } of fresh) inputs.push({ row, key, text });
      return { ...change, fields: { ...change.fields, metadata: shown, metadataJson: undefined, sealed } };
    });
    violations.check();
    const ciphertexts = await sealer.seal(workspaceId, inputs);
    const targets = new Map(concealed.map((change) => [change.id, change]));
    inputs.forEach(({ row, key }, index) => {
      const change = targets.get(row.row);
      if (change?.kind !== 'save' && change?.kind !== 'update') return;
      (change.fields.sealed as Record<string, SealedChange[string]>)[key] = ciphertexts[index] as string;
    });
    return { changes: concealed, hashed: await digestSensitive(sealer, names, workspaceId, request) };
  }

  /** @throws ServiceError ROLE_DENIED: the key's role may not see secrets */
  checkMayReveal({ principal: { role } }: RevealingCall): void {
    if (role === Role.WRITER || role === Role.ADMIN) return;
    throw new ServiceError('ROLE_DENIED', 'secrets are revealed to writer and admin keys only', {
      metadata: { role: 'reader', needed: 'writer, admin' },
    });
  }

  /** Writes down that secrets are about to be revealed. */
  async record(call: RevealingCall, action: string, target: string): Promise<void> {
    const { workspaceId } = call;
    await this.#parts.audit.record(actOf(call, { action, workspaceId, target, details: { reveal_sensitive: true } }));
  }

  /** As revealed, written down first when there is anything to reveal. */
  async reveal(call: RevealingCall, memories: readonly Memory[], action: string, target: string): Promise<Memory[]> {
    if (!memories.some(hasPlaceholders)) return [...memories];
    await this.record(call, action, target);
    return this.revealed(call, memories);
  }

  /**
   * The memories with their secrets in clear.
   *
   * @throws ServiceError SEALED_VALUE_UNREADABLE when anything that was sealed cannot be opened
   */
  async revealed<M extends Sealable>(call: CallContext, memories: readonly M[]): Promise<M[]> {
    const { names, sealer, repository } = this.#parts;
    const wanting = memories.filter(hasPlaceholders);
    if (wanting.length === 0) return [...memories];
    const { era } = sealer;
    const sealed = await repository.sealedValues(
      call,
      call.workspaceId,
      wanting.map(({ changeNo }) => changeNo),
    );
    const opened = await openInto(
      sealer,
      call.workspaceId,
      wanting.map(({ id, changeNo, metadata }) => ({
        row: { workspaceId: call.workspaceId, kind: 'memory', row: id } as const,
        shown: metadata as JsonObject,
        sealed: sealed.get(changeNo) ?? {},
      })),
      era,
      (name) => names.has(name),
    );
    const clear = new Map(wanting.map((memory, index) => [memory, opened[index]]));
    return memories.map((memory) => (clear.has(memory) ? { ...memory, metadata: clear.get(memory) } : memory));
  }
}

function hasPlaceholders({ metadata }: Sealable): boolean {
  return metadata !== undefined && placeholdersIn(metadata).length > 0;
}
