import type { IncomingHttpHeaders, ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import type { Metadata, Server } from '@grpc/grpc-js';
import { BaseServerInterceptingCall } from '@grpc/grpc-js/build/src/server-interceptors.js';
import streamDecoder from '@grpc/grpc-js/build/src/stream-decoder.js';
import { PREFIX_BYTES } from './message-frame.ts';
import { RequestMetadata } from './request-metadata.ts';
import { type CallInside, type Handler, type Listener, UnaryWire } from './unary-wire.ts';

/**
 * The short way of a call into grpc-js. There it is three closures, a decoder, a set of metrics and lists of what was
 * read, and if it is unary a stream of objects, made for each call and needed by few. Here it is one object, or two, and
 * its message, which nearly always comes in one piece and not compressed, is handed on in the turn it came in. What is
 * anything else goes the way of grpc-js, by the functions of its calls, which those of ours inherit.
 */

interface ServerInside {
  readonly handlers: ReadonlyMap<unknown, Handler>;
  onStreamOpened(stream: ServerHttp2Stream): void;
  _streamHandler(interceptors: readonly unknown[], stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void;
  _runHandlerForCall(call: CallInside, handler: Handler): boolean;
}

const inside = BaseServerInterceptingCall.prototype as unknown as CallInside;
const { StreamDecoder } = streamDecoder;

/**
 * From now on the calls of a server, which has no port open yet, are taken in the short way.
 *
 * @param maxBytes of a request
 */
export function takeCallsIn(server: Server, maxBytes: number): void {
  const {
    _streamHandler: handleStream,
    _runHandlerForCall,
    onStreamOpened,
    handlers,
  } = server as unknown as ServerInside;
  const { handleDataFrame, handleEndEvent } = inside;
  const functions = [handleStream, _runHandlerForCall, onStreamOpened, handleDataFrame, handleEndEvent, StreamDecoder];
  if (!(handlers instanceof Map && functions.every((each) => typeof each === 'function'))) {
    throw new Error('this version of grpc-js has changed inside: see src/server/rpc/call-intake.ts');
  }
  (server as unknown as ServerInside)._streamHandler = function (this: ServerInside, interceptors, stream, headers) {
    const handler = this.handlers.get(headers[':path']);
    if (handler === undefined || !headers['content-type']?.startsWith('application/grpc')) {
      handleStream.call(this, interceptors, stream, headers);
      return;
    }
    // Nobody can be told, and it is closed next.
    stream.on('error', ignore);
    this.onStreamOpened(stream);
    const call = new TakenCall(stream as TakenStream, headers, handler, maxBytes);
    if (handler.type === 'unary') call.start(new UnaryWire(call, call.metadata, handler));
    else this._runHandlerForCall(call, handler);
  };
}

/** On streams: their call. */
const CALL = Symbol('call');
type TakenStream = ServerHttp2Stream & { [CALL]?: TakenCall };

/** On sessions: who is at the other end, for which Node.js asks the socket through a Proxy. */
const PEER = Symbol('peer');
type KnownSession = ServerHttp2Session & { [PEER]?: ConnectionInfo };

interface ConnectionInfo {
  readonly remoteAddress: string | undefined;
  readonly remotePort: number | undefined;
}

/** Has the functions of grpc-js' calls, and does not do what their constructor does. */
function Inheriting(): void {}
Inheriting.prototype = inside;

/** One call as grpc-js has it inside: its functions look for these fields. */
class TakenCall extends (Inheriting as unknown as new () => CallInside) {
  override readonly stream: TakenStream;
  readonly handler: Handler;
  readonly metadata: Metadata;
  readonly host: string | undefined;
  readonly connectionInfo: ConnectionInfo;
  readonly incomingEncoding: string;
  readonly maxReceiveMessageSize: number;
  readonly maxSendMessageSize = -1;
  readonly shouldSendMetrics = false;
  override readonly readQueue: unknown[] = [];
  override listener: Listener | null = null;
  override isReadPending = false;
  override receivedHalfClose = false;
  deadline = Number.POSITIVE_INFINITY;
  cancelled = false;
  cancelNotified = false;
  metadataSent = false;
  wantTrailers = false;
  #decoder: InstanceType<typeof StreamDecoder> | undefined;

  constructor(stream: TakenStream, headers: IncomingHttpHeaders, handler: Handler, maxBytes: number) {
    super();
    this.stream = stream;
    this.handler = handler;
    this.metadata = new RequestMetadata(headers) as unknown as Metadata;
    this.host = headers[':authority'] ?? headers.host;
    this.connectionInfo = connectionOf(stream.session as KnownSession | undefined);
    this.incomingEncoding = (headers['grpc-encoding'] as string | undefined) ?? 'identity';
    this.maxReceiveMessageSize = maxBytes;
    stream[CALL] = this;
    stream.on('close', onClose);
    stream.on('end', onEnd);
    // Its data flows from the next turn on: a unary call has asked for it by then.
    if (handler.type !== 'unary') stream.pause();
    stream.on('data', onData);
    const timeout = headers['grpc-timeout'];
    if (timeout !== undefined) this.handleTimeoutHeader(timeout as string);
  }

  /** Of grpc-js, made when there is something to take apart. */
  get decoder(): InstanceType<typeof StreamDecoder> {
    this.#decoder ??= new StreamDecoder(this.maxReceiveMessageSize);
    return this.#decoder;
  }

  /** What nobody waits for yet is kept by grpc-js, and stops the stream. */
  get #isAwaited(): boolean {
    return this.isReadPending && this.readQueue.length === 0 && !this.checkCancelled();
  }

  override handleDataFrame(data: Buffer): void {
    if (!this.#isAwaited || !this.#isWhole(data)) {
      super.handleDataFrame(data);
      return;
    }
    let message: Buffer;
    try {
      message = this.handler.deserialize(data.subarray(PREFIX_BYTES));
    } catch {
      // Of reflection, whose messages are not ours to decode. It fails there again, and the call ends with it: thrown
      // from here it would end the process.
      super.handleDataFrame(data);
      return;
    }
    this.isReadPending = false;
    this.listener?.onReceiveMessage(message);
  }

  override handleEndEvent(): void {
    if (!this.#isAwaited) {
      super.handleEndEvent();
      return;
    }
    this.receivedHalfClose = true;
    this.isReadPending = false;
    this.listener?.onReceiveHalfClose();
  }

  /** Whether these bytes are a message, all of it and nothing else, that is not compressed. */
  #isWhole(data: Buffer): boolean {
    const size = data.length - PREFIX_BYTES;
    return (
      this.#decoder === undefined &&
      size >= 0 &&
      size <= this.maxReceiveMessageSize &&
      data[0] === 0 &&
      data.readUInt32BE(1) === size
    );
  }
}

function connectionOf(session: KnownSession | undefined): ConnectionInfo {
  if (session === undefined) return { remoteAddress: undefined, remotePort: undefined };
  session[PEER] ??= { remoteAddress: session.socket.remoteAddress, remotePort: session.socket.remotePort };
  return session[PEER];
}

function onData(this: TakenStream, data: Buffer): void {
  this[CALL]?.handleDataFrame(data);
}

function onEnd(this: TakenStream): void {
  this[CALL]?.handleEndEvent();
}

function onClose(this: TakenStream): void {
  this[CALL]?.notifyOnCancel();
}

function ignore(): void {}
