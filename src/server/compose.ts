import { hostname } from 'node:os';
import { EventKind } from '../shared/gen/memoryhub/v1/stats_service.ts';
import { SensitiveNames } from '../shared/sensitive-names.ts';
import { timestampFromMs } from '../shared/time.ts';
import { openAlerts } from './alerts.ts';
import { CachedMemoryRepository } from './cache/cached-memory-repository.ts';
import { connectRedis, type RedisConnection } from './cache/redis-connection.ts';
import type { Config } from './config.ts';
import { openDatabase } from './database/database.ts';
import { poolMaxOf } from './database/pool-share.ts';
import { AdminService } from './domain/admin-service.ts';
import { AuditTrail } from './domain/audit-trail.ts';
import { ConfigService } from './domain/config/config-service.ts';
import { MemoryService } from './domain/memory-service.ts';
import { MemoryPurge } from './domain/purge.ts';
import { ExistingSecrets } from './domain/sealing/existing-secrets.ts';
import { MetadataSealing } from './domain/sealing/metadata-sealing.ts';
import { type GaugeParts, gaugeSources } from './gauge-sources.ts';
import { GenerationPoller } from './generation-poller.ts';
import { metricsSource, openMetrics } from './metrics.ts';
import { RedisWatch } from './redis-watch.ts';
import { createAdminRepository } from './repository/admin-repository.ts';
import { createAuditLog } from './repository/audit-log.ts';
import { createAuditRepository } from './repository/audit-repository.ts';
import { createDataKeyStore } from './repository/data-key-repository.ts';
import { PostgresMemoryRepository } from './repository/memory-repository.ts';
import { createPlainRows } from './repository/plain-rows.ts';
import { createPurgeRepository, createPurgeSweeper } from './repository/purge.ts';
import { createRetention } from './repository/retention.ts';
import { createSealedRows } from './repository/sealed-rows.ts';
import { databaseIdentity, readTokenKey, sessionWaits, tableSizes } from './repository/server-repository.ts';
import { createSettingRepository } from './repository/setting-repository.ts';
import { adminMethods } from './rpc/admin/methods.ts';
import { configMethods } from './rpc/config/methods.ts';
import { memoryMethods } from './rpc/memory/memory-methods.ts';
import { protoCodec } from './rpc/memory/proto-codec.ts';
import { createServer } from './rpc/server.ts';
import { getStats } from './rpc/stats/get-stats.ts';
import { watchStats } from './rpc/stats/watch-stats.ts';
import { generateApiKey } from './security/api-key.ts';
import { Authenticator } from './security/authenticator.ts';
import { KeyUses } from './security/key-uses.ts';
import { RefusedAccess } from './security/refused-access.ts';
import { RevokedKeysInUse } from './security/revoked-keys.ts';
import { openKeyring } from './security/sealing/open-keyring.ts';
import { KeyRotation } from './security/sealing/rotation.ts';
import { Sealing } from './security/sealing/sealing.ts';
import { StrangerLimits } from './security/stranger-limits.ts';
import { tlsPaths } from './security/tls-files.ts';
import { TokenSealer } from './security/token-sealer.ts';
import { followDatabase } from './serving.ts';
import { SessionWaits } from './session-waits.ts';
import { StatsHub, type StatsSource } from './stats/hub.ts';
import { StatsRecorder } from './stats/recorder.ts';
import { TableWatch } from './table-watch.ts';
import type { Logging } from './telemetry/logger.ts';
import { Profiler } from './telemetry/profiling/profiler.ts';
import { SlowCallLog } from './telemetry/slow-call-log.ts';
import type { Tracing } from './telemetry/tracing.ts';
import { openTls } from './tls.ts';

/** What the log says louder. */
const WARNED: ReadonlySet<EventKind> = new Set([
  EventKind.REDIS_LOST,
  EventKind.POSTGRES_LOST,
  EventKind.REDIS_EMPTIED,
  EventKind.REVOKED_KEY_USED,
]);

