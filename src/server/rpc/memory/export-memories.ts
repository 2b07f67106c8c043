import {
  type ExportMemoriesRequest,
  type ExportMemoriesResponse,
  MemoryServiceService,
} from '../../../shared/gen/memoryhub/v1/memory_service.ts';
import { timestampFromMicros } from '../../../shared/time.ts';
import type { ExportProgress } from '../../domain/export-memories.ts';
import type { MemoryService } from '../../domain/memory-service.ts';
import type { Call, EncodedMessage, StreamMethod } from '../method.ts';
import { READERS } from './answers.ts';
import { chunkMessage } from './chunk-message.ts';
import { type Chunk, ExportChunks } from './export-chunks.ts';
import { rowFormat } from './export-formats.ts';

/** Version of the row formats: raised when a field changes its meaning, not when one is added. */
const SCHEMA_VERSION = 1;

export function exportMemories(service: MemoryService): StreamMethod<ExportMemoriesRequest, ExportMemoriesResponse> {
  return {
    definition: MemoryServiceService.exportMemories,
    roles: READERS,
    handle: (call, request) => messages(service, call, request),
  };
}

/** A header, chunks, a trailer; resumed parts too, and their trailer is that of the whole. */
async function* messages(
  service: MemoryService,
  call: Call,
  request: ExportMemoriesRequest,
): AsyncGenerator<ExportMemoriesResponse | EncodedMessage, void> {
  if (request.revealSensitive) call.answersInClear();
  const running = service.export(call, request);
  const start = await running.start();
  yield header(start);
  const message = (chunk: Chunk) => {
    const resumeToken = running.tokenAt(chunk.progress);
    call.offerResumeToken(resumeToken);
    return chunkMessage(chunk.out, chunk.rows, resumeToken);
  };
  const { head, write } = rowFormat(request.format);
  const chunks = new ExportChunks(head, start, running.resumed);
  for await (const rows of running.pages(start, write)) {
    for (const chunk of chunks.add(rows)) yield message(chunk);
  }
  for (const chunk of chunks.flush()) yield message(chunk);
  const { rows, digest } = chunks.progress;
  yield { event: { $case: 'trailer', value: { count: BigInt(rows), digest: Buffer.from(digest) } } };
}

function header({ revision, time, rowEstimate, rows }: ExportProgress): ExportMemoriesResponse {
  return {
    event: {
      $case: 'header',
      value: {
        revision: BigInt(revision),
        schemaVersion: SCHEMA_VERSION,
        rowEstimate: BigInt(rowEstimate),
        startTime: timestampFromMicros(time),
        rowsBefore: BigInt(rows),
      },
    },
  };
}
