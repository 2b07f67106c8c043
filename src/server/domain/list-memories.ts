import { LIMITS } from '../../shared/limits.ts';
import type { SensitiveNames } from '../../shared/sensitive-names.ts';
import type { CallContext } from './call-context.ts';
import type { Filter } from './filter/ast.ts';
import { parseFilter } from './filter/parse.ts';
import type { Consistency } from './memory.ts';
import type { RowWriter } from './memory-row.ts';
import { PAGE_BYTES, PageSize, prefetched, readOrder, Turns, tokenContext } from './paging.ts';
import { readConsistency } from './reads.ts';
import type { ListOrder, ListPage, ListPosition, ListQuery, MemoryRepository } from './repository.ts';
import type { ListInput } from './requests.ts';
import type { TokenSealer } from './token.ts';
import { Violations } from './validation/violations.ts';
import type { WrittenRows } from './written-rows.ts';

/** One ListMemories call: checked when it is made, read as its pages are pulled. */
export class MemoryListing {
  readonly #repository: MemoryRepository;
  readonly #tokens: TokenSealer;
  readonly #call: CallContext;
  readonly #filter: Filter | undefined;
  readonly #order: ListOrder;
  readonly #consistency: Consistency;
  readonly #showDeleted: boolean;
  readonly #after: ListPosition | undefined;
  readonly #context: string;
  readonly #size = new PageSize();
  /** Rows still to be given out. */
  #remaining: number;

  /** @throws ServiceError INVALID_FIELD, INVALID_FILTER, INVALID_TOKEN */
  constructor(
    repository: MemoryRepository,
    tokens: TokenSealer,
    call: CallContext,
    request: ListInput,
    names: SensitiveNames,
  ) {
    const violations = new Violations();
    violations.within('limit', request.limit, LIMITS.listLimit);
    this.#consistency = readConsistency(violations, request);
    this.#order = readOrder(violations, request.orderBy);
    violations.check();
    this.#filter = parseFilter(request.filter, names);
    this.#repository = repository;
    this.#tokens = tokens;
    this.#call = call;
    this.#showDeleted = request.showDeleted;
    this.#remaining = request.limit === 0 ? Number.POSITIVE_INFINITY : request.limit;
    this.#context = tokenContext('ListMemories', call, [request.filter, this.#order, request.showDeleted]);
    this.#after = request.pageToken === '' ? undefined : this.#open(request.pageToken);
  }

  /**
   * The pages in order. A page may be empty and have a next one, when no memory that was looked at
   * matches. The last page has a `next` only when the limit ended the list.
   *
   * @param write how each memory is written; a page's rows are there until the next one is asked for
   */
  pages(write: RowWriter): AsyncGenerator<ListPage, void> {
    const turns = new Turns(write);
    return prefetched(
      () => this.#read(this.#after, turns.next()),
      (page) => {
        this.#remaining -= page.rows.count;
        this.#size.learn(page.rows);
        return page.next === undefined || this.#remaining <= 0 ? undefined : this.#read(page.next, turns.next());
      },
    );
  }

  /** Where the list goes on behind this row. */
  tokenAfter(rows: WrittenRows, index: number): string {
    const at = this.#order.by === 'create_time' ? rows.createTime(index) : rows.changeNo(index);
    return this.tokenAt({ at, id: rows.id(index) });
  }

  tokenAt({ at, id }: ListPosition): string {
    return this.#tokens.seal(Buffer.from(JSON.stringify([at, id])), this.#context);
  }

  #open(token: string): ListPosition {
    const [at, id] = JSON.parse(Buffer.from(this.#tokens.open(token, this.#context, 'page_token')).toString());
    return { at, id };
  }

  #read(after: ListPosition | undefined, into: WrittenRows): Promise<ListPage> {
    const query: ListQuery = {
      workspaceId: this.#call.workspaceId,
      access: this.#call.access,
      filter: this.#filter,
      order: this.#order,
      after,
      pageSize: Math.min(this.#size.rows, this.#remaining),
      pageBytes: PAGE_BYTES,
      showDeleted: this.#showDeleted,
      consistency: this.#consistency,
    };
    return this.#repository.list(this.#call, query, into);
  }
}
