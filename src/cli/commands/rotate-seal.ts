import { defineCommand } from '../define-command.ts';
import { printJson } from '../output.ts';
import { connectionFlags, withHub } from '../session.ts';

export const rotateSealCommand = defineCommand({
  command: 'rotate-seal',
  describe: 'Change the key that wraps the keys of sealed secrets, while the server works',
  builder: (argv) =>
    connectionFlags(argv)
      .option('new-key', {
        type: 'boolean',
        default: true,
        describe: 'Make a new key in the keyring; --no-new-key where it has one already as its first',
      })
      .option('reseal', {
        type: 'boolean',
        default: false,
        describe: 'Also seal every value anew with new data keys',
      }),
  handler: (flags) =>
    withHub(flags, 'operator', async (hub) => {
      let last = { keyId: '', keysWrapped: 0n, rowsResealed: 0n };
      const { newKey, reseal } = flags;
      for await (const progress of hub.admin.rotateSealingKeys({ newKey, reseal })) last = progress;
      const { keyId, keysWrapped, rowsResealed } = last;
      if (flags.json) {
        printJson({ key_id: keyId, keys_wrapped: Number(keysWrapped), rows_resealed: Number(rowsResealed) });
        return;
      }
      const anew = reseal ? `, ${rowsResealed} rows sealed anew` : '';
      console.log(
        `The key ${keyId} wraps now: ${keysWrapped} data keys wrapped anew${anew}. Keep a copy of the keyring.`,
      );
    }),
});