/** Identity of one run of the server, the same in all its processes. */
export interface Boot {
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly version: string;
  /** How long its configuration took to load. */
  readonly configLoadMs: number;
}

/** What one serving process gets from the one that started it. */
export interface ComposeOptions {
  readonly config: Config;
  readonly boot: Boot;
  /** The embedded database's, or that of the configuration. */
  readonly databaseUrl: string;
  /** No other process writes to this database: this process' cache serves every read. */
  readonly ownsDatabase: boolean;
  /** Worker number from 1; 0 when this process is the whole server. */
  readonly worker: number;
  readonly logging: Logging;
  readonly tracing: Tracing;
  /** With workers: turns what this one counts into what all of them do. */
  readonly joinStats?: (own: StatsSource) => StatsSource;
}

/** A server that takes calls. */
export interface RunningServer {
  readonly host: string;
  /** The real one, when port 0 was asked for. */
  readonly port: number;
  /** Ends calls within `graceMs` and closes everything. */
  stop(graceMs: number): Promise<void>;
}

/**
 * Puts the rooms together - database, repository, cache, rules, wire - and serves. The only place
 * that knows all of them.
 *
 * @throws TlsFilesError, DatabaseConnectError, DatabaseUnsuitableError, ListenError, or Error naming Redis' address
 *   and why it can never be used
 */
export async function compose(options: ComposeOptions): Promise<RunningServer> {
  const opened: { close(): unknown }[] = [];
  try {
    return await composeInto(options, opened);
  } catch (error) {
    for (const part of opened.reverse()) await part.close();
    throw error;
  }
}

