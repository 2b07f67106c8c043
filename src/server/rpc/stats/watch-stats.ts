import type { Duration } from '../../../shared/gen/google/protobuf/duration.ts';
import {
  StatsServiceService,
  type WatchStatsRequest,
  type WatchStatsResponse,
} from '../../../shared/gen/memoryhub/v1/stats_service.ts';
import { LIMITS } from '../../../shared/limits.ts';
import { msFromDuration } from '../../../shared/time.ts';
import { type FieldViolation, invalidFields } from '../../domain/errors.ts';
import { Role } from '../../domain/principal.ts';
import type { StatsHub, WatchOptions } from '../../stats/hub.ts';
import { shuttingDown } from '../call-chain.ts';
import { EncodedMessage, type StreamMethod } from '../method.ts';

const DEFAULT_INTERVAL_MS = 1000;

/** Frames of what the server does, one an interval, until the caller leaves or the server stops. */
export function watchStats(hub: StatsHub): StreamMethod<WatchStatsRequest, WatchStatsResponse> {
  return {
    definition: StatsServiceService.watchStats,
    roles: [Role.MONITOR, Role.OPERATOR],
    async *handle(call, request) {
      const options = watchOptions(request);
      for await (const bytes of hub.watch(options, call.signal)) yield new EncodedMessage(bytes);
      if (hub.closed) throw shuttingDown();
    },
  };
}

/** @throws ServiceError INVALID_FIELD that names every field out of its range */
function watchOptions(request: WatchStatsRequest): WatchOptions {
  const violations: FieldViolation[] = [];
  const intervalMs = durationMs('interval', request.interval, DEFAULT_INTERVAL_MS, LIMITS.watchIntervalMs, violations);
  const replayMs = durationMs('replay', request.replay, 0, LIMITS.watchReplayMs, violations);
  checkNames('methods', request.methods, LIMITS.watchMethods.max, violations);
  checkNames('detail_methods', request.detailMethods, LIMITS.watchDetailMethods.max, violations);
  if (violations.length > 0) throw invalidFields(violations);
  return { intervalMs, replayMs, methods: request.methods, detailMethods: request.detailMethods };
}

function durationMs(
  field: string,
  duration: Duration | undefined,
  fallback: number,
  { min, max }: { min: number; max: number },
  violations: FieldViolation[],
): number {
  if (duration === undefined) return fallback;
  const ms = msFromDuration(duration);
  if (ms < min || ms > max) violations.push({ field, description: `${ms} ms, allowed are ${min} to ${max} ms` });
  return Math.round(ms);
}

function checkNames(field: string, names: readonly string[], max: number, violations: FieldViolation[]): void {
  if (names.length > max) violations.push({ field, description: `${names.length} methods, allowed are up to ${max}` });
}
