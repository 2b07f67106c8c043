import type { Filter } from './filter/ast.ts';
import { parseFilter } from './filter/parse.ts';
import type { RowWriter } from './memory-row.ts';
import { PAGE_BYTES, PageSize, prefetched, Turns, tokenContext } from './paging.ts';
import type { ExportPage, ExportQuery, ExportSnapshot, MemoryRepository } from './repository.ts';
import type { ExportInput } from './requests.ts';
import type { MetadataSealing, RevealingCall } from './sealing/metadata-sealing.ts';
import { RevealedRows } from './sealing/revealed-rows.ts';
import type { TokenSealer } from './token.ts';
import { checkEnum } from './validation/text.ts';
import { Violations } from './validation/violations.ts';
import { WrittenRows } from './written-rows.ts';

/** How far an export has come: all that another process needs to go on. */
export interface ExportProgress extends ExportSnapshot {
  /** About how many rows there were when it began. */
  readonly rowEstimate: number;
  /** The last row that was given out completely. */
  readonly afterId: string | undefined;
  /** Rows given out. */
  readonly rows: number;
  /** Bytes of the row behind `afterId` that were given out; 0 but in the middle of a very large one. */
  readonly partBytes: number;
  /** The chain d = SHA-256(d, SHA-256(chunk)) over the chunks so far, from 32 zero bytes. */
  readonly digest: Uint8Array;
}

const LAST_FORMAT = 3;

/** One ExportMemories call, or the rest of one that broke off. */
export class MemoryExport {
  readonly #repository: MemoryRepository;
  readonly #tokens: TokenSealer;
  readonly #call: RevealingCall;
  readonly #sealing: MetadataSealing;
  readonly #reveal: boolean;
  readonly #filter: Filter | undefined;
  readonly #showDeleted: boolean;
  readonly #resumeToken: string;
  readonly #context: string;

  /** @throws ServiceError ROLE_DENIED, INVALID_FIELD, INVALID_FILTER */
  constructor(
    repository: MemoryRepository,
    tokens: TokenSealer,
    call: RevealingCall,
    request: ExportInput,
    sealing: MetadataSealing,
  ) {
    if (request.revealSensitive) sealing.checkMayReveal(call);
    const violations = new Violations();
    checkEnum(violations, 'format', request.format, LAST_FORMAT);
    violations.check();
    this.#filter = parseFilter(request.filter, sealing.names);
    this.#repository = repository;
    this.#tokens = tokens;
    this.#call = call;
    this.#sealing = sealing;
    this.#reveal = request.revealSensitive;
    this.#showDeleted = request.showDeleted;
    this.#resumeToken = request.resumeToken;
    this.#context = tokenContext('ExportMemories', call, [
      request.filter,
      request.format || 1,
      request.showDeleted,
      // Left out where nothing is revealed, so that tokens of the release before still open.
      ...(request.revealSensitive ? ['reveal'] : []),
    ]);
  }

  get resumed(): boolean {
    return this.#resumeToken !== '';
  }

  /** Where this part begins. @throws ServiceError INVALID_TOKEN */
  async start(): Promise<ExportProgress> {
    if (this.#reveal) await this.#sealing.record(this.#call, 'ExportMemories', '');
    if (this.resumed) return decode(this.#tokens.open(this.#resumeToken, this.#context, 'resume_token'));
    const snapshot = await this.#repository.beginExport(this.#call, this.#call.workspaceId);
    return { ...snapshot, afterId: undefined, rows: 0, partBytes: 0, digest: new Uint8Array(32) };
  }

  /**
   * All rows behind `start`, by id. A page's are there until the next one is asked for, and may be none.
   *
   * @throws ServiceError INVALID_TOKEN: no longer kept
   */
  async *pages(start: ExportProgress, write: RowWriter): AsyncGenerator<WrittenRows, void> {
    const size = new PageSize();
    const secrets = this.#reveal ? new RevealedRows(this.#sealing, this.#call, write) : undefined;
    const turns = new Turns(write);
    const read = (afterId: string | undefined): Promise<ExportPage> => {
      const query: ExportQuery = {
        workspaceId: this.#call.workspaceId,
        access: this.#call.access,
        filter: this.#filter,
        showDeleted: this.#showDeleted,
        revision: start.revision,
        time: start.time,
        afterId,
        pageSize: size.rows,
        pageBytes: PAGE_BYTES,
      };
      const into = secrets === undefined ? turns.next() : new WrittenRows(secrets.keep());
      return this.#repository.exportPage(this.#call, query, into);
    };
    const pages = prefetched(
      () => read(start.afterId),
      (page) => {
        size.learn(page.rows);
        return page.nextId === undefined ? undefined : read(page.nextId);
      },
    );
    for await (const page of pages) yield secrets === undefined ? page.rows : await secrets.revealed(page.rows);
  }

  tokenAt(progress: ExportProgress): string {
    return this.#tokens.seal(encode(progress), this.#context);
  }
}

function encode(progress: ExportProgress): Uint8Array {
  const { revision, time, rowEstimate, afterId = '', rows, partBytes, digest } = progress;
  const chain = Buffer.from(digest).toString('base64url');
  return Buffer.from(JSON.stringify([revision, time, rowEstimate, afterId, rows, partBytes, chain]));
}

function decode(payload: Uint8Array): ExportProgress {
  const [revision, time, rowEstimate, afterId, rows, partBytes, chain] = JSON.parse(Buffer.from(payload).toString());
  const digest = Buffer.from(chain, 'base64url');
  return { revision, time, rowEstimate, afterId: afterId || undefined, rows, partBytes, digest };
}
