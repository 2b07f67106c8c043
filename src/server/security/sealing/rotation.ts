import { setTimeout as sleep } from 'node:timers/promises';
import { actOf } from '../../domain/audit.ts';
import type { AuditLog } from '../../domain/audit-log.ts';
import { invalidFields } from '../../domain/errors.ts';
import { dataKeyContext } from '../../domain/sealing/data-key-store.ts';
import type { ExistingSecrets } from '../../domain/sealing/existing-secrets.ts';
import type {
  RotatingCall,
  RotationProgress,
  RotationRequest,
  SealingRotation,
} from '../../domain/sealing/rotation.ts';
import type { SealedRows } from '../../domain/sealing/sealed-rows.ts';
import { toSealingError } from './data-keys.ts';
import type { Sealing } from './sealing.ts';
import { generationOf } from './value-sealer.ts';

const PAGE_ROWS = 200;
/** Every process has polled the generation by then, and seals with the newest key. */
const ALL_POLLED_MS = 1_500;

/**
 * Puts every data key under the keyring's first key, and with `reseal` every sealed value under a new
 * data key, while the server works: what is wrapped or sealed with older keys opens all the time. It
 * can be broken off and begun again at any point.
 */
export class KeyRotation implements SealingRotation {
  readonly #sealing: Sealing;
  readonly #rows: SealedRows;
  readonly #audit: AuditLog;
  readonly #existing: ExistingSecrets;

  constructor(sealing: Sealing, rows: SealedRows, existing: ExistingSecrets, audit: AuditLog) {
    this.#sealing = sealing;
    this.#existing = existing;
    this.#rows = rows;
    this.#audit = audit;
  }

  async *rotate(call: RotatingCall, request: RotationRequest): AsyncGenerator<RotationProgress, void> {
    const { makeKey } = this.#sealing.encryption;
    if (request.newKey && makeKey === undefined) {
      const description =
        'is set, and the keyring of this server is kept by somebody else: put the new key first into the keyring of every server, then rotate without it';
      throw invalidFields([{ field: 'new_key', description }]);
    }
    const { newKey, reseal, sealExisting } = request;
    const details = { new_key: newKey, reseal, seal_existing: sealExisting };
    await this.#audit.record(actOf(call, { action: 'RotateSealingKeys', workspaceId: 0, target: '', details }));
    try {
      await this.#sealing.encryption.reload();
      if (newKey) await makeKey?.();
      let last = { keyId: this.#sealing.encryption.currentKey, wrapped: 0, resealed: 0, sealed: 0 };
      for await (last of rotate(this.#sealing, this.#rows, reseal, call.signal)) yield last;
      if (!sealExisting) return;
      for await (const sealed of this.#existing.seal(call.signal)) yield { ...last, sealed };
    } catch (error) {
      throw toSealingError(error);
    }
  }
}

async function* rotate(
  sealing: Sealing,
  rows: SealedRows,
  reseal: boolean,
  signal: AbortSignal,
): AsyncGenerator<RotationProgress, void> {
  const { encryption, store } = sealing;
  const keyId = encryption.currentKey;
  let wrapped = 0;
  let resealed = 0;
  // Before anything is wrapped with it, so that every process has read the new key when it meets it.
  await store.bumpGeneration();
  for (const key of await store.all()) {
    signal.throwIfAborted();
    if (key.kekId === keyId) continue;
    const bytes = await encryption.unwrap(key, dataKeyContext(key));
    if (await store.replace(key, await encryption.wrap(bytes, dataKeyContext(key)))) wrapped += 1;
  }
  sealing.clear();
  await store.bumpGeneration();
  yield { wrapped, resealed, keyId, sealed: 0 };
  if (!reseal) return;

  const workspaces = new Set((await store.all()).map(({ workspaceId }) => workspaceId));
  for (const workspaceId of workspaces) await sealing.keys.makeNext(workspaceId);
  sealing.clear();
  await store.bumpGeneration();
  await sleep(ALL_POLLED_MS, undefined, { signal });
  for (const workspaceId of workspaces) {
    for (const table of rows.tables) {
      let after: string | undefined;
      do {
        signal.throwIfAborted();
        const page = await rows.page(table, workspaceId, after, PAGE_ROWS);
        for (const row of page) {
          if (await resealRow(sealing, rows, workspaceId, row)) resealed += 1;
        }
        after = page.length < PAGE_ROWS ? undefined : page.at(-1)?.position;
        yield { wrapped, resealed, keyId, sealed: 0 };
      } while (after !== undefined);
    }
  }
}

type Row = Awaited<ReturnType<SealedRows['page']>>[number];

async function resealRow(sealing: Sealing, rows: SealedRows, workspaceId: number, row: Row): Promise<boolean> {
  const { newest } = await sealing.keys.of(workspaceId);
  const old = Object.entries(row.sealed).filter(([, text]) => generationOf(text) !== newest);
  if (old.length === 0) return false;
  const inputs = old.map(([key, text]) => ({ row: row.row, key, text }));
  const texts = await sealing.sealer.open(workspaceId, inputs, undefined);
  const again = await sealing.sealer.seal(
    workspaceId,
    inputs.map((input, index) => ({ ...input, text: texts[index] as string })),
  );
  const sealed = { ...row.sealed };
  inputs.forEach(({ key }, index) => {
    sealed[key] = again[index] as string;
  });
  return rows.replace(workspaceId, row, sealed);
}
