import { randomBytes } from 'node:crypto';
import type { ConnectOptions } from '../../shared/client.ts';
import { View } from '../../shared/gen/memoryhub/v1/memory.ts';
import { toRpcError } from '../../shared/rpc-error.ts';
import type { CallSettings } from '../../shared/service-api.ts';
import { MemoryHub } from '../../shared/service-client.ts';
import type { MemoryAnswer } from '../state/memories/answer.ts';
import { PAGE_ROWS } from '../state/memories/browser.ts';
import { type MemoryWant, REVISION_ROWS } from '../state/memories/wants.ts';
import { revisionRowOf, rowOf } from './memory-rows.ts';
import { memoryProblemOf } from './problem.ts';
import { readSettings } from './settings.ts';

/** A list over a filter without an index may take its time; nobody waits longer at a screen. */
const DEADLINE_MS = 15_000;

/** What came of a call, before it is known how long it took. */
type Outcome = MemoryAnswer extends infer Answer ? (Answer extends MemoryAnswer ? Omit<Answer, 'call'> : never) : never;

/**
 * Reads memories for the browser: one call for each thing that is wanted, none for what nobody wants
 * any more. It only reads, and holds nothing.
 */
export class MemoriesSource {
  readonly #options: ConnectOptions;
  readonly #answer: (answer: MemoryAnswer) => void;
  readonly #running = new Map<string, AbortController>();
  #hub: MemoryHub | undefined;
  #address: string;
  #closed = false;

  constructor(options: ConnectOptions, answer: (answer: MemoryAnswer) => void) {
    this.#options = options;
    this.#address = options.address;
    this.#answer = answer;
  }

  /**
   * Begins what is wanted and not under way, and ends what is not wanted any more.
   *
   * @param address of the server that is asked, where it is another than the first
   */
  serve(wants: readonly MemoryWant[], address = this.#options.address): void {
    if (this.#closed) return;
    if (address !== this.#address) this.#turnTo(address);
    const keys = new Set(wants.map(({ key }) => key));
    for (const [key, running] of this.#running) if (!keys.has(key)) this.#end(key, running);
    for (const want of wants) if (!this.#running.has(want.key)) void this.#run(want);
  }

  #turnTo(address: string): void {
    for (const [key, running] of this.#running) this.#end(key, running);
    this.#hub?.close();
    this.#hub = undefined;
    this.#address = address;
  }

  close(): void {
    this.#closed = true;
    for (const [key, running] of this.#running) this.#end(key, running);
    this.#hub?.close();
  }

  #end(key: string, running: AbortController): void {
    this.#running.delete(key);
    running.abort();
  }

  async #run(want: MemoryWant): Promise<void> {
    const running = new AbortController();
    this.#running.set(want.key, running);
    const traceId = randomBytes(16).toString('hex');
    const startedAt = performance.now();
    const outcome = await this.#outcome(want, traceId, running.signal);
    if (running.signal.aborted) return;
    this.#running.delete(want.key);
    const call = { what: whatOf(want), ms: performance.now() - startedAt, traceId, server: this.#address };
    this.#answer({ ...outcome, call } as MemoryAnswer);
  }

  async #outcome(want: MemoryWant, traceId: string, signal: AbortSignal): Promise<Outcome> {
    const settings = {
      signal,
      deadlineMs: DEADLINE_MS,
      metadata: { traceparent: `00-${traceId}-${randomBytes(8).toString('hex')}-01` },
    };
    try {
      return await this.#ask(want, settings);
    } catch (error) {
      const failure = toRpcError(error);
      return { kind: 'failed', want, problem: memoryProblemOf(failure), reason: failure.reason };
    }
  }

  async #ask(want: MemoryWant, settings: CallSettings): Promise<Outcome> {
    this.#hub ??= new MemoryHub({ ...this.#options, address: this.#address });
    const { memories } = this.#hub;
    switch (want.kind) {
      case 'page': {
        const { filter, orderBy, token, withText } = want;
        const view = withText ? View.FULL : View.BASIC;
        const request = { filter, orderBy, pageToken: token, limit: PAGE_ROWS, view };
        const rows = [];
        let next = '';
        try {
          // Only the head of a text is kept: a page of whole ones may have 25 MB.
          for await (const message of memories.listMemories(request, settings)) {
            for (const memory of message.memories) rows.push(rowOf(memory, withText));
            next = message.nextPageToken;
          }
        } catch (error) {
          // A search that takes long is taken up where it was: that far it is a page, though a short one.
          if (next === '' || toRpcError(error).codeName !== 'DEADLINE_EXCEEDED') throw error;
        }
        return { kind: 'page', want, rows, next };
      }
      case 'memory': {
        const target = { $case: 'id' as const, value: want.id };
        const view = want.withText ? View.FULL : View.BASIC;
        return {
          kind: 'memory',
          want,
          memory: await memories.getMemory({ target, view, showDeleted: true }, settings),
        };
      }
      case 'revisions': {
        const request = { memoryId: want.id, limit: REVISION_ROWS, pageToken: want.token };
        const rows = [];
        let next = '';
        for await (const message of memories.listRevisions(request, settings)) {
          for (const revision of message.revisions) rows.push(revisionRowOf(revision));
          next = message.nextPageToken;
        }
        return { kind: 'revisions', want, rows, next };
      }
      case 'revision': {
        const { id, revision } = want;
        const body = await memories.getRevision({ memoryId: id, revision: BigInt(revision) }, settings);
        return { kind: 'revision', want, body };
      }
      case 'settings':
        return { kind: 'settings', want, settings: await readSettings(this.#hub, settings) };
      case 'storage':
        return { kind: 'storage', want, storage: await memories.getStorageInfo({}, settings) };
    }
  }
}

function whatOf(want: MemoryWant): string {
  switch (want.kind) {
    case 'page':
      return `page ${want.index + 1}`;
    case 'memory':
      return 'memory';
    case 'revisions':
      return 'history';
    case 'revision':
      return `revision ${want.revision}`;
    case 'settings':
      return 'settings';
    case 'storage':
      return 'storage';
  }
}
