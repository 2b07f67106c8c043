import {
  type ChannelCredentials,
  type Client,
  type ClientOptions,
  credentials,
  InterceptingCall,
  type Interceptor,
} from '@grpc/grpc-js';
import type { TlsOptions } from './client-tls.ts';

/** Where a client calls and as whom. */
export interface ConnectOptions {
  /** `host:port`. */
  readonly address: string;
  /** API key (`mh_...`), sent as Bearer with every call; blanks and line ends around it do not count. */
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

/** A credential that cannot be sent; the message does not repeat it. */
export class CredentialError extends Error {
  override readonly name = 'CredentialError';
}

/**
 * What is sent of a credential.
 *
 * @throws CredentialError when it is none: the transport would refuse it with a text that repeats it
 */
export function sendable(credential: string): string {
  const text = credential.trim();
  if (/^[\x21-\x7e]*$/.test(text)) return text;
  throw new CredentialError('the credential is no API key: there are blanks, line ends or other characters within it');
}

/**
 * A typed client of one service: `connect(StatsServiceClient, { address, credential })`. It dials
 * with its first call; errors of calls are read by `toRpcError`.
 *
 * @throws CredentialError
 */
export function connect<C extends Client>(service: ClientConstructor<C>, options: ConnectOptions): C {
  const { tls } = options;
  return new service(options.address, channelCredentials(tls), {
    ...(tls?.serverName !== undefined && {
      'grpc.ssl_target_name_override': tls.serverName,
      'grpc.default_authority': tls.serverName,
    }),
    ...options.channel,
    interceptors: [callDefaults(options)],
  });
}

/** Plain text without options. */
export function channelCredentials(tls: TlsOptions | undefined): ChannelCredentials {
  if (tls === undefined) return credentials.createInsecure();
  return credentials.createSsl(tls.ca ?? null, tls.key ?? null, tls.certificate ?? null);
}

/** Bearer and deadline; grpc-js takes call credentials over TLS only, so they go in as metadata. */
function callDefaults({ credential: given = '', deadlineMs }: ConnectOptions): Interceptor {
  const credential = sendable(given);
  return (call, nextCall) => {
    const own = deadlineMs !== undefined && call.deadline === undefined && !call.method_definition.responseStream;
    return new InterceptingCall(nextCall(own ? { ...call, deadline: Date.now() + deadlineMs } : call), {
      start(metadata, listener, next) {
        if (credential !== '') metadata.set('authorization', `Bearer ${credential}`);
        next(metadata, listener);
      },
    });
  };
}
