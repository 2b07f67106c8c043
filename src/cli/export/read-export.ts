import { hash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import { Backoff } from '../../shared/backoff.ts';
import type { ExportFormat } from '../../shared/gen/memoryhub/v1/memory_service.ts';
import { toRpcError } from '../../shared/rpc-error.ts';
import type { MemoryHub } from '../../shared/service-client.ts';
import { CommandFailure } from '../failure.ts';

const UNAVAILABLE = 14;
/** Tries in a row without a single chunk between them. */
const MAX_TRIES = 8;

export interface ExportWishes {
  readonly filter: string;
  readonly format: ExportFormat;
  readonly showDeleted: boolean;
}

export interface ExportSummary {
  readonly count: number;
  readonly revision: number;
  /** SHA-256 chain over the chunks, hexadecimal. */
  readonly digest: string;
}

/**
 * Reads a whole export. Every chunk is checked against its crc32 before it is given out, and the
 * whole against the trailer's digest; a server that goes away is taken up again where it broke off.
 *
 * @throws CommandFailure when what arrived is not what was sent, RpcError for everything else
 */
export async function readExport(
  hub: MemoryHub,
  wishes: ExportWishes,
  sink: { onHeader(rowEstimate: number): void; onChunk(data: Uint8Array, rows: number): Promise<void> },
): Promise<ExportSummary> {
  let resumeToken = '';
  let digest: Buffer = Buffer.alloc(32);
  let rows = 0;
  let revision = 0;
  const backoff = new Backoff();
  for (;;) {
    try {
      for await (const { event } of hub.memories.exportMemories({ ...wishes, resumeToken })) {
        if (event?.$case === 'header') {
          revision = Number(event.value.revision);
          sink.onHeader(Number(event.value.rowEstimate));
        } else if (event?.$case === 'chunk') {
          const { data, crc32: expected } = event.value;
          if (crc32(data) !== expected)
            throw new CommandFailure('a chunk of the export arrived damaged (its crc32 differs)');
          digest = hash('sha256', Buffer.concat([digest, hash('sha256', data, 'buffer')]), 'buffer');
          rows += Number(event.value.rows);
          await sink.onChunk(data, rows);
          resumeToken = event.value.resumeToken;
          backoff.reset();
        } else if (event?.$case === 'trailer') {
          const { count, digest: expected } = event.value;
          if (Number(count) !== rows || !digest.equals(expected))
            throw new CommandFailure('the export is not whole: count or digest differ from the trailer');
          return { count: rows, revision, digest: digest.toString('hex') };
        }
      }
      throw new CommandFailure('the export ended without its trailer: it is not whole');
    } catch (error) {
      const isResumable =
        !(error instanceof CommandFailure) && toRpcError(error).code === UNAVAILABLE && resumeToken !== '';
      if (!isResumable || backoff.attempts >= MAX_TRIES) throw error;
      await sleep(backoff.next());
    }
  }
}
