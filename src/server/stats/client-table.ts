import type { ClientStats } from '../../shared/gen/memoryhub/v1/stats_service.ts';
import { FRAME_LIMITS, OTHER_CLIENTS } from '../../shared/stats-merge.ts';
import type { CallRecord } from '../rpc/call-observer.ts';

const OK = 0;
const CANCELLED = 1;
/** PERMISSION_DENIED, RESOURCE_EXHAUSTED, UNAUTHENTICATED: turned away before anything was done. */
const REFUSALS: ReadonlySet<number> = new Set([7, 8, 16]);

class Client {
  readonly keyId: string;
  readonly keyName: string;
  readonly peer: string;
  calls = 0;
  errors = 0;
  refused = 0;
  streams = 0;
  stalled = 0;

  constructor(keyId: string, keyName: string, peer: string) {
    this.keyId = keyId;
    this.keyName = keyName;
    this.peer = peer;
  }
}

/**
 * Calls by key and peer since the last drain. It holds only who called since then or has a stream
 * open, and at most so many; the rest are counted as one, so that no caller can fill the memory.
 */
export class ClientTable {
  readonly #byKey = new Map<string, Map<string, Client>>();
  readonly #other = new Client('', OTHER_CLIENTS, '');
  #size = 0;
  /** Calls come in runs from one caller. */
  #last: Client = this.#other;

  ended(record: CallRecord): void {
    const client = this.#client(record.keyId, record.keyName, record.peer);
    client.calls++;
    // A stream that its reader closed is no failure.
    if (record.code === OK || record.code === CANCELLED) return;
    client.errors++;
    if (REFUSALS.has(record.code)) client.refused++;
  }

  streamOpened(keyId: string, keyName: string, peer: string): void {
    this.#client(keyId, keyName, peer).streams++;
  }

  streamClosed(keyId: string, _keyName: string, peer: string): void {
    const client = this.#byKey.get(keyId)?.get(peer);
    // Opened while the table was full: it was counted there.
    const counted = client !== undefined && client.streams > 0 ? client : this.#other;
    counted.streams = Math.max(0, counted.streams - 1);
  }

  /** @param change 1: nothing is read of one of its streams any more; -1: of one of them there is again */
  streamStalled(keyId: string, peer: string, change: 1 | -1): void {
    const client = this.#byKey.get(keyId)?.get(peer) ?? this.#other;
    client.stalled = Math.max(0, client.stalled + change);
  }

  drain(): ClientStats[] {
    const stats: ClientStats[] = [];
    for (const [keyId, byPeer] of this.#byKey) {
      for (const [peer, client] of byPeer) {
        if (client.calls > 0 || client.streams > 0) stats.push(drainClient(client));
        if (client.streams > 0) continue;
        byPeer.delete(peer);
        this.#size--;
      }
      if (byPeer.size === 0) this.#byKey.delete(keyId);
    }
    if (this.#other.calls > 0 || this.#other.streams > 0) stats.push(drainClient(this.#other));
    this.#last = this.#other;
    return stats;
  }

  #client(keyId: string, keyName: string, peer: string): Client {
    const last = this.#last;
    if (last.peer === peer && last.keyId === keyId && last !== this.#other) return last;
    const known = this.#byKey.get(keyId)?.get(peer);
    if (known === undefined && this.#size >= FRAME_LIMITS.clients - 1) return this.#other;
    this.#last = known ?? this.#add(new Client(keyId, keyName, peer));
    return this.#last;
  }

  #add(client: Client): Client {
    let byPeer = this.#byKey.get(client.keyId);
    if (byPeer === undefined) {
      byPeer = new Map();
      this.#byKey.set(client.keyId, byPeer);
    }
    byPeer.set(client.peer, client);
    this.#size++;
    return client;
  }
}

function drainClient(client: Client): ClientStats {
  const { keyId, keyName, peer, calls, errors, streams, refused, stalled } = client;
  client.calls = 0;
  client.errors = 0;
  client.refused = 0;
  return {
    keyId,
    keyName,
    peer,
    calls: BigInt(calls),
    errors: BigInt(errors),
    streams: BigInt(streams),
    refused: BigInt(refused),
    stalledStreams: BigInt(stalled),
  };
}
