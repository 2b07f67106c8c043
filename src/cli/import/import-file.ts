import { createHash, hash, randomUUID } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { UNBOUND } from '../../server/domain/access.ts';
import { readSave } from '../../server/domain/changes.ts';
import { ServiceError } from '../../server/domain/errors.ts';
import { Violations } from '../../server/domain/validation/violations.ts';
import type { Memory } from '../../shared/gen/memoryhub/v1/memory.ts';
import { memoryFromJson } from '../../shared/memory-json.ts';
import type { RpcError } from '../../shared/rpc-error.ts';
import type { MemoryHub } from '../../shared/service-client.ts';
import { readLines } from './lines.ts';
import { parseMapping } from './mapping.ts';

/** Batches go out when either is reached: far below the limit of a unary message, and large enough to fill it with rows. */
const BATCH_MEMORIES = 500;
const BATCH_BYTES = 1024 * 1024;
/** Batches under way at once: one is written while the next travels. */
const IN_FLIGHT = 2;

export interface BadLine {
  readonly line: number;
  readonly problem: string;
}

/** What the first reading of a file found; nothing was sent yet. */
export interface CheckedFile {
  /** Lines that hold a memory. */
  readonly memories: number;
  readonly bad: readonly BadLine[];
  /** SHA-256 of the file and of the rules it is read by: what the ids of an import are derived from. */
  readonly digest: string;
}

export interface ImportOptions {
  readonly file: FileHandle;
  /** `--map` rules. */
  readonly map: readonly string[];
  readonly note: string;
  /** Saves once more what the same import saved in the last 24 hours, over what was changed since. */
  readonly again: boolean;
}

/** What became of the memories that were sent. */
export interface Imported {
  /** Those that were saved now. */
  readonly saved: number;
  /** Those an earlier run of the same import had saved: they were left as they are now. */
  readonly before: number;
}

/** Reads every line and checks it by the server's own rules. */
export async function checkFile(options: ImportOptions, maxBad: number): Promise<CheckedFile> {
  const fileHash = createHash('sha256');
  const bad: BadLine[] = [];
  let memories = 0;
  const reader = lineReader(options.map);
  for await (const { number, bytes } of readLines(options.file, (chunk) => fileHash.update(chunk))) {
    if (bytes.length === 0) continue;
    const result = reader(bytes);
    if (typeof result !== 'string') memories++;
    else if (bad.push({ line: number, problem: result }) >= maxBad) break;
  }
  const digest = hash('sha256', JSON.stringify([fileHash.digest('hex'), options.map, options.note]));
  return { memories, bad, digest };
}

/**
 * Sends every good line through BatchSaveMemories. Ids of requests and of memories that bring none
 * are derived from the file's digest and the line, so that running it again doubles nothing.
 *
 * @throws ImportStopped when the server refuses a batch; the batches before it stay
 */
export async function importFile(
  hub: MemoryHub,
  options: ImportOptions,
  digest: string,
  onProgress: (memories: number) => void,
): Promise<Imported> {
  const reader = lineReader(options.map);
  const underWay = new Set<Promise<void>>();
  let failure: unknown;
  let [saved, before] = [0, 0];
  const requests = options.again ? randomUUID() : digest;
  let batch: Memory[] = [];
  let lines: number[] = [];
  let bytesInBatch = 0;
  const send = async () => {
    const [memories, numbers] = [batch, lines];
    [batch, lines, bytesInBatch] = [[], [], 0];
    if (underWay.size >= IN_FLIGHT) await Promise.race(underWay);
    if (failure || memories.length === 0) return;
    const request = { memories, note: options.note, requestId: derivedId(requests, 'request', numbers[0] ?? 0) };
    const call = hub.memories.batchSaveMemories(request, { deadlineMs: 120_000 }).then(
      ({ replayed }) => {
        if (replayed) before += memories.length;
        else saved += memories.length;
        onProgress(saved + before);
      },
      (error: RpcError) => {
        failure ??= new ImportStopped(error, numbers, { saved, before });
      },
    );
    const tracked = call.finally(() => underWay.delete(tracked));
    underWay.add(tracked);
  };
  for await (const { number, bytes } of readLines(options.file)) {
    if (failure) break;
    const memory = bytes.length === 0 ? '' : reader(bytes);
    if (typeof memory === 'string') continue;
    if (memory.id === '' && memory.key === '') memory.id = derivedId(digest, 'memory', number);
    batch.push(memory);
    lines.push(number);
    bytesInBatch += bytes.length;
    if (batch.length >= BATCH_MEMORIES || bytesInBatch >= BATCH_BYTES) await send();
  }
  await send();
  await Promise.all(underWay);
  if (failure) throw failure;
  return { saved, before };
}

/** The server refused a batch. */
export class ImportStopped extends Error {
  override readonly name = 'ImportStopped';
  readonly rpcError: RpcError;
  /** The line at fault, where the server named an item; else the first of the batch. */
  readonly line: number;
  readonly imported: Imported;

  constructor(error: RpcError, lines: readonly number[], imported: Imported) {
    super(error.message, { cause: error });
    this.rpcError = error;
    this.line = lines[Number(error.metadata.index ?? 0)] ?? lines[0] ?? 0;
    this.imported = imported;
  }
}

/** From a line's bytes to a memory, or to what is wrong with it. */
function lineReader(map: readonly string[]): (bytes: Buffer) => Memory | string {
  const mapping = parseMapping(map);
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const caller = { access: UNBOUND, workspace: '' };
  return (bytes) => {
    try {
      const json: unknown = JSON.parse(decoder.decode(bytes));
      if (typeof json !== 'object' || json === null || Array.isArray(json)) return 'is not a JSON object';
      const memory = memoryFromJson(mapping(json as Record<string, unknown>));
      const violations = new Violations();
      readSave(violations, caller, 'memory', memory, false, Date.now() * 1000);
      violations.check();
      return memory;
    } catch (error) {
      if (error instanceof ServiceError)
        return error.violations
          .map(({ field, description }) => `${field.replace(/^memory\./, '')} ${description}`)
          .join('; ');
      if (error instanceof SyntaxError) return 'is not JSON';
      return error instanceof TypeError ? 'is not UTF-8' : (error as Error).message;
    }
  };
}

/** A UUIDv8 (RFC 9562) from SHA-256 of its parts. */
function derivedId(digest: string, kind: string, line: number): string {
  const hex = hash('sha256', JSON.stringify(['memory-hub import', digest, kind, line]));
  const variant = ((Number.parseInt(hex[16] ?? '0', 16) & 3) | 8).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
