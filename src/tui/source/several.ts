import type { SourceEvent } from '../state/event.ts';
import { EventQueue } from './event-queue.ts';
import type { Source, SourceSettings } from './source.ts';

export interface SeveralSourceOptions {
  /** The servers to watch now; asked again every so often, since a name may come to mean others. */
  readonly addresses: () => Promise<readonly string[]>;
  readonly open: (address: string, settings: SourceSettings) => Source;
  readonly settings: SourceSettings;
  readonly resolveEveryMs?: number;
}

interface Running {
  readonly source: Source;
  readonly stop: AbortController;
  isDown: boolean;
}

const RESOLVE_EVERY_MS = 15_000;

/** Several servers at once, each followed by a source of its own; what they yield carries its address. */
export class SeveralSource implements Source {
  readonly target: string;
  readonly live = true;
  readonly #options: SeveralSourceOptions;
  readonly #queue = new EventQueue<SourceEvent>();
  readonly #running = new Map<string, Running>();
  #settings: SourceSettings;

  /** @param target what it is called until the servers are known */
  constructor(target: string, options: SeveralSourceOptions) {
    this.target = target;
    this.#options = options;
    this.#settings = options.settings;
  }

  async *events(signal: AbortSignal): AsyncGenerator<SourceEvent, void, undefined> {
    await this.#follow();
    const timer = setInterval(() => void this.#follow(), this.#options.resolveEveryMs ?? RESOLVE_EVERY_MS);
    const end = () => this.#queue.close();
    signal.addEventListener('abort', end, { once: true });
    if (signal.aborted) end();
    try {
      yield* this.#queue;
    } finally {
      clearInterval(timer);
      signal.removeEventListener('abort', end);
      for (const { stop } of this.#running.values()) stop.abort();
    }
  }

  configure(settings: SourceSettings): void {
    this.#settings = settings;
    for (const { source } of this.#running.values()) source.configure(settings);
  }

  retryNow(): void {
    for (const { source } of this.#running.values()) source.retryNow();
  }

  /** Begins to watch whoever is new. Who is named no more is watched until it is lost: names change before servers go. */
  async #follow(): Promise<void> {
    const addresses = await this.#named();
    const gone = [...this.#running].filter(
      ([address, { isDown }]) => !addresses.includes(address) && (isDown || address === this.target),
    );
    for (const [address, { stop }] of gone) {
      stop.abort();
      this.#running.delete(address);
    }
    const added = addresses.filter((address) => !this.#running.has(address));
    if (added.length + gone.length === 0) return;
    for (const address of added) {
      const source = this.#options.open(address, this.#settings);
      this.#running.set(address, { source, stop: new AbortController(), isDown: false });
    }
    this.#queue.push({ kind: 'targets', names: [...this.#running.keys()] });
    for (const address of added) void this.#pump(address);
  }

  /** Without an answer of DNS nothing changes; at the beginning the name itself is tried. */
  async #named(): Promise<readonly string[]> {
    try {
      return await this.#options.addresses();
    } catch {
      return this.#running.size > 0 ? [...this.#running.keys()] : [this.target];
    }
  }

  async #pump(address: string): Promise<void> {
    const running = this.#running.get(address);
    if (running === undefined) return;
    for await (const event of running.source.events(running.stop.signal)) {
      if (event.kind === 'targets') continue;
      if (event.kind === 'connection') running.isDown = event.connection.phase === 'retrying';
      if (!running.stop.signal.aborted) this.#queue.push({ ...event, target: address });
    }
  }
}
