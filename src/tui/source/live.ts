import type { ClientReadableStream } from '@grpc/grpc-js';
import { Backoff } from '../../shared/backoff.ts';
import { type ConnectOptions, connect } from '../../shared/client.ts';
import { StatsServiceClient, type WatchStatsResponse } from '../../shared/gen/memoryhub/v1/stats_service.ts';
import { toRpcError } from '../../shared/rpc-error.ts';
import { durationFromMs } from '../../shared/time.ts';
import type { Problem } from '../state/connection.ts';
import type { SourceEvent } from '../state/event.ts';
import { EventQueue } from './event-queue.ts';
import { problemOf } from './problem.ts';
import type { Source, SourceSettings } from './source.ts';

export interface LiveSourceOptions extends ConnectOptions {
  readonly settings: SourceSettings;
  /** How much of the past to ask for, up to 120,000. Milliseconds. */
  readonly replayMs?: number;
  readonly backoff?: Backoff;
  readonly clock?: () => number;
}

/** A stream that brings nothing for so many intervals, and at least this long, is taken for dead. */
const SILENT_INTERVALS = 5;
const SILENT_MIN_MS = 5000;
const MAX_REPLAY_MS = 120_000;
const TOTALS_EVERY_MS = 10_000;

/** One server, watched for ever: a stream that ends is begun again after a growing wait. */
export class LiveSource implements Source {
  readonly target: string;
  readonly live = true;
  readonly #options: LiveSourceOptions;
  readonly #backoff: Backoff;
  readonly #clock: () => number;
  readonly #queue = new EventQueue<SourceEvent>();
  #settings: SourceSettings;
  #client: StatsServiceClient | undefined;
  #stream: ClientReadableStream<WatchStatsResponse> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #totalsTimer: NodeJS.Timeout | undefined;
  #ended = false;

  constructor(options: LiveSourceOptions) {
    this.target = options.address;
    this.#options = options;
    this.#settings = options.settings;
    this.#backoff = options.backoff ?? new Backoff();
    this.#clock = options.clock ?? Date.now;
  }

  async *events(signal: AbortSignal): AsyncGenerator<SourceEvent, void, undefined> {
    const end = () => this.#end();
    signal.addEventListener('abort', end, { once: true });
    if (signal.aborted) end();
    else this.#open();
    try {
      yield* this.#queue;
    } finally {
      signal.removeEventListener('abort', end);
      end();
    }
  }

  configure(settings: SourceSettings): void {
    const same =
      settings.intervalMs === this.#settings.intervalMs &&
      settings.detailMethods.join() === this.#settings.detailMethods.join();
    this.#settings = settings;
    // Between two attempts the next one takes the new settings anyway.
    if (!same && this.#stream !== undefined) this.#open();
    // On the new connection: the old one took its calls with it.
    this.#keepTotals();
  }

  retryNow(): void {
    if (this.#ended || this.#stream !== undefined) return;
    this.#backoff.reset();
    this.#open();
  }

  /** Asks for the totals now and every few seconds, for as long as they are wanted. */
  #keepTotals(): void {
    const wanted = this.#settings.totals === true && !this.#ended;
    if (wanted === (this.#totalsTimer !== undefined)) return;
    clearInterval(this.#totalsTimer);
    this.#totalsTimer = wanted ? setInterval(() => this.#askTotals(), TOTALS_EVERY_MS) : undefined;
    if (wanted) this.#askTotals();
  }

  #askTotals(): void {
    // What went wrong, the stream tells.
    this.#client?.getStats({}, (error, answer) => {
      if (error === null && answer.totals !== undefined) this.#queue.push({ kind: 'totals', totals: answer.totals });
    });
  }

  /** Begins a stream in place of any other. The replay fills what went by in between. */
  #open(): void {
    this.#close();
    // A channel has a back-off of its own between connections; a new one dials at once.
    const client = connect(StatsServiceClient, {
      ...this.#options,
      channel: { ...this.#options.channel, 'grpc.use_local_subchannel_pool': 1, 'grpc.max_receive_message_length': -1 },
    });
    const { intervalMs, detailMethods } = this.#settings;
    const stream = client.watchStats({
      interval: durationFromMs(intervalMs),
      replay: durationFromMs(this.#options.replayMs ?? MAX_REPLAY_MS),
      methods: [],
      detailMethods: [...detailMethods],
    });
    this.#client = client;
    this.#stream = stream;
    this.#expectData();
    let first = true;
    stream.on('data', ({ frame }: WatchStatsResponse) => {
      if (this.#stream !== stream || frame === undefined) return;
      if (first) this.#queue.push({ kind: 'connection', connection: { phase: 'live' } });
      first = false;
      this.#backoff.reset();
      this.#expectData();
      this.#queue.push({ kind: 'frame', frame, receivedMs: this.#clock() });
    });
    // grpc-js reports the end of a failed stream as an error, that of a finished one by `end` alone.
    stream.on('error', (error) => {
      if (this.#stream === stream) this.#fail(problemOf(toRpcError(error), this.#options.credential !== undefined));
    });
    stream.on('end', () => {
      setImmediate(() => {
        if (this.#stream === stream) this.#fail({ code: 'UNAVAILABLE', text: 'the server ended the stream' });
      });
    });
  }

  /** (Re)starts the watch over a server that accepted the stream and says nothing. */
  #expectData(): void {
    clearTimeout(this.#timer);
    const silentMs = Math.max(SILENT_MIN_MS, SILENT_INTERVALS * this.#settings.intervalMs);
    this.#timer = setTimeout(() => {
      this.#fail({ code: 'UNAVAILABLE', text: `no data for ${Math.round(silentMs / 1000)}s` });
    }, silentMs);
  }

  #fail(problem: Problem): void {
    this.#close();
    const waitMs = this.#backoff.next();
    const retryAtMs = this.#clock() + waitMs;
    this.#queue.push({ kind: 'connection', connection: { phase: 'retrying', problem, retryAtMs } });
    this.#timer = setTimeout(() => this.#open(), waitMs);
  }

  #close(): void {
    clearTimeout(this.#timer);
    const stream = this.#stream;
    this.#stream = undefined;
    // Cancelling ends a stream with an error that nobody waits for any more.
    stream?.on('error', () => {});
    stream?.cancel();
    this.#client?.close();
    this.#client = undefined;
  }

  #end(): void {
    this.#ended = true;
    this.#keepTotals();
    this.#close();
    this.#queue.close();
  }
}
