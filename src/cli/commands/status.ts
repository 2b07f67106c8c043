import { dataDirStatus } from '../../server/database/embedded/left-behind.ts';
import { findTls } from '../../shared/client-tls.ts';
import { dataDirectory } from '../../shared/discovery.ts';
import { defineCommand } from '../define-command.ts';
import { CommandFailure } from '../failure.ts';
import { serverHealth } from '../health.ts';
import { printJson } from '../output.ts';

const MIB = 1024 * 1024;
/** As pg_ctl and systemctl have it, so that a script can tell "not there" from "could not look". */
const NOT_RUNNING = 3;

export const statusCommand = defineCommand({
  command: 'status',
  describe: 'Show what runs on the data directory (MEMORYHUB_DATA_DIR); exit code 3: no server',
  builder: (argv) =>
    argv.option('json', { type: 'boolean', default: false }).option('check', {
      type: 'boolean',
      default: false,
      describe: 'Exit code 1 unless a server runs here and serves',
    }),
  handler: async (flags) => {
    const status = await dataDirStatus(dataDirectory());
    const { server, postgres } = status;
    const health =
      server && (await serverHealth(server.address, findTls({}, process.env) ?? (server.tls ? {} : undefined)));
    if (flags.json) printJson({ ...status, ...(health && { health }) });
    else {
      const size = status.sizeBytes === undefined ? 'size unknown' : `${Math.round(status.sizeBytes / MIB)} MiB`;
      console.log(`data      ${status.dataDir} (${size})`);
      console.log(
        `server    ${server ? `pid ${server.pid} at ${server.address}, since ${server.since}, ${health}` : 'not running'}`,
      );
      const answers = postgres?.answers ? 'answers' : 'does not answer';
      const leftBehind = postgres && !server ? '; left behind by a server that is gone: memory-hub stop ends it' : '';
      console.log(
        `postgres  ${postgres ? `pid ${postgres.pid} on port ${postgres.port}, ${answers}${leftBehind}` : 'not running here'}`,
      );
    }
    if (!flags.check) {
      if (!server) process.exitCode = NOT_RUNNING;
      return;
    }
    if (!server) throw new CommandFailure('no server runs on this data directory');
    if (health !== 'SERVING') throw new CommandFailure(`the server does not serve: its health is ${health}`);
  },
});