async function composeInto(options: ComposeOptions, opened: { close(): unknown }[]): Promise<RunningServer> {
  const { config, boot, logging, tracing } = options;
  const { log } = logging;
  const parts: GaugeParts = {};
  const recorder = new StatsRecorder(gaugeSources(parts, config.redis_url !== undefined), options.worker);
  const record = (kind: EventKind, text: string) => recorder.event(kind, text);
  const event = (kind: EventKind, text: string) => {
    record(kind, text);
    log[WARNED.has(kind) ? 'warn' : 'info'](text);
  };

  const paths = tlsPaths(config);
  const tls = paths && openTls(paths, log, event);
  if (tls) opened.push(tls);
  const database = await openDatabase({
    url: options.databaseUrl,
    readUrl: config.database_read_url,
    poolMax: poolMaxOf(config),
    poolMin: Math.floor(config.pool_size / config.workers / 4),
    processes: config.workers,
    maxLifetimeSeconds: config.pool_recycle_seconds,
    observer: {
      acquired: (waitedMs) => recorder.acquired(performance.now() - waitedMs),
      lost: (error) => log.debug({ err: error }, 'a database connection was lost'),
    },
    log: (message) => log.warn(message),
  });
  opened.push(database);
  const admin = createAdminRepository(database);
  const poller = new GenerationPoller(admin);
  await poller.start();
  opened.push({ close: () => poller.stop() });

  const redis = config.redis_url === undefined ? undefined : await openRedis(config.redis_url, recorder, event);
  if (redis) {
    opened.push(redis);
    // Without Redis a write moves the epoch of its workspace on, through the ORM: it is not to be loaded just then.
    await database.orm();
  }
  const store = new PostgresMemoryRepository({
    pool: database.pool,
    readPool: database.readPool,
    openWriteConnection: database.openWriteConnection,
    codec: protoCodec,
    observer: recorder,
  });
  opened.push(store);
  const keyPrefix = `memory-hub:${await databaseIdentity(database)}`;
  const cache = new CachedMemoryRepository(store, {
    codec: protoCodec,
    epochs: poller,
    bumpCacheEpoch: (workspaceId) => admin.bumpCacheEpoch(workspaceId),
    localMaxBytes: Math.floor(config.cache_bytes / config.workers),
    ownership: options.ownsDatabase ? 'sole' : { shared: redis && { link: redis, keyPrefix } },
  });
  opened.push(cache);

  const tokens = new TokenSealer(await readTokenKey(database));
  const sealing = new Sealing(createDataKeyStore(database), await openKeyring(config), recorder.sealTimes);
  const audit = createAuditLog(database);
  const names = new SensitiveNames(config.sealed_names ?? []);
  const memories = new MemoryService({
    repository: cache,
    clock: poller,
    tokens,
    sealing: new MetadataSealing({ names, sealer: sealing.sealer, audit, repository: store }),
  });
  const configuration = new ConfigService({
    repository: createSettingRepository(database),
    names,
    sealer: sealing.sealer,
    audit,
  });
  const sweeper = createPurgeSweeper(database, (error) =>
    log.warn({ err: error }, 'the space of what is gone is not swept yet; autovacuum will'),
  );
  const existing = new ExistingSecrets(names, sealing.sealer, createPlainRows(database, sweeper));
  const rotation = new KeyRotation(sealing, createSealedRows(database), existing, audit);
  const keyUses = new KeyUses(admin, (error) => log.warn({ err: error }, 'when keys were used is not written yet'));
  // What few servers are set to do is loaded where it is wanted: libraries stay in memory, used or not.
  const tokensOfIssuer =
    config.oidc_issuer === undefined
      ? undefined
      : await (await import('./security/issuer.ts')).openIssuer(config, {
          clock: poller,
          findWorkspace: (name) => admin.findWorkspace(name),
          log,
        });
  if (tokensOfIssuer) opened.push(tokensOfIssuer);
  const authenticator = new Authenticator(admin, {
    clock: poller,
    used: (keyId) => keyUses.note(keyId),
    strangers:
      config.bad_credential_rate > 0 ? new StrangerLimits({ perSecond: config.bad_credential_rate }) : undefined,
    tokens: tokensOfIssuer?.verifier,
  });
  const auditTrail = createAuditRepository(database);
  const refusals = new RefusedAccess(auditTrail, (error) =>
    log.warn({ err: error }, 'refused access is not in the audit trail yet'),
  );
  const revokedKeys = new RevokedKeysInUse((text) => event(EventKind.REVOKED_KEY_USED, text));
  const adminService = new AdminService(admin, generateApiKey, poller);
  const trail = new AuditTrail(auditTrail, adminService, tokens);
  const purge = new MemoryPurge(createPurgeRepository(database, sweeper), cache, names);
  const services = [
    ...memoryMethods(memories, purge),
    ...configMethods(configuration),
    ...adminMethods(adminService, trail, rotation, new Profiler(options.worker, audit)),
  ];
  const identity = {
    bootId: boot.id,
    bootTime: timestampFromMs(boot.time),
    version: boot.version,
    replica: `${hostname()}:${config.listen.port}`,
    configLoadUs: BigInt(Math.ceil(boot.configLoadMs * 1000)),
  };
  // With workers each sees the whole server: one of them is enough to judge it and to tell.
  const tells = options.worker <= 1;
  const alerts = tells ? await openAlerts(config.alerts_file, log, record) : undefined;
  const hub = new StatsHub({
    source: options.joinStats?.(recorder) ?? recorder,
    identity,
    second: (frame) => alerts?.second(frame),
    onError: (error) => log.error({ err: error }, 'the statistics missed a beat'),
  });
  opened.push(hub);
  const metrics = metricsSource(hub);
  tracing.readMetrics?.(metrics);
  // Workers have a parent that tells of all of them.
  const endpoint = options.worker === 0 ? await openMetrics(metrics, config, log) : undefined;
  if (endpoint) opened.push(endpoint);

  const rateLimits =
    config.rate_limit_key + config.rate_limit_workspace === 0
      ? undefined
      : (await import('./security/rate-limits.ts')).RateLimits.open({
          keyPerSecond: config.rate_limit_key,
          workspacePerSecond: config.rate_limit_workspace,
          redisUrl: config.redis_url,
          processes: config.workers,
          prefix: keyPrefix,
        });
  if (rateLimits) opened.push(rateLimits);
  const server = createServer({
    methods: [...services, getStats(hub), watchStats(hub)],
    authenticator,
    recorder,
    log: logging.wire,
    tracer: tracing.tracer,
    accessLog: config.access_log ? logging.access : undefined,
    slowCalls: config.slow_call_ms > 0 ? new SlowCallLog(log, config.slow_call_ms) : undefined,
    refusals: {
      refused: (refusal) => {
        refusals.refused(refusal);
        revokedKeys.refused(refusal);
      },
    },
    trustedHosts: config.trusted_hosts,
    rateLimits,
    overloadLagMs: config.overload_lag_ms,
    openIntrospection: config.open_introspection,
    compressFromBytes: config.compression_min_bytes,
    limits: {
      readerStallMs: config.reader_stall_seconds * 1000,
      maxConnectionAgeMs: config.connection_age_seconds * 1000,
    },
  });
  const retention = createRetention(
    database,
    {
      deletedDays: config.retain_deleted_days,
      requestLogHours: config.retain_requests_hours,
      revisionsDays: config.retain_revisions_days,
      auditDays: config.retain_audit_days,
    },
    {
      finished: (report, durationMs) =>
        log.info({ ...report, elapsed_ms: Math.round(durationMs) }, 'removed what is no longer kept'),
      failed: (error) => log.warn({ err: error }, 'removing what is no longer kept failed; it is tried again'),
    },
  );
  const waits = tells ? new SessionWaits(() => sessionWaits(database)) : undefined;
  const emptied = tells ? (text: string) => event(EventKind.REDIS_EMPTIED, text) : undefined;
  const redisWatch = redis && new RedisWatch(redis, `${keyPrefix}:watched:${boot.id}:${options.worker}`, emptied);
  const tables = tells ? new TableWatch(() => tableSizes(database)) : undefined;
  for (const part of [waits, tables, redisWatch]) if (part) opened.push(part);
  Object.assign(parts, { sealing, database, poller, redis, redisWatch, cache, store, server, waits, tables });
  followDatabase(poller, server.health, event);
  poller.listen({
    polled: (generations, polledAt) => authenticator.generationsPolled(generations, polledAt),
    databaseUp: () => {},
  });
  poller.onMoved('storageInfo', () => memories.invalidateStorageInfo());
  poller.onMoved('configuration', () => configuration.invalidate());
  poller.onMoved('openedValues', () => sealing.forgetValues());
  poller.onMoved('sealing', () => {
    sealing.reload().catch((error) => log.error({ err: error }, 'the keyring cannot be read; the keys of before stay'));
  });
  const { host, port } = await server.listen(config.listen, tls?.credentials);
  if (config.compression_min_bytes > 0 && !server.compresses) {
    log.warn('answers are not compressed: this version of grpc-js has changed inside');
  }
  identity.replica = `${hostname()}:${port}`;
  hub.start();
  retention.start();
  keyUses.start();
  refusals.start();
  record(EventKind.SERVER_STARTED, `server started, version ${boot.version}`);

  return {
    host,
    port,
    async stop(graceMs) {
      redisWatch?.close();
      waits?.close();
      tables?.close();
      tls?.close();
      await endpoint?.close();
      hub.close();
      await retention.stop();
      await server.drain(graceMs);
      tokensOfIssuer?.close();
      await keyUses.stop();
      await refusals.stop();
      await sweeper.stop();
      await store.close();
      cache.close();
      redis?.close();
      rateLimits?.close();
      poller.stop();
      await database.close();
    },
  };
}

async function openRedis(
  url: string,
  recorder: StatsRecorder,
  event: (kind: EventKind, text: string) => void,
): Promise<RedisConnection> {
  return connectRedis(url, {
    command: (_kind, startedAt) => recorder.redisCommand(startedAt),
    lost: (reason) => event(EventKind.REDIS_LOST, reason),
    back: () => event(EventKind.REDIS_BACK, 'Redis is used again'),
  });
}
