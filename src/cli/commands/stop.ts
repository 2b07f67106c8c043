import { stopLeftBehind } from '../../server/database/embedded/left-behind.ts';
import { dataDirectory } from '../../shared/discovery.ts';
import { defineCommand } from '../define-command.ts';
import { printJson } from '../output.ts';

export const stopCommand = defineCommand({
  command: 'stop',
  describe: 'End the server of the data directory, or a PostgreSQL that a killed server left behind',
  builder: (argv) => argv.option('json', { type: 'boolean', default: false }),
  handler: async (flags) => {
    const ended = await stopLeftBehind(dataDirectory());
    if (flags.json) printJson(ended);
    else if (ended.server === undefined && ended.postgres === undefined) console.log('Nothing was running.');
    else {
      if (ended.server !== undefined) console.log(`Ended the server (pid ${ended.server}).`);
      if (ended.postgres !== undefined) console.log(`Ended PostgreSQL (pid ${ended.postgres}).`);
    }
  },
});
