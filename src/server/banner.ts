import { join, relative } from 'node:path';
import { KEY_FILES } from '../shared/discovery.ts';
import type { Config } from './config.ts';
import type { EmbeddedPostgres } from './database/embedded/embedded-postgres.ts';

/** The first screen: where the server is, where things are kept, and what to do next. */
export function startBanner(server: {
  readonly config: Config;
  readonly address: string;
  readonly postgres: EmbeddedPostgres | undefined;
}): string {
  const { config, address, postgres } = server;
  const here = (path: string) => relative(process.cwd(), path) || '.';
  const adminKey = here(join(config.data_dir, KEY_FILES.admin));
  const database = postgres
    ? `embedded PostgreSQL in ${here(config.data_dir)}${postgres.adopted ? ' (was still running)' : postgres.recovered ? ' (recovered)' : ''}`
    : 'PostgreSQL of DATABASE_URL';
  return `
  Memory Hub serves gRPC on ${address}${config.tls_cert ? ' with TLS' : ''}

  data     ${database}${config.redis_url ? ', cached in Redis' : ''}
  keys     ${adminKey} (workspace "default"), ${here(join(config.data_dir, KEY_FILES.operator))} (the server)
  monitor  npm run monitor
  call it  npm run cli -- save "Deploys happen Tuesdays." --category decision
           npm run cli -- list
           npx buf curl --protocol grpc ${config.tls_cert ? '--cacert FILE' : '--http2-prior-knowledge'} --reflect-header '*' \\
             -H "authorization: Bearer $(cat ${adminKey})" -d '{"limit": 3}' \\
             ${config.tls_cert ? 'https' : 'http'}://${address}/memoryhub.v1.MemoryService/ListMemories

  Ctrl-C stops it.
`;
}
