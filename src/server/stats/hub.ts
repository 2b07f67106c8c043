import type { StatsFrame, TableStats } from '../../shared/gen/memoryhub/v1/stats_service.ts';
import { appendFrame, emptyFrame } from '../../shared/stats-merge.ts';
import { encodeFrame, responseBytes } from './frame-bytes.ts';
import { ReplayRing } from './replay-ring.ts';
import { Selection } from './selection.ts';
import { WatchClass } from './watch-class.ts';
import { type FrameEncoder, Watcher } from './watcher.ts';

const SECOND_MS = 1000;
const REPLAY_SECONDS = 120;

/** Where the hub gets what happened: a recorder, or several joined. */
export interface StatsSource {
  /** What happened since the last drain; undefined when that is not known yet. */
  drain(): StatsFrame | undefined;
  /** What happened before the first drain, in processes that were there earlier; part of the totals. */
  readonly before?: StatsFrame | undefined;
}

/** What every frame says about the server. */
export type ServerIdentity = Pick<StatsFrame, 'bootId' | 'replica' | 'version' | 'bootTime'> &
  Partial<Pick<StatsFrame, 'configLoadUs'>>;

export interface StatsHubOptions {
  readonly source: StatsSource;
  readonly identity: ServerIdentity;
  /** Told of every second once it is over. */
  readonly second?: (frame: StatsFrame) => void;
  /** Told what went wrong in a timer, where nobody else would catch it. */
  readonly onError: (error: unknown) => void;
  /** For tests that count. */
  readonly encode?: FrameEncoder;
}

/** What a watcher asks for; already validated. */
export interface WatchOptions {
  readonly intervalMs: number;
  readonly replayMs: number;
  readonly methods: readonly string[];
  readonly detailMethods: readonly string[];
}

/**
 * Feeds watchers. Every drain is added to the second under way, and to the stretch of every class
 * of watchers; what they send is therefore the same numbers, cut differently. Without watchers
 * there is one timer, of a second, which keeps the past for those who come.
 */
