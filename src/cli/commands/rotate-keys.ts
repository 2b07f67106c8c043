import { writeSync } from 'node:fs';
import { defineCommand } from '../define-command.ts';
import { keyToJson } from '../key-text.ts';
import { openNew } from '../new-file.ts';
import { printJson, timeText } from '../output.ts';
import { connectionFlags, withHub } from '../session.ts';
import { durationOf, expiryOf } from '../time-flags.ts';

export const rotateCommand = defineCommand({
  command: 'rotate <ids..>',
  describe: 'Give API keys new secrets; the old ones go on working for an overlap',
  builder: (argv) =>
    connectionFlags(argv)
      .positional('ids', { type: 'string', array: true, demandOption: true })
      .option('overlap', { type: 'string', default: '24h', describe: 'How long the old secrets work: 24h, 30m, 0s' })
      .option('expires', { type: 'string', describe: 'When the keys end from now on: 90d, or a time; else as before' })
      .option('out', {
        type: 'string',
        describe: 'Write the new secret into this new file (mode 0600) instead of showing it; for one key',
      })
      .check(({ ids, out }) => out === undefined || ids.length === 1 || '--out is for one key at a time.'),
  handler: (flags) =>
    withHub(flags, 'operator', async (hub) => {
      const file = flags.out === undefined ? undefined : openNew(flags.out);
      const request = { ids: flags.ids, overlap: durationOf(flags.overlap), ...expiryOf(flags.expires) };
      const { keys } = await hub.admin.rotateKeys(request);
      for (const { apiKey, credential } of keys) {
        if (file !== undefined) writeSync(file, `${credential}\n`);
        const shown = file === undefined ? credential : undefined;
        if (flags.json) printJson({ ...keyToJson(apiKey), ...(shown ? { credential: shown } : {}) });
        else console.log(shown ?? `The new secret of key ${apiKey?.id} is in ${flags.out}.`);
      }
      if (!flags.json) {
        const until = keys[0]?.apiKey?.previousExpireTime;
        console.error(
          `The secret${keys.length > 1 ? 's' : ''} before work${keys.length > 1 ? '' : 's'} until ${timeText(until)}.`,
        );
      }
    }),
});
