import type { ServerHttp2Stream } from 'node:http2';
import type { Metadata } from '@grpc/grpc-js';
import type { Wire } from './server-call.ts';
import type { WireStatus } from './status.ts';

/** What grpc-js has inside of a call. */
export interface CallInside {
  readonly stream: ServerHttp2Stream;
  listener: Listener | null;
  /** Whether the next message, or the end of the request, is waited for. */
  isReadPending: boolean;
  receivedHalfClose: boolean;
  readonly readQueue: unknown[];
  checkCancelled(): boolean;
  getDeadline(): number;
  getHost(): string;
  handleDataFrame(data: Buffer): void;
  handleEndEvent(): void;
  handleTimeoutHeader(value: string): void;
  notifyOnCancel(): void;
  sendMessage(message: Buffer, sent: () => void): void;
  sendMetadata(metadata: Metadata): void;
  sendStatus(status: Partial<WireStatus>): void;
  start(listener: Listener): void;
  startRead(): void;
}

/** What it tells of one. */
export interface Listener {
  onReceiveMetadata(metadata: Metadata): void;
  onReceiveMessage(message: Buffer): void;
  onReceiveHalfClose(): void;
  onCancel(): void;
}

/** A registered method, as grpc-js keeps it. */
export interface Handler {
  readonly path: string;
  readonly type: string;
  deserialize(bytes: Buffer): Buffer;
  readonly func: (wire: UnaryWire) => void;
}

/** Stands for no message: an empty one is another buffer. */
const NO_MESSAGE = Buffer.alloc(0);

/** What a handler of a unary method has of its call: instead of a stream, as grpc-js makes one. */
export class UnaryWire implements Listener, Wire {
  readonly call: CallInside;
  readonly metadata: Metadata;
  request: Buffer = NO_MESSAGE;
  cancelled = false;
  readonly #handler: Handler;
  #onCancelled: (() => void)[] | undefined;

  constructor(call: CallInside, metadata: Metadata, handler: Handler) {
    this.call = call;
    this.metadata = metadata;
    this.#handler = handler;
  }

  onReceiveMetadata(): void {
    this.call.startRead();
  }

  onReceiveMessage(message: Buffer): void {
    if (this.request !== NO_MESSAGE) {
      this.#refuse('Received a second request message');
      return;
    }
    this.request = message;
    this.call.startRead();
  }

  onReceiveHalfClose(): void {
    if (this.request === NO_MESSAGE) this.#refuse('Received no request message');
    else this.#handler.func(this);
  }

  /** The caller went away, or the call is over. */
  onCancel(): void {
    this.cancelled = true;
    for (const listener of this.#onCancelled ?? []) listener();
  }

  once(_event: 'cancelled', listener: () => void): void {
    this.#onCancelled ??= [];
    this.#onCancelled.push(listener);
  }

  getDeadline(): number {
    return this.call.getDeadline();
  }

  getHost(): string {
    return this.call.getHost();
  }

  sendMetadata(metadata: Metadata): void {
    this.call.sendMetadata(metadata);
  }

  /** Answers, and ends the call with OK. */
  answer(message: Buffer): void {
    this.call.sendMessage(message, () => this.call.sendStatus({ code: 0, details: 'OK' }));
  }

  end(status: WireStatus): void {
    this.call.sendStatus(status);
  }

  /** In the words of grpc-js, which server-transport.ts knows. */
  #refuse(details: string): void {
    this.call.sendStatus({ code: 12, details: `${details} for server streaming method ${this.#handler.path}` });
  }
}
