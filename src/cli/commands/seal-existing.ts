import { defineCommand } from '../define-command.ts';
import { printJson } from '../output.ts';
import { connectionFlags, withHub } from '../session.ts';

export const sealExistingCommand = defineCommand({
  command: 'seal-existing',
  describe: 'Seal what was stored in clear before its name was a sensitive one, while the server works',
  builder: connectionFlags,
  handler: (flags) =>
    withHub(flags, 'operator', async (hub) => {
      let rows = 0n;
      for await (const { rowsSealed } of hub.admin.rotateSealingKeys({ sealExisting: true })) rows = rowsSealed;
      if (flags.json) printJson({ rows_sealed: Number(rows) });
      else console.log(`${rows} rows had secrets in clear, and are sealed now.`);
    }),
});