export class StatsHub {
  readonly #options: StatsHubOptions;
  readonly #encode: FrameEncoder;
  readonly #ring = new ReplayRing(REPLAY_SECONDS);
  readonly #classes = new Map<string, WatchClass>();
  readonly #classTimers = new Map<WatchClass, NodeJS.Timeout>();
  readonly #totals: StatsFrame;
  #second = emptyFrame();
  #lastTables: TableStats[] = [];
  #tick = 0;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: StatsHubOptions) {
    this.#options = options;
    this.#encode = options.encode ?? encodeFrame;
    this.#totals = { ...emptyFrame(), ...options.identity };
  }

  /** Begins to keep the past. */
  start(): void {
    this.#timer ??= setInterval(() => this.#guarded(() => this.#endSecond()), SECOND_MS).unref();
  }

  /** Whether `close` was called: watchers end then. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Everything since the start. */
  totals(): StatsFrame {
    this.#drain();
    const totals = emptyFrame();
    if (this.#options.source.before) appendFrame(totals, this.#options.source.before);
    appendFrame(totals, this.#totals);
    if (this.#second.covered !== undefined) appendFrame(totals, this.#second);
    totals.merged = 1;
    return totals;
  }

  /** The last seconds in one frame: its shares of time and its slowest calls are of these only. */
  recent(seconds: number): StatsFrame {
    const recent = emptyFrame();
    for (const frame of this.#ring.last(seconds)) appendFrame(recent, frame);
    if (this.#second.covered !== undefined) appendFrame(recent, this.#second);
    return recent;
  }

  /**
   * The messages of WatchStats, encoded. A reader that takes its time gets frames merged, so that
   * the sum of what it gets is always the sum of what happened since its first frame began. Ends
   * when `signal` is aborted or the hub closed.
   */
  async *watch(options: WatchOptions, signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
    if (this.#closed || signal.aborted) return;
    const { watcher, watchClass, past } = this.#join(options);
    const end = (): void => watcher.end();
    signal.addEventListener('abort', end);
    let sequence = 0;
    try {
      for (const frame of past) {
        if (signal.aborted) return;
        yield responseBytes(this.#encode({ ...watchClass.selection.of(frame), replayed: true, merged: 1 }), ++sequence);
      }
      for (;;) {
        const bytes = await watcher.next();
        if (bytes === undefined || signal.aborted) return;
        yield responseBytes(bytes, ++sequence);
      }
    } finally {
      signal.removeEventListener('abort', end);
      this.#leave(watchClass, watcher);
    }
  }

  /** Sends every watcher what happened last, and ends it. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#timer);
    for (const timer of this.#classTimers.values()) clearInterval(timer);
    this.#drain();
    for (const watchClass of this.#classes.values()) {
      watchClass.tick();
      for (const watcher of watchClass.watchers) watcher.end();
    }
  }

  #endSecond(): void {
    this.#tick++;
    this.#drain();
    // With workers a beat may come before their numbers: those belong to the next second then.
    if (this.#second.covered !== undefined) {
      this.#ring.push(this.#second);
      this.#options.second?.(this.#second);
      appendFrame(this.#totals, this.#second);
      this.#second = emptyFrame();
    }
    for (const watchClass of this.#classes.values()) {
      if (this.#classTimers.has(watchClass)) continue;
      if (this.#tick % (watchClass.intervalMs / SECOND_MS) === 0) watchClass.tick();
    }
  }

  #drain(): void {
    const delta = this.#options.source.drain();
    if (delta === undefined) return;
    Object.assign(delta, this.#options.identity);
    if (delta.tables.length > 0) this.#lastTables = delta.tables;
    let watchers = 0;
    for (const watchClass of this.#classes.values()) watchers += watchClass.watchers.size;
    delta.connections = { connections: 0, streams: 0, ...delta.connections, watchers };
    appendFrame(this.#second, delta);
    for (const watchClass of this.#classes.values()) watchClass.ingest(delta);
  }

  #join(options: WatchOptions): { watcher: Watcher; watchClass: WatchClass; past: Iterable<StatsFrame> } {
    // What happened until now belongs to the past, of which replay tells; live frames begin here.
    this.#drain();
    const watcher = new Watcher(this.#encode);
    const watchClass = this.#classOf(options);
    watchClass.watchers.add(watcher);
    // Sizes come every ten seconds: whoever joins in between gets the last ones with the first frame.
    watcher.ingest({ ...emptyFrame(), tables: this.#lastTables });
    const seconds = Math.ceil(options.replayMs / SECOND_MS);
    if (seconds === 0) return { watcher, watchClass, past: [] };
    if (this.#second.covered === undefined) return { watcher, watchClass, past: this.#ring.last(seconds) };
    const underWay = emptyFrame();
    appendFrame(underWay, this.#second);
    return { watcher, watchClass, past: chain(this.#ring.last(seconds), underWay) };
  }

  #classOf(options: WatchOptions): WatchClass {
    const selection = new Selection(options.methods, options.detailMethods);
    const key = `${options.intervalMs} ${selection.key}`;
    const known = this.#classes.get(key);
    if (known !== undefined) return known;
    const watchClass = new WatchClass(options.intervalMs, selection, this.#encode);
    this.#classes.set(key, watchClass);
    // Whole seconds go with the sampler's tick; the others need a timer while somebody watches.
    if (options.intervalMs % SECOND_MS !== 0) {
      const endStretch = (): void => {
        this.#drain();
        watchClass.tick();
      };
      const timer = setInterval(() => this.#guarded(endStretch), options.intervalMs).unref();
      this.#classTimers.set(watchClass, timer);
    }
    return watchClass;
  }

  #leave(watchClass: WatchClass, watcher: Watcher): void {
    watchClass.watchers.delete(watcher);
    if (watchClass.watchers.size > 0) return;
    clearInterval(this.#classTimers.get(watchClass));
    this.#classTimers.delete(watchClass);
    for (const [key, other] of this.#classes) if (other === watchClass) this.#classes.delete(key);
  }

  #guarded(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#options.onError(error);
    }
  }
}

function* chain(frames: Iterable<StatsFrame>, last: StatsFrame): Generator<StatsFrame, void, undefined> {
  yield* frames;
  yield last;
}
