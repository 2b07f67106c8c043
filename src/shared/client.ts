import {
  type ChannelCredentials,
  type Client,
  type ClientOptions,
  credentials,
  InterceptingCall,
  type Interceptor,
} from '@grpc/grpc-js';

/** TLS of a client; an empty object trusts the system's authorities. */
export interface TlsOptions {
  /** PEM of the authority that signed the server's certificate. */
  readonly ca?: Buffer;
  /** PEM of the client's own key and certificate, for servers that ask for one. */
  readonly key?: Buffer;
  readonly certificate?: Buffer;
}

/** Where a client calls and as whom. */
export interface ConnectOptions {
  /** `host:port`. */
  readonly address: string;
  /** API key (`mh_...`), sent as Bearer with every call. */
  readonly credential?: string;
  /** Absent: plain text. */
  readonly tls?: TlsOptions;
  /** Deadline of unary calls that bring none of their own. Milliseconds; absent: none. */
  readonly deadlineMs?: number;
  /** Anything else of the channel. */
  readonly channel?: ClientOptions;
}

type ClientConstructor<C extends Client> = new (
  address: string,
  channelCredentials: ChannelCredentials,
  options?: Partial<ClientOptions>,
) => C;

/**
 * A typed client of one service: `connect(StatsServiceClient, { address, credential })`. It dials
 * with its first call; errors of calls are read by `toRpcError`.
 */
export function connect<C extends Client>(service: ClientConstructor<C>, options: ConnectOptions): C {
  const { tls } = options;
  const channelCredentials =
    tls === undefined
      ? credentials.createInsecure()
      : credentials.createSsl(tls.ca ?? null, tls.key ?? null, tls.certificate ?? null);
  return new service(options.address, channelCredentials, {
    ...options.channel,
    interceptors: [callDefaults(options)],
  });
}

/** Bearer and deadline; grpc-js takes call credentials over TLS only, so they go in as metadata. */
function callDefaults({ credential, deadlineMs }: ConnectOptions): Interceptor {
  return (call, nextCall) => {
    const own = deadlineMs !== undefined && call.deadline === undefined && !call.method_definition.responseStream;
    return new InterceptingCall(nextCall(own ? { ...call, deadline: Date.now() + deadlineMs } : call), {
      start(metadata, listener, next) {
        if (credential !== undefined && credential !== '') metadata.set('authorization', `Bearer ${credential}`);
        next(metadata, listener);
      },
    });
  };
}
