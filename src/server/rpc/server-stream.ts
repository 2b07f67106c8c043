import type { handleServerStreamingCall, ServerWritableStream } from '@grpc/grpc-js';
import type { ErrorReason } from '../../shared/error-reasons.ts';
import { ServiceError } from '../domain/errors.ts';
import { CALL_CHAIN } from './call-chain.ts';
import { markRoom } from './message-frame.ts';
import { AUTHORIZATION_HEADER, header } from './metadata.ts';
import type { StreamMethod } from './method.ts';
import { isAbort, ServerCall } from './server-call.ts';
import type { RegisteredMethod } from './server-method.ts';
import { resetStream } from './server-transport.ts';

/** One message on the wire and one ready behind it: enough to keep the wire busy. */
const MAX_PENDING_MESSAGES = 2;

/** A reader that takes nothing for so long is told of in the statistics, long before its stream is ended. */
const STALLED_AFTER_MS = 1_000;

/** What ends a stream whose key or token was good when it began. */
const ENDING: ReadonlySet<string> = new Set<ErrorReason>(['CREDENTIAL_INVALID', 'CREDENTIAL_EXPIRED']);

/** The grpc-js handler of a server-streaming RPC. Never throws. */
export function streamHandler(method: RegisteredMethod): handleServerStreamingCall<Buffer, Buffer> {
  return (wire) => {
    void new ServerStream(method, wire).serve();
  };
}

/**
 * One open stream: pulls the handler's generator as fast as the reader takes its messages, and no
 * faster. grpc-js itself would buffer sixteen messages, and all of them when write() is not obeyed.
 */
export class ServerStream {
  readonly #call: ServerCall;
  readonly #wire: ServerWritableStream<Buffer, Buffer>;
  #messages: AsyncIterator<unknown> | undefined;
  #pending = 0;
  #resume: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;
  #opened = false;
  #stalled = false;
  #ended = false;

  constructor(method: RegisteredMethod, wire: ServerWritableStream<Buffer, Buffer>) {
    this.#wire = wire;
    this.#call = new ServerCall(method, wire);
  }

  /** Serves the call to its end. Never rejects. */
  async serve(): Promise<void> {
    const call = this.#call;
    if (!call.taken) return;
    this.#wire.once('cancelled', () => this.#cancelled());
    try {
      for (const step of CALL_CHAIN) {
        const pending = step.run(call);
        if (pending !== undefined) await pending;
      }
      if (this.#ended) return;
      this.#open();
      const { handle } = call.method as unknown as StreamMethod<unknown, unknown>;
      this.#messages = handle(call, call.request)[Symbol.asyncIterator]();
      for (;;) {
        const startedAt = performance.now();
        const next = await this.#messages.next();
        call.timeHandler(startedAt);
        if (this.#ended) break;
        if (next.done) {
          this.#succeed();
          break;
        }
        this.#write(call.encode(next.value));
        if (this.#pending >= MAX_PENDING_MESSAGES) await this.#takenOrEnded();
        if (this.#ended) break;
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Ends the stream from outside. */
  stop(error: ServiceError): void {
    this.#fail(error);
  }

  /** Ends the stream when its key is no longer good. Never rejects. */
  async recheckCredential(): Promise<void> {
    if (this.#call.method.open) return;
    try {
      await this.#call.method.server.authenticator.verify(header(this.#wire.metadata, AUTHORIZATION_HEADER));
    } catch (error) {
      // With the database away nothing is known against the key.
      if (error instanceof ServiceError && ENDING.has(error.reason)) this.stop(error);
    }
  }

  #open(): void {
    const { method, record } = this.#call;
    this.#opened = true;
    method.server.streams.add(this);
    method.recorder.streamOpened(record.keyId, record.keyName, record.peer);
  }

  #write(bytes: Buffer): void {
    this.#call.sendHeaders();
    this.#pending += 1;
    if (this.#call.hasRoom) markRoom(bytes);
    this.#wire.write(bytes, this.#written);
  }

  readonly #written = (): void => {
    this.#pending -= 1;
    this.#resume?.();
  };

  /** Resolves when a message was taken or the stream has ended; after a cancel no write ever ends. */
  #takenOrEnded(): Promise<void> {
    const { stallMs } = this.#call.method.server;
    const toDeadlineMs = this.#call.deadlineAt - performance.now();
    // grpc-js sees to deadlines too, but cannot tell a reader that does not read.
    const [end, inMs] = toDeadlineMs < stallMs ? [this.#expired, toDeadlineMs] : [this.#stalledTooLong, stallMs];
    this.#timer =
      inMs <= STALLED_AFTER_MS ? setTimeout(end, inMs) : setTimeout(() => this.#stall(end, inMs), STALLED_AFTER_MS);
    return new Promise((resolve) => {
      this.#resume = () => {
        clearTimeout(this.#timer);
        this.#setStalled(false);
        this.#resume = undefined;
        resolve();
      };
    });
  }

  /** Nothing was taken for a while; `end` comes when it is so for `inMs`. */
  #stall(end: () => void, inMs: number): void {
    this.#setStalled(true);
    this.#timer = setTimeout(end, inMs - STALLED_AFTER_MS);
  }

  #setStalled(stalled: boolean): void {
    if (stalled === this.#stalled) return;
    this.#stalled = stalled;
    const { method, record } = this.#call;
    method.recorder.streamStalled(record.keyId, record.peer, stalled ? 1 : -1);
  }

  readonly #expired = (): void => this.stop(this.#call.callerGone());

  readonly #stalledTooLong = (): void => {
    const call = this.#call;
    const seconds = call.method.server.stallMs / 1000;
    const metadata = call.resumeToken === '' ? {} : { resume_token: call.resumeToken };
    this.stop(
      new ServiceError('READER_STALLED', `the stream was ended: nothing was read from it for ${seconds} s`, {
        metadata,
      }),
    );
  };

  #cancelled(): void {
    clearTimeout(this.#timer);
    // Said of every stream that is over, too.
    if (!this.#ended) this.#fail(this.#call.callerGone());
  }

  #succeed(): void {
    if (this.#ended) return;
    this.#call.succeed();
    this.#close();
    this.#call.sendHeaders();
    this.#wire.end();
  }

  #fail(error: unknown): void {
    if (this.#ended) {
      this.#failedLate(error);
      return;
    }
    const status = this.#call.fail(error);
    this.#close();
    if (error instanceof ServiceError) this.#call.stop(error);
    this.#resume?.();
    void this.#messages?.return?.().catch((late: unknown) => this.#failedLate(late));
    if (this.#wire.cancelled) return;
    this.#wire.emit('error', status);
    // Behind messages that nobody reads the status never leaves, and they would be kept for ever.
    if (this.#pending > 0) this.#timer = setTimeout(() => resetStream(this.#wire), this.#call.method.server.flushMs);
  }

  #close(): void {
    this.#ended = true;
    if (!this.#opened) return;
    this.#setStalled(false);
    const { method, record } = this.#call;
    method.server.streams.delete(this);
    method.recorder.streamClosed(record.keyId, record.keyName, record.peer);
  }

  /** A generator that fails while it is closed: its caller has its status, so only the log is left. */
  #failedLate(error: unknown): void {
    if (!isAbort(error)) this.#call.logUnexpected(error);
  }
}
