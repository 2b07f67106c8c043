import { AdminServiceService } from './gen/memoryhub/v1/admin_service.ts';
import { ConfigServiceService } from './gen/memoryhub/v1/config_service.ts';
import { MemoryServiceService } from './gen/memoryhub/v1/memory_service.ts';
import { StatsServiceService } from './gen/memoryhub/v1/stats_service.ts';

/** Making these a second time makes another one, or finds the first: they carry no request_id. A repeated rotation would end the overlap. */
const NOT_REPEATABLE: ReadonlySet<string> = new Set([
  AdminServiceService.createWorkspace.path,
  AdminServiceService.createApiKey.path,
  AdminServiceService.rotateKeys.path,
  // Their etag may be that of before: a repeated one would be refused after it was done.
  ConfigServiceService.setConfig.path,
  ConfigServiceService.deleteConfig.path,
  // Each is written down.
  ConfigServiceService.revealSecret.path,
]);

/**
 * A call is tried again when the server cannot be reached or answers UNAVAILABLE. That is safe for those
 * that change nothing, for those that come to the same when repeated, and for those that carry a
 * request_id, which answers the same for 24 hours: all but NOT_REPEATABLE. A test compares this with
 * the contract's own word on each method.
 */
export const RETRIED_METHODS = [MemoryServiceService, AdminServiceService, StatsServiceService, ConfigServiceService]
  .flatMap((service) => Object.values(service).map(({ path }) => path))
  .filter((path) => !NOT_REPEATABLE.has(path));

/** As grpc-js takes it: its service config, in JSON. */
export const RETRIES = JSON.stringify({
  methodConfig: [
    {
      name: RETRIED_METHODS.map((path) => {
        const [service, method] = path.slice(1).split('/');
        return { service, method };
      }),
      retryPolicy: {
        maxAttempts: 5,
        initialBackoff: '0.1s',
        maxBackoff: '2s',
        backoffMultiplier: 2,
        retryableStatusCodes: ['UNAVAILABLE'],
      },
    },
  ],
});

/**
 * Five tries are over in a second and a half, and grpc-js dials again ever more seldom, up to two
 * minutes: a server that is restarted takes a few seconds, and is found soon after.
 */
export const RECONNECT_BACKOFF = { 'grpc.initial_reconnect_backoff_ms': 100, 'grpc.max_reconnect_backoff_ms': 2_000 };
