import type { PurgeReceipt as PurgeReceiptMessage } from '../../../shared/gen/memoryhub/v1/memory_service.ts';
import type { PurgeReceipt } from '../../domain/purge.ts';

export function receiptMessage(receipt: PurgeReceipt): PurgeReceiptMessage {
  const { memories, revisions, contentBytes, requests, dryRun, revision } = receipt;
  return {
    memories: BigInt(memories),
    revisions: BigInt(revisions),
    contentBytes: BigInt(contentBytes),
    requests: BigInt(requests),
    dryRun,
    revision: BigInt(revision),
  };
}
